"""Outcomes as bounded JSON, and back: for the state file, and for the way from one process to another."""

import json
from typing import Any, Final

from lvsmon.errors import clip
from lvsmon.model import FactValue, Outcome, Phases, Reason, Verdict, Weight

MAX_OUTCOME: Final = 8192
"""Characters of a stored outcome: a detail of 400 that is all escapes is 4,800, the rest is for facts. Two pages."""


def encode(outcome: Outcome) -> str:
    """Return ``outcome`` as JSON of at most `MAX_OUTCOME` characters; facts that do not fit are left out."""
    return json.dumps(record_of(outcome))


def record_of(outcome: Outcome) -> dict[str, Any]:
    """Return what `encode` writes."""
    record: dict[str, Any] = {
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "detail": clip(outcome.detail),
        "phases": [outcome.phases.connect, outcome.phases.tls, outcome.phases.first_byte, outcome.phases.total],
    }
    if outcome.weight is not None:
        record["weight"] = str(outcome.weight)
    room = MAX_OUTCOME - len(json.dumps(record)) - len(', "facts": {}')
    facts: dict[str, FactValue] = {}
    for name, value in outcome.facts.items():
        room -= len(json.dumps({name: value}))
        if room < 0:
            break
        facts[name] = value
    return record | {"facts": facts} if facts else record


def decode(text: str) -> Outcome:
    """Return the outcome that `encode` wrote; raise ValueError, KeyError or TypeError for anything else."""
    record = json.loads(text)
    weight = record.get("weight")
    connect, tls, first_byte, total = record["phases"]
    return Outcome(
        verdict=Verdict(record["verdict"]),
        reason=Reason(record["reason"]),
        detail=record["detail"],
        facts=record.get("facts", {}),
        phases=Phases(connect=connect, tls=tls, first_byte=first_byte, total=total),
        weight=None if weight is None else Weight.parse(weight),
    )
