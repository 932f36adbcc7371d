"""drain: nothing new to a realserver, and once its connections have ended, or at a deadline, out of the table."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from lvsmon.control.access import Access
from lvsmon.control.verb import Asked, Verb
from lvsmon.control.wished import OutArguments, carry_out
from lvsmon.control.wishing import Changed, Standing, added, places
from lvsmon.model import Wish, WishKind

LONGEST: Final = 31 * 86400.0
"""Seconds to a deadline."""


class DrainArguments(OutArguments):
    seconds: Annotated[float, Field(gt=0, le=LONGEST)] | None = None
    """From now to the deadline; without it there is none."""

    remove: bool = False
    """Whether it leaves the table then, or as soon as nothing is left."""


def change(arguments: DrainArguments, before: Standing) -> Changed:
    """Return the wishes with this one."""
    where = places(arguments.realservers, arguments.service, before)
    deadline = None if arguments.seconds is None else before.now + arguments.seconds
    made = [
        Wish(
            name=arguments.reason, kind=WishKind.DRAIN, realserver=place.realserver, virtual=place.virtual,
            by=before.by, since=before.now, until=arguments.until, remove=arguments.remove, deadline=deadline,
        )
        for place in where
    ]  # fmt: skip
    return added(before, where, made)


async def answer(asked: Asked[DrainArguments]) -> Mapping[str, Any]:
    return await carry_out(asked, change, force=asked.arguments.force)


VERB: Final = Verb(Access.WRITE, DrainArguments, answer)
