"""For programs: JSON of a stable schema, documented in docs/reference/history.md.

Within one ``version`` keys are only ever added. Texts are raw: JSON escapes what is not ASCII. Times are in UTC.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from lvsmon.model.history import Entry
from lvsmon.past.availability import VirtualFigures
from lvsmon.past.events import Event
from lvsmon.past.figures import Figures, Incident
from lvsmon.past.period import iso

SCHEMA_VERSION: Final = 1


def history(events: Sequence[Event], since: float, until: float) -> str:
    return _dumped({**_span(since, until), "events": [_event(event) for event in events]})


def _event(event: Event) -> dict[str, Any]:
    times = {"at": iso(event.at), "recorded_at": iso(event.recorded)}
    if not isinstance(event.what, Entry):
        return {**times, "kind": "lvsmon", "what": event.what, "version": event.version}
    entry = event.what
    return {
        **times,
        "kind": entry.kind,
        "virtuals": list(entry.virtuals),
        "realservers": list(entry.realservers),
        "destination": entry.destination or None,
        "probe": entry.probe or None,
        "before": entry.before or None,
        "after": entry.after or None,
        "weight_before": entry.weight_before,
        "weight_after": entry.weight_after,
        "rule": entry.rule or None,
        "what": entry.what,
        "planned": entry.planned,
    }


def availability(virtuals: Sequence[VirtualFigures], since: float, until: float) -> str:
    document = {
        **_span(since, until),
        "virtuals": [
            {
                "name": virtual.virtual,
                **_figures(virtual.figures),
                "destinations": [
                    {"realserver": one.realserver, "key": one.destination, **_figures(one.figures)}
                    for one in virtual.destinations
                ],
            }
            for virtual in virtuals
        ],
    }
    return _dumped(document)


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "available": figures.available,
        "seconds": dict(figures.seconds),
        "shares": dict(figures.shares),
        "longest_incident_seconds": figures.longest,
        "mean_time_to_repair_seconds": figures.mean_repair,
        "incidents": [_incident(one) for one in figures.incidents],
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "start": iso(incident.start),
        "end": None if incident.end is None else iso(incident.end),
        "down_seconds": incident.down,
    }


def _span(since: float, until: float) -> dict[str, Any]:
    return {"version": SCHEMA_VERSION, "since": iso(since), "until": iso(until), "seconds": until - since}


def _dumped(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"
