"""enable: one reason that holds a realserver out is cleared; the answer says which are left."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from lvsmon.control.access import Access
from lvsmon.control.verb import Asked, Verb
from lvsmon.control.wished import Line, PlaceArguments, carry_out
from lvsmon.control.wishing import Changed, Standing, cleared


class EnableArguments(PlaceArguments):
    reason: Line | None = None
    """Which one; it may be left out where there is only one."""

    everything: bool = Field(default=False, alias="all")
    """All of them."""


def change(arguments: EnableArguments, before: Standing) -> Changed:
    """Return the wishes without those."""
    return cleared(
        before, arguments.realservers, arguments.service,
        reason=arguments.reason, everything=arguments.everything, weights=False,
    )  # fmt: skip


async def answer(asked: Asked[EnableArguments]) -> Mapping[str, Any]:
    return await carry_out(asked, change)


VERB: Final = Verb(Access.WRITE, EnableArguments, answer)
