"""What somebody else changed in the kernel's table and lvsmon put right: remembered for a while, so that people hear.

It is over in the moment in which it is found, and alerts are about what holds. So it holds for `REMEMBERED`: who makes
the same change again and again is told of once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from lvsmon.actions.ipvs.table import Drift
from lvsmon.model import VirtualKey

REMEMBERED: Final = 60.0
"""Seconds without another change after which it is over: longer than routes usually wait for more (`group_wait`), and
than two reconciles, usually."""

MOST_NAMED: Final = 20
"""Changes that are kept in words: a person reads no more, and ``ipvsadm --clear`` makes thousands."""


@dataclass(frozen=True, slots=True)
class Mended:
    """Changes in one virtual service: the first ``what`` of ``count``; ``since`` in wall-clock seconds."""

    since: float
    what: tuple[str, ...] = ()
    count: int = 0


class Drifts:
    """Times called ``clock`` are in seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._mended: dict[VirtualKey, tuple[float, Mended]] = {}

    def take(self, found: Iterable[Drift], at: float, clock: float) -> None:
        """Hear what a reconcile found, at the wall-clock time ``at``, and forget what is over."""
        self._mended = {key: kept for key, kept in self._mended.items() if clock < kept[0] + REMEMBERED}
        for drift in found:
            _, before = self._mended.get(drift.virtual, (0.0, Mended(at)))
            words = drift.detail if drift.destination is None else f"{drift.destination}: {drift.detail}"
            what = before.what
            if words not in what and len(what) < MOST_NAMED:
                what = (*what, words)
            self._mended[drift.virtual] = clock, replace(before, what=what, count=before.count + 1)

    def mended(self) -> Mapping[VirtualKey, Mended]:
        return {key: mended for key, (_, mended) in self._mended.items()}

    def next_end(self) -> float | None:
        """Return when, on the clock, something is over next; None if there is nothing."""
        return min((last + REMEMBERED for last, _ in self._mended.values()), default=None)
