"""maintenance: everything that operators wish for: by whom, why, since and until when, and how far it is."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from lvsmon.control.access import Access
from lvsmon.control.protocol import Code
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.control.verbs.status import head, view_of
from lvsmon.control.view import View
from lvsmon.control.wished import documents
from lvsmon.errors import ControlRefused
from lvsmon.model import Wish, standing
from lvsmon.monitor.selection import Selection, UnknownName


class MaintenanceArguments(Arguments):
    names: list[str] = Field(default=[], max_length=1000)
    """Virtual services and realservers; everything where there is none."""


def wishes_of(view: View, names: list[str]) -> list[Wish]:
    """Return the wishes in force that concern ``names``; raise UnknownName."""
    wishes = standing(view.snapshot.wishes, view.now)
    known = {wish.realserver for wish in wishes}
    virtuals = view.snapshot.plan.virtuals
    Selection.of([name for name in names if name not in known], virtuals)
    members = {each.realserver.name for virtual in virtuals if virtual.name in names for each in virtual.destinations}
    return [
        wish
        for wish in wishes
        if not names
        or wish.realserver in names
        or wish.virtual in names
        or (wish.virtual is None and wish.realserver in members)
    ]


async def answer(asked: Asked[MaintenanceArguments]) -> Mapping[str, Any]:
    view, trouble = await view_of(asked.office)
    try:
        wishes = wishes_of(view, asked.arguments.names)
    except UnknownName as error:
        raise ControlRefused(Code.UNKNOWN_NAME, str(error)) from error
    for told in documents(wishes, view):
        await asked.progress({"wish": told})
    return head(asked.office, view, trouble)


VERB: Final = Verb(Access.READ, MaintenanceArguments, answer)
