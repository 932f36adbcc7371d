"""What was decided for a destination, and why, in words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

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
    BRAKE = "brake"
    WISH = "wish"
    FLOOR = "floor"
    SORRY = "sorry"


OF_PROBES: Final = frozenset({Rule.CONFIGURED, Rule.ASKED, Rule.DOWN, Rule.UNKNOWN})
"""Rules that do what the probes say; the others overrule them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The decision for one destination; ``weight`` None is absent from the table.

    ``because`` are sentences for people, in the order in which the rules spoke; they may quote a realserver, so every
    edge escapes them for itself. ``overruled`` is the last of them that went against what the probes alone come to, ""
    if none did. ``cut_off`` is what it depends on that is down, as the configuration writes it; ``tied`` names the
    virtual service that took it down on the same realserver (a group). Both are "" where there is none.
    """

    health: Health
    weight: int | None
    rule: Rule
    because: tuple[str, ...] = ()
    overruled: str = ""
    cut_off: str = ""
    tied: str = ""


class NoticeKind(StrEnum):
    """What is said loudly, beside transitions."""

    BRAKE = "brake"
    FLAPPING = "flapping"
    FLOOR = "floor"
    MAINTENANCE = "maintenance"
    SORRY = "sorry"
    DRIFT = "drift"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Notice:
    """A state of things that people are told when it begins and when it is over; ``subject`` None is the director.

    It is the same one while kind, subject and ``about`` are the same, whatever ``text`` says of it meanwhile.
    """

    kind: NoticeKind
    subject: VirtualKey | None
    text: str
    about: str = ""

    @property
    def identity(self) -> "NoticeId":
        return self.kind, self.subject, self.about


NoticeId: TypeAlias = tuple[NoticeKind, VirtualKey | None, str]
"""What makes two notices the same one."""

DestinationId: TypeAlias = tuple[VirtualKey, DestinationKey]
"""A destination in the whole table."""
