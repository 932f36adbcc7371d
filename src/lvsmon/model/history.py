"""What is remembered of the past: entries in the order in which they happened, and the sessions they belong to.

Every time is kept twice: ``at`` is the wall clock as it was read then, in seconds, for people; ``clock`` is
CLOCK_BOOTTIME, in seconds, which nobody sets. Differences are taken of ``clock`` alone, so that a wall clock that is
set makes no time negative or double.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

MAX_WHAT: Final = 1000
"""Characters of an entry's text: two details of an outcome with what is said round them, or one long command."""


class EntryKind(StrEnum):
    """What an entry tells. Each kind has its own share of the rows that are kept, so that none crowds out another."""

    PROBE = "probe"
    """The health of a probe changed."""
    HEALTH = "health"
    """The health of a destination changed, or it came into the configuration or left it."""
    DECISION = "decision"
    """The weight wanted for a destination, or the rule that says so, changed while its health did not."""
    WRITE = "write"
    """A command was given to the kernel."""
    NOTICE = "notice"
    """Something that a person should know: floor, brake, drift, state that could not be saved."""


OF_DESTINATIONS: Final = (EntryKind.HEALTH, EntryKind.DECISION)
"""The kinds that say in which state a destination is; the last one of either holds until the next."""


class Moment(NamedTuple):
    """The same instant on both clocks, in seconds."""

    at: float
    clock: float

    @classmethod
    def now(cls) -> "Moment":
        return cls(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened.

    ``virtuals`` and ``realservers`` are the names of what it concerns: one of each for a destination, several for a
    probe that they share; hosts are among the realservers. ``before`` and ``after`` are health, empty for not
    configured. Weights are None for absent or not told. ``rule`` names the rule of a decision or the kind of a notice,
    or is one of `CAME` and `WENT`; ``what`` is a sentence, raw and bounded, with secrets masked. ``planned`` says of a
    destination that it is out, or fails, as planned. ``session`` is filled in by the store.
    """

    moment: Moment
    kind: EntryKind
    virtuals: tuple[str, ...] = ()
    realservers: tuple[str, ...] = ()
    destination: str = ""
    probe: str = ""
    before: str = ""
    after: str = ""
    weight_before: int | None = None
    weight_after: int | None = None
    rule: str = ""
    what: str = ""
    planned: bool = False
    session: int = 0


class Place(NamedTuple):
    """A destination as the past knows it: names and keys outlive the configuration they came from."""

    virtual: str
    destination: str
    realserver: str


@dataclass(frozen=True, slots=True)
class Configured:
    """From ``moment`` on, ``places`` are all the destinations there are."""

    moment: Moment
    places: frozenset[Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The daemon from ``started`` to ``seen``, the last sign of life; ``stopped`` if it was asked to end.

    While it goes on, ``seen`` is brought up to date every `HEARTBEAT` seconds.
    """

    number: int
    version: str
    started: Moment
    seen: Moment
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """What of the history is kept: ``age`` in seconds, ``rows`` of each kind of entry."""

    age: float = 90 * 86400.0
    rows: int = 200_000


DEFAULT_RETENTION: Final = Retention()

CAME: Final = "came"
WENT: Final = "went"
"""How a destination came into the configuration and left it."""

HEARTBEAT: Final = 30.0
"""Seconds between signs of life: after a kill or a power cut, up to so much of the session counts as not running."""
