"""An alert as plain words, which placeholders name, and as JSON, which programs and webhooks read."""

from collections.abc import Mapping
from typing import Final

from lvsmon.actions.clean import lines, one_line
from lvsmon.alerts.alert import Alert, Json
from lvsmon.alerts.condition import Condition
from lvsmon.model import FactValue

PLACEHOLDERS: Final = (
    "id", "incident", "stage", "severity", "route", "subject", "text", "director", "virtual", "realserver",
    "destination", "number", "at", "since",
)  # fmt: skip

MAX_CONDITIONS: Final = 50
"""Conditions that are handed on: an alert about five hundred destinations says how many there are, as a number."""

_MAX_LINE: Final = 500
"""Characters of a line, of which a realserver may have written some."""

_MAX_WORD: Final = 2048
"""Characters of the text where it is one word among others: arguments and variables of a program have 128 KiB together
(`lvsmon.net.spawner.MAX_REQUEST`), and a character may take twelve bytes of that."""

_MAX_TEXT: Final = 32768
"""Characters of the text where there is room."""

_MAX_DONE: Final = 20
_MAX_FACTS: Final = 20


def words(alert: Alert) -> dict[str, str]:
    """Return what each of `PLACEHOLDERS` stands for; times are whole seconds since 1970.

    ``virtual``, ``realserver`` and ``destination`` are those of what is worst; empty where that is the director.
    """
    subject = alert.conditions[0].subject if alert.conditions else None
    found = {
        "id": alert.id,
        "incident": alert.incident,
        "stage": str(alert.stage),
        "severity": str(alert.severity),
        "route": alert.route,
        "subject": alert.subject,
        "director": alert.director,
        "virtual": subject.virtual if subject else "",
        "realserver": subject.realserver if subject else "",
        "destination": subject.destination if subject else "",
        "number": str(alert.number),
        "at": str(int(alert.at)),
        "since": str(int(alert.since)),
    }
    return {name: one_line(word, _MAX_LINE) for name, word in found.items()} | {"text": lines(alert.text, _MAX_WORD)}


def as_json(alert: Alert) -> dict[str, Json]:
    """Return everything that the alert says, bounded; times are seconds since 1970."""
    return {
        "version": 1,
        "id": one_line(alert.id, _MAX_LINE),
        "incident": one_line(alert.incident, _MAX_LINE),
        "stage": str(alert.stage),
        "severity": str(alert.severity),
        "route": one_line(alert.route, _MAX_LINE),
        "subject": one_line(alert.subject, _MAX_LINE),
        "text": lines(alert.text, _MAX_TEXT),
        "at": alert.at,
        "since": alert.since,
        "number": alert.number,
        "director": one_line(alert.director, _MAX_LINE),
        "condition_count": len(alert.conditions),
        "conditions": [_condition(condition) for condition in alert.conditions[:MAX_CONDITIONS]],
        "over": [_condition(condition) for condition in alert.over[:MAX_CONDITIONS]],
    }


def _condition(condition: Condition) -> dict[str, Json]:
    subject = condition.subject
    return {
        "severity": str(condition.severity),
        "virtual": one_line(subject.virtual, _MAX_LINE),
        "realserver": one_line(subject.realserver, _MAX_LINE),
        "destination": one_line(subject.destination, _MAX_LINE),
        "about": one_line(subject.about, _MAX_LINE),
        "summary": one_line(condition.summary, _MAX_LINE),
        "seen": one_line(condition.seen, _MAX_LINE),
        "reason": one_line(condition.reason, _MAX_LINE),
        "since": condition.since,
        "done": [one_line(done, _MAX_LINE) for done in condition.done[:_MAX_DONE]],
        "left": one_line(condition.left, _MAX_LINE),
        "tags": [one_line(tag, _MAX_LINE) for tag in sorted(condition.tags)],
        "facts": _facts(condition.facts),
    }


def _facts(facts: Mapping[str, FactValue]) -> dict[str, Json]:
    return {
        one_line(name, _MAX_LINE): one_line(fact, _MAX_LINE) if isinstance(fact, str) else fact
        for name, fact in list(facts.items())[:_MAX_FACTS]
    }
