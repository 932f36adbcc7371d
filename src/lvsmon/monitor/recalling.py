"""What the history tells of an earlier process, as steps of a `Trail`: a restart forgets nothing. Pure."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from lvsmon.config.plan import Plan
from lvsmon.model import DestinationId
from lvsmon.model.history import Entry, EntryKind
from lvsmon.monitor.trail import STEPS, Step, StepKind, shown_weight

RECALLED: Final = 5000
"""Entries that are looked through at a start, the newest: some tens of milliseconds, and a large director's day."""


def recalled(entries: Iterable[Entry], plan: Plan) -> Mapping[DestinationId, deque[Step]]:
    """Return the last steps of each destination of ``plan``, the oldest first, as ``entries`` are."""
    places: dict[tuple[str, str], list[DestinationId]] = {}
    for virtual in plan.virtuals:
        for each in virtual.destinations:
            which = virtual.key, each.key
            places[virtual.name, str(each.key)] = [which]
            places.setdefault((virtual.name, each.realserver.name), []).append(which)
    found: dict[DestinationId, deque[Step]] = {}
    for entry in entries:
        names = [entry.destination] if entry.destination else entry.realservers
        for which in dict.fromkeys(
            which for virtual in entry.virtuals for name in names for which in places.get((virtual, name), ())
        ):
            found.setdefault(which, deque(maxlen=STEPS)).extend(_steps(entry))
    return found


def _steps(entry: Entry) -> Iterable[Step]:
    at, what = entry.moment.at, f": {entry.what}" if entry.what else ""
    if entry.kind is EntryKind.PROBE:
        yield Step(at, StepKind.PROBE, f"{entry.before} → {entry.after}{what}", earlier=True)
    if entry.kind is EntryKind.HEALTH and entry.before and entry.after:
        yield Step(at, StepKind.HEALTH, f"{entry.before} → {entry.after}", earlier=True)
    if entry.kind in (EntryKind.HEALTH, EntryKind.DECISION) and entry.weight_before != entry.weight_after:
        change = f"{shown_weight(entry.weight_before)} → {shown_weight(entry.weight_after)}"
        yield Step(at, StepKind.WEIGHT, f"{change}{what}", earlier=True)
    if entry.kind is EntryKind.WRITE:
        yield Step(at, StepKind.WRITTEN, entry.what, earlier=True)
