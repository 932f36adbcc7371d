"""The last outcomes of each probe, those in a row that are alike as one. Bounded, in memory.

For people who ask why; nothing is decided from it. Times are wall-clock seconds.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from lvsmon.model import Outcome, Reason, Verdict

STRETCHES: Final = 8
"""Kept of each probe: a failure, what was before it and what is after it take three."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Outcomes in a row of one verdict and reason; ``detail`` is the last one's."""

    verdict: Verdict
    reason: Reason
    count: int
    first: float
    last: float
    detail: str


class Stretches:
    """Hears of outcomes."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Stretch]] = {}  # short lists: a deque takes 600 bytes, and most hold one or two

    def outcome(self, probe: str, outcome: Outcome, at: float) -> None:
        """Take the outcome of a run."""
        kept = self._kept.get(probe)
        if kept is None:
            kept = self._kept[probe] = []
        last = kept[-1] if kept else None
        if last is not None and last.verdict is outcome.verdict and last.reason is outcome.reason:
            kept[-1] = Stretch(last.verdict, last.reason, last.count + 1, last.first, at, outcome.detail)
        else:
            kept.append(Stretch(outcome.verdict, outcome.reason, 1, at, at, outcome.detail))
            del kept[:-STRETCHES]

    def retain(self, probes: Collection[str]) -> None:
        """Forget the probes that are not among ``probes``."""
        for gone in [probe for probe in self._kept if probe not in probes]:
            del self._kept[gone]

    def of(self, probe: str) -> tuple[Stretch, ...]:
        """Return what is kept of ``probe``, the oldest first."""
        return tuple(self._kept.get(probe, ()))
