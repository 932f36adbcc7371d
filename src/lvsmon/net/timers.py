"""A timer wheel: moments to come, in slots of a millisecond.

Nearly every deadline is taken back before it comes. So entering and taking back cost a few steps in a dictionary each,
however many there are, and only slots are sorted. A slot comes after the moments in it, never before.
"""

import heapq
from typing import Final, Protocol

PER_SECOND: Final = 1024
"""Slots; a power of two, so that a slot's time is exact."""


class Timer(Protocol):
    """What may be entered."""

    def ring(self) -> None:
        """Be told that the moment has come."""
        ...


class Timers:
    """Timers by the moment at which they ring, in seconds on one monotonic clock.

    An empty slot is kept until it is the next one, so there are no more slots than `PER_SECOND` for each second of the
    longest wait.
    """

    __slots__ = ("_order", "_slots")

    def __init__(self) -> None:
        self._slots: dict[int, dict[Timer, None]] = {}
        self._order: list[int] = []  # a heap

    def enter(self, when: float, timer: Timer) -> int:
        """Let ``timer`` ring at ``when`` or up to a slot later; return its slot, for `take_back`."""
        slot = int(when * PER_SECOND) + 1
        timers = self._slots.get(slot)
        if timers is None:
            self._slots[slot] = {timer: None}
            heapq.heappush(self._order, slot)
        else:
            timers[timer] = None
        return slot

    def take_back(self, slot: int, timer: Timer) -> None:
        """Forget ``timer``, if it has not rung yet."""
        timers = self._slots.get(slot)
        if timers is not None:
            timers.pop(timer, None)

    def next_due(self) -> float | None:
        """Return when the next slot with a timer in it comes, None if there is none."""
        while self._order:
            slot = self._order[0]
            if self._slots[slot]:
                return slot / PER_SECOND
            del self._slots[heapq.heappop(self._order)]
        return None

    def due(self, now: float) -> list[Timer]:
        """Return, and forget, the timers whose slots have come."""
        if not self._order or self._order[0] > now * PER_SECOND:
            return []
        found: list[Timer] = []
        while self._order and self._order[0] <= now * PER_SECOND:
            found += self._slots.pop(heapq.heappop(self._order))
        return found
