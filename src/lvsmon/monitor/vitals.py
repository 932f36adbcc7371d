"""What the director knows of itself: whether it was late, what it lacked, how fast it wrote."""

import resource
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

SLOT: Final = 10.0
"""Seconds that are forgotten together."""

SLOTS: Final = 6
"""With the one that is being filled: between 50 seconds and the last minute."""

QUARTERS: Final = 160
"""Buckets: four to each doubling, from a microsecond to twelve days."""

LATE: Final = 0.1
"""Seconds by which a run must begin late to be counted as late: ten ticks of the schedule."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Durations of the last minute, in seconds. ``p99`` is 99 % of them at most, up to a fifth too high."""

    count: int = 0
    longest: float = 0.0
    p99: float = 0.0


class _Slot:
    __slots__ = ("began", "buckets", "longest")

    def __init__(self, began: float) -> None:
        self.began = began
        self.buckets = [0] * QUARTERS
        self.longest = 0.0


class LastMinute:
    """Durations of about the last minute. To add one takes a few steps with integers; `turn` is for a timer."""

    __slots__ = ("_now", "_slots")

    def __init__(self, now: float) -> None:
        """``now`` is in seconds on any monotonic clock, always the same one."""
        self._now = _Slot(now)
        self._slots = deque([self._now], maxlen=SLOTS)

    def add(self, seconds: float) -> None:
        slot, us = self._now, int(seconds * 1e6)
        if us < 4:  # below, a doubling has no quarters
            slot.buckets[max(us, 0)] += 1
        else:
            shift = us.bit_length() - 3
            slot.buckets[min(4 * shift + (us >> shift), QUARTERS - 1)] += 1
        slot.longest = max(slot.longest, seconds)

    def turn(self, now: float) -> None:
        """Forget what is older than a minute."""
        if now - self._now.began >= SLOT:
            self._now = _Slot(now)
            self._slots.append(self._now)
            while now - self._slots[0].began > SLOT * SLOTS:
                self._slots.popleft()

    def per_second(self, now: float) -> float:
        """Return how many were added per second; of less than a second there is no telling."""
        time = now - self._slots[0].began
        return sum(map(sum, (slot.buckets for slot in self._slots))) / time if time >= 1.0 else 0.0

    def figures(self) -> Figures:
        buckets = [sum(column) for column in zip(*(slot.buckets for slot in self._slots), strict=True)]
        count, longest = sum(buckets), max(slot.longest for slot in self._slots)
        left = count // 100  # so many may be above
        for bucket in reversed(range(QUARTERS)):
            left -= buckets[bucket]
            if left < 0:
                return Figures(count, longest, min(longest, _upper_edge(bucket)))
        return Figures()


def _upper_edge(bucket: int) -> float:
    """Return the seconds that everything in ``bucket`` is below."""
    if bucket < 4:
        return (bucket + 1) / 1e6
    shift = bucket // 4 - 1
    return ((bucket - 4 * shift + 1) << shift) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbingVitals:
    """Of who probes. Plain numbers and nothing else, so that another process can tell them. Times are in seconds."""

    lag: Figures = field(default_factory=Figures)
    """By how much the engine came late to each of its beats, ten a second."""
    stalled: float = 0.0
    """Lost since the start in stalls, see `lvsmon.monitor.lag`."""
    starts: Figures = field(default_factory=Figures)
    """By how much runs began later than they were due: late ticks, no free place, the engine's queue."""
    late_starts: int = 0
    """Runs since the start that began at least `LATE` late."""
    still_running: int = 0
    """Times since the start that a probe was due and its last run had not ended, or not begun."""
    running: int = 0
    waiting: int = 0
    """Runs that wait for any place."""
    waiting_for_address: int = 0
    """Runs that wait until fewer runs go to their realserver."""
    runs: int = 0
    """Begun since the start."""
    runs_per_second: float = 0.0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """Of runs since the start, by verdict."""
    starved: int = 0
    """Outcomes since the start that are UNKNOWN because the director had no time to listen."""
    starved_lately: int = 0
    """The same of the last minute."""
    tripwires_held: int = 0
    tripwires_tripped: int = 0
    """Tripwires since the start that their realserver ended."""
    tripwires_reopened: int = 0
    """Tripwires since the start that were opened anew, or tried to."""


def together(several: Iterable[ProbingVitals]) -> ProbingVitals:
    """Return the vitals of several who probe as of one: counts are summed, of durations the worst is kept."""
    each = list(several)
    if len(each) == 1:
        return each[0]
    summed = {
        field.name: sum(getattr(one, field.name) for one in each)
        for field in fields(ProbingVitals)
        if field.name not in {"lag", "starts", "outcomes"}
    }
    outcomes = Counter[str]()
    for one in each:
        outcomes.update(one.outcomes)
    return ProbingVitals(
        lag=_worst([one.lag for one in each]),
        starts=_worst([one.starts for one in each]),
        outcomes=dict(outcomes),
        **summed,
    )


def _worst(figures: Sequence[Figures]) -> Figures:
    return Figures(
        sum(one.count for one in figures),
        max((one.longest for one in figures), default=0.0),
        max((one.p99 for one in figures), default=0.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Of the whole director. Times are in seconds."""

    probing: ProbingVitals
    descriptors: int
    descriptors_limit: int
    reconciled: Figures
    """How long each reconcile took, reading, deciding and writing."""
    reconcile_age: float | None
    """Since the last reconcile that reached the kernel; None before the first."""
    written: Figures
    """From hearing that a probe changed its health to what was written in the kernel for it."""


def descriptors() -> tuple[int, int]:
    """Return how many descriptors this process has open, and how many it may have."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def document(vitals: Vitals) -> dict[str, Any]:
    """Return what `lvsmon status` shows of it."""
    probing = vitals.probing
    return {
        "lag": _figures(probing.lag),
        "stalled_seconds": probing.stalled,
        "starts": {**_figures(probing.starts), "late": probing.late_starts, "still_running": probing.still_running},
        "runs": {
            "total": probing.runs,
            "per_second": probing.runs_per_second,
            "running": probing.running,
            "waiting": probing.waiting,
            "waiting_for_address": probing.waiting_for_address,
        },
        "outcomes": dict(probing.outcomes),
        "starved": {"total": probing.starved, "last_minute": probing.starved_lately},
        "tripwires": {
            "held": probing.tripwires_held,
            "tripped": probing.tripwires_tripped,
            "reopened": probing.tripwires_reopened,
        },
        "descriptors": {"open": vitals.descriptors, "limit": vitals.descriptors_limit},
        "reconciles": {**_figures(vitals.reconciled), "age_seconds": vitals.reconcile_age},
        "verdict_to_write": _figures(vitals.written),
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {"count": figures.count, "longest_seconds": figures.longest, "p99_seconds": figures.p99}
