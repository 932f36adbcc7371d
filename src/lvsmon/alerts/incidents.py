"""Incidents: a condition that appears opens one, changes update it, its end closes it. Pure.

    condition appears              it is gone
──────────────────────▶ open ─────────────────────▶ ended
                         │ ▲
            acknowledged │ │ the acknowledgement expires, or is taken back
                         ▼ │
                    acknowledged
"""

import hashlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from lvsmon.alerts.condition import Condition, ConditionId, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who has taken an incident on. Times are wall-clock seconds; ``until`` None is until the incident is over."""

    user: str
    comment: str = ""
    at: float
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A condition from its beginning to its end; ``condition`` is as it was last seen."""

    id: str
    condition: Condition
    opened: float
    acknowledged: Acknowledgement | None = None

    def is_acknowledged(self, now: float) -> bool:
        ack = self.acknowledged
        return ack is not None and (ack.until is None or now < ack.until)


Incidents: TypeAlias = Mapping[ConditionId, Incident]
"""The open ones."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of the incidents: those that are open now, and those that were opened and ended just now."""

    incidents: Incidents
    opened: tuple[Incident, ...] = ()
    ended: tuple[Incident, ...] = ()


def follow(
    incidents: Incidents, conditions: Iterable[Condition], now: float, unjudged: Container[Subject] = ()
) -> Followed:
    """Return what ``conditions``, everything that is wrong at ``now``, make of ``incidents``.

    Of the subjects in ``unjudged`` nobody can say anything now, so that their incidents go on as they were last seen.
    """
    open_now: dict[ConditionId, Incident] = {}
    opened = []
    for condition in conditions:
        before = incidents.get(condition.id)
        if before is None:
            since = min(condition.since, now) or now
            incident = Incident(id=identity(condition, now), condition=replace(condition, since=since), opened=now)
            opened.append(incident)
        else:
            seen = replace(condition, since=condition.since or before.condition.since)
            incident = before if seen == before.condition else replace(before, condition=seen)
        open_now[condition.id] = incident
    open_now |= {key: incident for key, incident in incidents.items() if key not in open_now and key[1] in unjudged}
    ended = tuple(incident for key, incident in incidents.items() if key not in open_now)
    return Followed(open_now, tuple(opened), ended)


def acknowledge(incidents: Incidents, name: str, ack: Acknowledgement | None) -> Incidents:
    """Return ``incidents`` with the one whose id is ``name`` acknowledged, or not any more; other names do nothing."""
    return {
        key: replace(incident, acknowledged=ack) if incident.id == name else incident
        for key, incident in incidents.items()
    }


def root_of(incidents: Incidents, incident: Incident) -> Incident | None:
    """Return the open incident that explains ``incident``, the uppermost one; None if nothing does.

    Those that explain each other are explained by nothing: somebody has to be told.
    """
    seen = {incident.condition.id}
    found = None
    parent = incident.condition.parent
    while parent is not None and parent in incidents:
        if parent in seen:
            return None
        seen.add(parent)
        found = incidents[parent]
        parent = found.condition.parent
    return found


def identity(condition: Condition, opened: float) -> str:
    """Return a short name for the incident that ``condition`` opens: people type it."""
    subject = condition.subject
    text = "\n".join(
        [condition.severity, subject.virtual, subject.realserver, subject.destination, subject.about, repr(opened)]
    )
    return hashlib.blake2b(text.encode(), digest_size=5, usedforsecurity=False).hexdigest()
