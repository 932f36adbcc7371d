"""When each probe is due: fixed rate on the monotonic clock, spread, with jitter that never adds up. Pure.

A probe's runs are slots ``anchor + n * interval``. Each start is delayed by a fresh share of the interval, up to
`JITTER`, so that equal intervals do not lock their phases; the slots themselves do not move. After a stall a probe
starts once and goes on with the next slot: runs that were missed are not made up for.
"""

import heapq
import random
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

JITTER: Final = 0.05
"""Share of the interval: enough to part equal intervals, too little for people to notice."""

FIRST_SPREAD: Final = 2.0
"""Seconds over which first runs are spread: an answer soon after the start, without a thundering herd."""


@dataclass(slots=True)
class _Entry:
    interval: float
    slot: float
    """Start of the slot whose due time stands in the heap."""
    serial: int


class Timetable:
    """Due times of many probes in one heap. Times are seconds on one monotonic clock."""

    def __init__(self, *, jitter: float = JITTER, seed: int | None = None) -> None:
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._serial = 0
        self._jitter = jitter
        self._random = random.Random(seed)  # noqa: S311  spreads load, guards nothing

    def __contains__(self, probe: str) -> bool:
        return probe in self._entries

    def add(self, probe: str, interval: float, now: float) -> None:
        """Enter ``probe``: due within `FIRST_SPREAD` or one interval, at a moment that its id decides."""
        share = _share(probe)
        first = now + share * min(interval, FIRST_SPREAD)
        self._push(probe, interval, slot=first, due=first)

    def pace(self, probe: str, interval: float, now: float) -> bool:
        """Run ``probe`` every ``interval`` seconds from its last slot on, or from ``now``; say whether that is new."""
        entry = self._entries[probe]
        if interval == entry.interval:
            return False
        slot = max(now, entry.slot - entry.interval + interval)
        self._push(probe, interval, slot=slot, due=slot)
        return True

    def remove(self, probe: str) -> None:
        del self._entries[probe]  # its line in the heap is passed over when it comes up

    def next_due(self) -> float | None:
        """Return the earliest due time, None if there is nothing to run."""
        while self._heap:
            due, serial, probe = self._heap[0]
            entry = self._entries.get(probe)
            if entry is not None and entry.serial == serial:
                return due
            heapq.heappop(self._heap)
        return None

    def take(self, now: float) -> list[str]:
        """Return the probes that are due and enter each for its next slot after ``now``."""
        taken = []
        heap, entries, chance = self._heap, self._entries, self._random.random
        while heap and heap[0][0] <= now:
            _, serial, probe = heap[0]
            entry = entries.get(probe)
            if entry is None or entry.serial != serial:
                heapq.heappop(heap)
                continue
            taken.append(probe)
            interval = entry.interval
            missed = max(0, int((now - entry.slot) / interval))
            entry.slot += (missed + 1) * interval
            heapq.heapreplace(heap, (entry.slot + chance() * self._jitter * interval, serial, probe))
        return taken

    def _push(self, probe: str, interval: float, *, slot: float, due: float) -> None:
        self._serial += 1
        self._entries[probe] = _Entry(interval, slot, self._serial)
        heapq.heappush(self._heap, (due, self._serial, probe))


def _share(probe: str) -> float:
    """Return a number in [0, 1) that depends on the probe's id alone, so that a restart keeps the spread."""
    return int.from_bytes(blake2b(probe.encode(), digest_size=8).digest()) / 2**64
