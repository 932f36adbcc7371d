"""What the verbs that change wishes have in common: their arguments, and how they answer."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field

from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.control.verb import Arguments, Asked
from lvsmon.control.verbs.reload import written
from lvsmon.control.view import View
from lvsmon.control.wishing import Changed, Standing
from lvsmon.model import Destination, Manage, VirtualService, Wish, WishKind, standing
from lvsmon.pool import draining


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("write one line of printable text")
    return text


Line = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]


class PlaceArguments(Arguments):
    """Where, and on whose behalf."""

    realservers: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=200)]
    """By name or address, or VIRTUAL/REALSERVER."""

    service: Annotated[str, Field(max_length=200)] | None = None
    """The virtual service; all of them where there is none."""

    on_behalf_of: Line | None = None
    """Who asks through root (sudo): believed of root alone."""


class OutArguments(PlaceArguments):
    """What a wish that holds out takes."""

    reason: Line = "operator"
    """The name under which it stands, and is cleared."""

    until: float | None = None
    """Wall-clock seconds."""

    force: bool = False
    """Also where nobody else serves."""


Taken = TypeVar("Taken", bound=PlaceArguments)


async def carry_out(
    asked: Asked[Taken], change: Callable[[Taken, Standing], Changed], *, force: bool = False
) -> Mapping[str, Any]:
    """Have ``change`` made, on behalf of who asks; return the result."""
    by, behalf = await asked.office.name_of(asked.peer), asked.arguments.on_behalf_of
    if asked.peer.uid == 0 and behalf is not None:
        by = behalf
    changed, report, unsaved = await asked.office.wish(partial(change, asked.arguments), by, force=force)
    snapshot = asked.office.director.snapshot()
    view = View(snapshot=snapshot, table=snapshot.observed, now=time.time())
    return document(changed, view, report, unsaved)


def document(changed: Changed, view: View, report: Report | str | None, unsaved: str | None) -> dict[str, Any]:
    """Return the result of a change; ``report`` is None where nobody reconciles."""
    done = {"written": [], "refused": [], "trouble": None} if report is None else written(report)
    return {
        "at": view.now,
        "made": list(documents(changed.made, view)),
        "cleared": list(documents(changed.cleared, view)),
        "left": list(documents(changed.left(standing(view.snapshot.wishes, view.now)), view)),
        "places": [{"realserver": place.realserver, "virtual": place.virtual} for place in changed.places],
        "unsaved": unsaved,
        **done,
    }


def documents(wishes: Iterable[Wish], view: View) -> Iterable[dict[str, Any]]:
    """Return what is told of each wish, with the destinations it concerns and how far a drain is on each."""
    every = defaultdict[str, list[tuple[VirtualService, Destination]]](list)
    for virtual in view.snapshot.plan.virtuals:
        for destination in virtual.destinations:
            every[destination.realserver.name].append((virtual, destination))
    for wish in wishes:
        mine = [each for each in every[wish.realserver] if wish.concerns(each[0].name, wish.realserver)]
        yield {
            "name": wish.name,
            "kind": wish.kind,
            "realserver": wish.realserver,
            "virtual": wish.virtual,
            "weight": wish.weight,
            "comment": wish.comment,
            "by": wish.by,
            "since": wish.since,
            "until": wish.until,
            "remove": wish.remove,
            "deadline": wish.deadline,
            "destinations": [_destination(wish, view, *each) for each in mine],
        }


def _destination(wish: Wish, view: View, virtual: VirtualService, destination: Destination) -> dict[str, Any]:
    told = view.destination(virtual, destination)
    seen = view.table.get(virtual.key)
    entry = None if seen is None else seen.destinations.get(destination.key)
    drain = draining.look(wish, virtual, entry, view.now) if wish.kind is WishKind.DRAIN else None
    return {
        "virtual": virtual.name,
        "key": told["key"],
        "health": told["health"],
        "weight": told["weight"],
        "because": told["because"],
        "active": told["active"],
        "inactive": told["inactive"],
        "persistent": told["persistent"],
        "manage": virtual.manage,
        "persistence_seconds": virtual.settings.persistence,
        "drain": None
        if drain is None
        else {
            "stage": drain.stage,
            "left": drain.left,
            "endless": drain.endless,
            "removes": wish.remove and virtual.manage is Manage.FULL,
        },
    }
