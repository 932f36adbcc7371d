"""Figures of every virtual service and each of its destinations, from what was written down."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lvsmon.model import Rule
from lvsmon.model.history import Entry, Session
from lvsmon.past.figures import Figures, figures
from lvsmon.past.timeline import State, Stretch, combined, timeline


@dataclass(frozen=True, slots=True)
class DestinationFigures:
    realserver: str
    destination: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class VirtualFigures:
    """``figures`` are of all destinations together, ``destinations`` those that were asked for."""

    virtual: str
    figures: Figures
    destinations: tuple[DestinationFigures, ...]


def availability(
    sessions: Sequence[Session],
    entries: Sequence[Entry],
    since: float,
    until: float,
    *,
    now: float,
    names: Collection[str] = (),
) -> list[VirtualFigures]:
    """Return the figures of what ``names`` select (everything, if there are none) from ``since`` to ``until``.

    ``entries`` are all of health and of decisions, in their order. Of what was not configured in that time there is
    nothing to tell.
    """
    of_virtual: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        if entry.rule == Rule.SORRY:  # a sorry server is no destination that anybody counts on
            continue
        of_virtual.setdefault(entry.virtuals[0], {}).setdefault(entry.destination, []).append(entry)
    found = []
    for virtual, of_destination in sorted(of_virtual.items()):
        lines: list[tuple[DestinationFigures, list[Stretch]]] = []
        for destination, mine in sorted(of_destination.items(), key=lambda one: _order(one[1][-1])):
            stretches = timeline(sessions, mine, since, until, now=now)
            if any(one.state is not State.NO_RECORD for one in stretches):
                realserver = mine[-1].realservers[0]
                lines.append((DestinationFigures(realserver, destination, figures(stretches)), stretches))
        told = tuple(
            line
            for line, _ in lines
            if not names or {virtual, line.realserver, f"{virtual}/{line.realserver}"} & set(names)
        )
        if told:
            together = figures(combined([stretches for _, stretches in lines]))
            found.append(VirtualFigures(virtual, together, told))
    return found


def _order(entry: Entry) -> tuple[str, str]:
    return entry.realservers[0], entry.destination
