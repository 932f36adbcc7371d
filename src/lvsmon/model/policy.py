"""What the configuration says of deciding: shares and numbers, damping, what holds at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of destinations, or a share of their configured weight in percent."""

    value: int
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value}%" if self.percent else str(self.value)


NONE: Final = Amount(0)
ONE: Final = Amount(1)


class Initial(StrEnum):
    """What is believed of a destination whose probes have not decided yet.

    ADOPT keeps the weight that the kernel has, and sends nothing to what the kernel does not have (trap 15).
    """

    ADOPT = "adopt"
    UP = "up"
    DOWN = "down"


class Manage(StrEnum):
    """What lvsmon writes of a virtual service: all of it, weights of what is there, or nothing."""

    FULL = "full"
    WEIGHTS = "weights"
    OBSERVE = "observe"


class OnDrift(StrEnum):
    """What becomes of what somebody else changed: put right, or told of and left until the next own change."""

    MEND = "mend"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Flap:
    """Damping of a destination that comes and goes, as for routes (RFC 2439, section 4).

    Each fall adds 1 to a penalty that halves every ``half_life`` seconds. Over ``forgiven`` the destination is held
    DOWN, until the penalty is down to half of ``forgiven``; never longer than ``max_hold`` seconds after its last fall.
    """

    forgiven: int = 2
    half_life: float = 300.0
    max_hold: float = 1800.0


@dataclass(frozen=True, slots=True)
class Poll:
    """How the probes of a destination vote: UP with ``needed`` votes; probes that are not named have one."""

    needed: int
    votes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is decided of a destination beside its health. ``slow_start`` is in seconds, 0 is off.

    ``warn_share`` is the percentage of its weight that a destination keeps in WARN. Without a ``poll`` all probes must
    pass.
    """

    initial: Initial = Initial.ADOPT
    warn_share: int = 100
    slow_start: float = 0.0
    flap: Flap | None = None
    poll: Poll | None = None


ORDINARY: Final = Policy()
"""What holds where nothing is written."""
