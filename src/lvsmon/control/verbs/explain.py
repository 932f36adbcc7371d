"""explain: why a destination is in or out, at its weight: outcomes, rules, wishes and writes, in order."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from lvsmon.control.access import Access
from lvsmon.control.protocol import Code
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.control.verbs.status import closer, head, view_of
from lvsmon.errors import ControlRefused
from lvsmon.monitor.selection import UnknownName, find


class ExplainArguments(Arguments):
    dest: Annotated[str, Field(max_length=200)]
    """VIRTUAL/REALSERVER, an address with or without a port, or a name."""


async def answer(asked: Asked[ExplainArguments]) -> Mapping[str, Any]:
    view, trouble = await view_of(asked.office)
    try:
        found = find(asked.arguments.dest, view.snapshot.plan.virtuals)
    except UnknownName as error:
        raise ControlRefused(Code.UNKNOWN_NAME, str(error)) from error
    view = await closer(asked.office, view, (destination for _, destination in found))
    for virtual, destination in found:
        await asked.progress({"destination": view.account(virtual, destination)})
    return head(asked.office, view, trouble)


VERB: Final = Verb(Access.READ, ExplainArguments, answer)
