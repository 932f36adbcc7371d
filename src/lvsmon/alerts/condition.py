"""What is not as it should be, at one moment."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeAlias

from lvsmon.model import FactValue
from lvsmon.text import encodable

MAX_SEEN: Final = 2000
"""Characters that are kept of what was seen, more than any text shows of it."""


class Severity(StrEnum):
    """What kind of news it is: routes choose by it. From what can wait to what cannot."""

    WARN = "warn"
    CERTIFICATE = "certificate"
    CANNOT_PROBE = "cannot_probe"
    DRIFT = "drift"
    FLAPPING = "flapping"
    DOWN = "down"
    SORRY = "sorry"
    FLOOR = "floor"
    CONFIG_REFUSED = "config_refused"
    STATE = "state"
    """The state directory cannot be written, or what is in it was damaged."""
    KERNEL = "kernel"
    """IPVS cannot be reached, or refuses."""
    BRAKE = "brake"

    @property
    def rank(self) -> int:
        """From 0 for what can wait."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What it is about; the fields that do not apply are empty. All empty is the director itself."""

    virtual: str = ""
    realserver: str = ""
    destination: str = ""
    """The destination's ``address:port``, or its address where one host is meant."""
    about: str = ""
    """Tells several conditions of one severity apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that is wrong now. It is the same one while severity and subject are.

    ``seen`` is what a realserver said, raw: whoever shows it quotes it. ``since`` is wall-clock seconds. ``parent`` is
    the condition that explains this one: whoever hears of that is not told of this.
    """

    severity: Severity
    subject: Subject
    summary: str
    """One sentence of ours: no text of a realserver in it."""
    seen: str = ""
    reason: str = ""
    since: float = 0.0
    done: tuple[str, ...] = ()
    """What lvsmon did about it in the kernel: ipvsadm notation or sentences."""
    left: str = ""
    """How many are left: "2 of 3 destinations serve"."""
    tags: frozenset[str] = frozenset()
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    parent: "ConditionId | None" = None

    @property
    def id(self) -> "ConditionId":
        return self.severity, self.subject


ConditionId: TypeAlias = tuple[Severity, Subject]


def storable(condition: Condition) -> Condition:
    """Return ``condition`` as a file can keep it: bounded, without lone surrogates and numbers that are none."""
    subject = condition.subject
    names = subject.virtual, subject.realserver, subject.destination, subject.about
    said = [value for value in condition.facts.values() if isinstance(value, str)]
    texts = *names, condition.summary, condition.seen, condition.reason, *condition.done, *condition.facts, *said
    numbers = [value for value in condition.facts.values() if isinstance(value, float)]
    if len(condition.seen) <= MAX_SEEN and "".join(texts).isascii() and all(map(math.isfinite, numbers)):
        return condition  # nearly all are, and there may be hundreds each second
    clean = replace(
        condition,
        subject=Subject(*map(encodable, names)),
        summary=encodable(condition.summary),
        seen=encodable(condition.seen[:MAX_SEEN]),
        reason=encodable(condition.reason),
        done=tuple(map(encodable, condition.done)),
        facts={
            encodable(name): encodable(value) if isinstance(value, str) else value
            for name, value in condition.facts.items()
            if not isinstance(value, float) or math.isfinite(value)
        },
    )
    return condition if clean == condition else clean
