"""What a message says, as plain harmless values: escaped, bounded, in words. Texts and templates see nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, TypeAlias

from lvsmon.alerts.condition import Condition
from lvsmon.alerts.holding import Held
from lvsmon.alerts.threads import Message
from lvsmon.text import escape

MOST_LISTED: Final = 20
"""Conditions that one message lists: what a person reads. Of the rest it has the number."""

LONGEST: Final = 500
"""Characters of one value: a detail has at most 400, and escapes make it longer."""

Values: TypeAlias = dict[str, Any]

VARIABLES: Final = frozenset(
    [
        "at", "by", "conditions", "director", "follows", "held", "held_total", "incident", "lasted", "look", "more",
        "more_follow", "number", "over", "route", "severity", "since", "stage",
    ]
)  # fmt: skip
"""What `values_of` returns, for templates to be read by."""


@dataclass(frozen=True, slots=True)
class About:
    """What is the same for all messages. ``director`` is the host name; ``daemon`` whether there is one to ask."""

    director: str
    zone: tzinfo = UTC
    daemon: bool = True


def harmless(text: str, limit: int = LONGEST) -> str:
    """Return ``text`` as one printable line of at most ``limit`` characters."""
    made = escape(text[: limit + 1])
    return made if len(made) <= limit else made[: limit - 1] + "…"


def values_of(message: Message, route: str, held: Held | None, about: About, now: float) -> Values:
    """Return what a template may use, by name."""
    thread, conditions = message.thread, message.conditions
    return {
        "stage": str(message.stage),
        "severity": str(conditions[0].severity) if conditions else "",
        "director": harmless(about.director, 255),
        "route": route,
        "incident": thread.id,
        "number": thread.number,
        "at": told_at(now, about.zone),
        "since": told_at(thread.since, about.zone),
        "lasted": lasting(now - thread.since),
        "conditions": _listed(conditions, about, now),
        "more": max(0, len(conditions) - MOST_LISTED),
        "over": _listed(message.over, about, now),
        "follows": _listed(message.follows, about, now),
        "more_follow": max(0, len(message.follows) - MOST_LISTED),
        "by": [_by(incident.acknowledged, about) for incident in message.by[:MOST_LISTED] if incident.acknowledged],
        "held": [] if held is None else _held(held, about),
        "held_total": 0 if held is None else held.total,
        "look": look(conditions, daemon=about.daemon),
    }


def look(conditions: Sequence[Condition], *, daemon: bool) -> str:
    """Return the command that shows more of the worst of ``conditions``."""
    for condition in conditions:
        subject = condition.subject
        if subject.virtual and subject.realserver:
            explain = f"lvsmon explain {subject.virtual}/{subject.realserver}"
            return explain if daemon else f"lvsmon check {subject.virtual}"
    return "lvsmon status" if daemon else "lvsmon check"


def told_at(moment: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M:%S %Z}"


def lasting(seconds: float) -> str:
    """Return a time in its two largest units: "3d 4h", "12m 5s", "0s"."""
    rest, parts = max(0, int(seconds)), list[str]()
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def _listed(conditions: Sequence[Condition], about: About, now: float) -> list[Values]:
    return [_condition(one, about, now) for one in conditions[:MOST_LISTED]]


def _condition(condition: Condition, about: About, now: float) -> Values:
    subject = condition.subject
    return {
        "severity": str(condition.severity),
        "summary": harmless(condition.summary),
        "seen": harmless(condition.seen),
        "reason": harmless(condition.reason),
        "since": told_at(condition.since, about.zone),
        "lasted": lasting(now - condition.since),
        "done": [harmless(one) for one in condition.done[:MOST_LISTED]],
        "left": harmless(condition.left),
        "virtual": subject.virtual,
        "realserver": subject.realserver,
        "destination": subject.destination,
        "about": harmless(subject.about),
        "tags": sorted(condition.tags),
    }


def _by(ack: Any, about: About) -> Values:
    return {
        "user": harmless(ack.user, 64),
        "comment": harmless(ack.comment),
        "until": "" if ack.until is None else told_at(ack.until, about.zone),
    }


def _held(held: Held, about: About) -> list[str]:
    lines = held.lines[: 2 * MOST_LISTED]
    return [f"{told_at(one.at, about.zone)} {one.stage}: {harmless(one.condition.summary)}" for one in lines]
