"""What was decided for a destination, and why, in words."""

from dataclasses import dataclass
from enum import StrEnum

from lvsmon.model.health import Health
from lvsmon.model.table import DestinationKey, VirtualKey


class Rule(StrEnum):
    """Which rule had the last word on a destination's weight: a closed list, for metrics and history."""

    CONFIGURED = "configured"
    ASKED = "asked"
    DEGRADED = "degraded"
    SLOW_START = "slow_start"
    DOWN = "down"
    UNKNOWN = "unknown"
    WISH = "wish"
    FLOOR = "floor"
    SORRY = "sorry"


@dataclass(frozen=True, slots=True)
class Choice:
    """The decision for one destination; ``weight`` None is absent from the table.

    ``because`` are sentences for people, in the order in which the rules spoke; they may quote a realserver, so every
    edge escapes them for itself.
    """

    health: Health
    weight: int | None
    rule: Rule
    because: tuple[str, ...] = ()


class NoticeKind(StrEnum):
    """What is said loudly, beside transitions."""

    BRAKE = "brake"
    FLAPPING = "flapping"
    FLOOR = "floor"
    SORRY = "sorry"
    DRIFT = "drift"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Notice:
    """A state of things that people are told when it begins and when it is over; ``subject`` None is the director."""

    kind: NoticeKind
    subject: VirtualKey | None
    text: str


DestinationId = tuple[VirtualKey, DestinationKey]
"""A destination in the whole table."""
