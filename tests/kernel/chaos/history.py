"""What happened and what was seen, as the oracle is told of it. Times are seconds on one monotonic clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

Table: TypeAlias = Mapping[str, Mapping[str, int]]
"""Weights by the names of realservers (others by their address), by virtual service as ipvsadm writes it."""

EVERYWHERE: Final = "*"
"""Every daemon of a realserver."""


class Truth(Enum):
    """What a realserver's daemon is, seen from the director."""

    HEALTHY = "healthy"
    DOUBTFUL = "doubtful"
    """It may answer in time or not: packets are lost."""
    DEAD = "dead"
    UNWANTED = "disabled"
    """An operator wants it out, whatever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualRules:
    """What the configuration promises of one virtual service; ``shown`` is how ipvsadm writes it."""

    name: str
    shown: str
    daemon: str
    weights: Mapping[str, int]
    interval: float
    timeout: float
    on_failure: str = "quiesce"
    floor: int = 0
    sorry: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The whole configuration, as far as the oracle holds lvsmon to it."""

    virtuals: tuple[VirtualRules, ...]
    rise: int
    fall: int
    reconcile: float
    brake_window: float
    """Seconds; more than half of all realservers failing within it need the self-test's word."""


@dataclass(frozen=True, slots=True)
class Configured:
    """lvsmon has said that it took these rules."""

    at: float
    rules: Rules


@dataclass(frozen=True, slots=True)
class Harmed:
    """Something is about to be done to daemons of realservers, each as (realserver, daemon)."""

    at: float
    fault: int
    truth: Truth
    where: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Mended:
    """It is undone: whoever was harmed by it serves again."""

    at: float
    fault: int


@dataclass(frozen=True, slots=True)
class Hindered:
    """lvsmon is about to be killed, stopped, starved, paused, or busy with a reload."""

    at: float
    fault: int


@dataclass(frozen=True, slots=True)
class Paused:
    """lvsmon has said that it writes nothing; or, ``over``, it is about to be told to go on."""

    at: float
    over: bool = False


@dataclass(frozen=True, slots=True)
class Freed:
    """It runs again; with ``anew`` it has forgotten its counters."""

    at: float
    fault: int
    anew: bool = False


@dataclass(frozen=True, slots=True)
class CutOff:
    """The director is about to lose its cable to all realservers."""

    at: float


@dataclass(frozen=True, slots=True)
class Joined:
    """The director has its cable again."""

    at: float


@dataclass(frozen=True, slots=True)
class HandBegins:
    """Somebody else is about to edit the table."""

    at: float


@dataclass(frozen=True, slots=True)
class HandEnds:
    """Somebody else has edited the table; ``foreign`` is all in it that is theirs."""

    at: float
    foreign: Table


@dataclass(frozen=True, slots=True)
class Observed:
    """The table as the kernel shows it."""

    at: float
    table: Table


@dataclass(frozen=True, slots=True)
class Asked:
    """A client of the VIP has had its exchange, or has not."""

    at: float
    began: float
    virtual: str
    answered: str | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A line of lvsmon's log."""

    at: float
    line: str


@dataclass(frozen=True, slots=True)
class Ended:
    """lvsmon has ended though nobody ended it, or did not do what it was told in time."""

    at: float
    how: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """What lvsmon's process takes: resident kilobytes, open descriptors, threads."""

    at: float
    pid: int
    resident: int
    descriptors: int
    threads: int


Event: TypeAlias = (
    Configured | Harmed | Mended | Hindered | Paused | Freed | CutOff | Joined
    | HandBegins | HandEnds | Observed | Asked | Said | Ended | Weighed
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Violation:
    """What must not be."""

    at: float
    what: str


@dataclass(slots=True)
class Tally:
    """What the oracle held lvsmon to, so that a run without violations is seen to have looked."""

    met: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """By kind of promise: seconds taken and seconds allowed, of each one that was kept."""
    observations: int = 0
    stalled: float = 0.0
    """Seconds for which the guest as a whole stood still: they count for nobody."""
    starved: float = 0.0
    """Seconds, summed over virtual services, for which probes may have been UNKNOWN because the guest was overrun."""
    uncalled: list[str] = field(default_factory=list)
    """Destinations that went from right to wrong though nothing had been done for long."""
    answers: dict[str, int] = field(default_factory=dict)
    troubles: dict[str, int] = field(default_factory=dict)
    clean: int = 0
    """Exchanges of clients while only healthy realservers were in: none of these may fail."""
    heaviest: dict[str, int] = field(default_factory=dict)
