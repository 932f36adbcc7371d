"""Health: what rise and fall make of a stream of outcomes."""

from dataclasses import dataclass
from enum import StrEnum

from lvsmon.model.outcome import Outcome
from lvsmon.model.weight import Weight


class Health(StrEnum):
    """UP and WARN serve, DOWN does not, UNKNOWN is not yet decided."""

    UP = "UP"
    WARN = "WARN"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"

    @property
    def serves(self) -> bool:
        return self is Health.UP or self is Health.WARN


@dataclass(frozen=True, slots=True)
class Damping:
    """How many PASS in a row make UP (rise) and how many FAIL in a row make DOWN (fall); both at least 1."""

    rise: int = 2
    fall: int = 3


@dataclass(frozen=True, slots=True)
class ProbeState:
    """Health of one probe of one realserver.

    ``passes`` (up to rise) and ``fails`` (beyond fall) count the present run of like verdicts; UNKNOWN outcomes leave
    both as they are, so that a sick director neither helps nor harms (promise 1). ``since`` is wall-clock time, for
    people; nothing is decided by it. ``heard`` is when the last outcome came, ``passed`` when the last one came in
    which the realserver `answered`, both in seconds of a clock that nobody sets. ``weight`` is what the last outcome
    that served asked for: like the health it outlives outcomes that say nothing.
    """

    health: Health = Health.UNKNOWN
    passes: int = 0
    fails: int = 0
    unknowns: int = 0
    since: float = 0.0
    last: Outcome | None = None
    weight: Weight | None = None
    heard: float = 0.0
    passed: float = 0.0


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of health: of one probe, with the outcome that made it so."""

    probe: str
    before: Health
    after: Health
    outcome: Outcome
    at: float
