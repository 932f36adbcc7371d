"""disable: nothing new to a realserver, under a named reason, until that is cleared or its time is over."""

from collections.abc import Mapping
from typing import Any, Final

from lvsmon.control.access import Access
from lvsmon.control.verb import Asked, Verb
from lvsmon.control.wished import OutArguments, carry_out
from lvsmon.control.wishing import Changed, Standing, added, places
from lvsmon.model import Wish, WishKind


def change(arguments: OutArguments, before: Standing) -> Changed:
    """Return the wishes with this one."""
    where = places(arguments.realservers, arguments.service, before)
    made = [
        Wish(
            name=arguments.reason, kind=WishKind.DISABLE, realserver=place.realserver, virtual=place.virtual,
            by=before.by, since=before.now, until=arguments.until,
        )
        for place in where
    ]  # fmt: skip
    return added(before, where, made)


async def answer(asked: Asked[OutArguments]) -> Mapping[str, Any]:
    return await carry_out(asked, change, force=asked.arguments.force)


VERB: Final = Verb(Access.WRITE, OutArguments, answer)
