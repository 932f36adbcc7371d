"""weight: another weight in place of the configured one, or that one again."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from lvsmon.control.access import Access
from lvsmon.control.verb import Asked, Verb
from lvsmon.control.wished import Line, PlaceArguments, carry_out
from lvsmon.control.wishing import Changed, Standing, added, cleared, places
from lvsmon.model import MAX_WEIGHT, Wish, WishKind


class WeightArguments(PlaceArguments):
    weight: Annotated[int, Field(ge=0, le=MAX_WEIGHT)] | None
    """None for the configured one."""

    reason: Line | None = None
    """The name under which it stands, "operator" without it; of several the smallest weight wins."""

    until: float | None = None
    """Wall-clock seconds."""

    force: bool = False
    """Weight 0 also where nobody else serves."""


def change(arguments: WeightArguments, before: Standing) -> Changed:
    """Return the wishes with this one, or without it."""
    if arguments.weight is None:
        return cleared(
            before, arguments.realservers, arguments.service, reason=arguments.reason, everything=True, weights=True
        )
    where = places(arguments.realservers, arguments.service, before)
    made = [
        Wish(
            name=arguments.reason or "operator", kind=WishKind.WEIGHT, weight=arguments.weight,
            realserver=place.realserver, virtual=place.virtual, by=before.by, since=before.now, until=arguments.until,
        )
        for place in where
    ]  # fmt: skip
    return added(before, where, made)


async def answer(asked: Asked[WeightArguments]) -> Mapping[str, Any]:
    return await carry_out(asked, change, force=asked.arguments.force)


VERB: Final = Verb(Access.WRITE, WeightArguments, answer)
