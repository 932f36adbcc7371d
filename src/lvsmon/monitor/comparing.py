"""What runs have told, held against each other: makes the outcomes of the probes that are agreements.

A realserver is judged when its own run is over, by the latest that the others have told; so its outcomes come as often
as its runs do, and rise and fall count as with any probe. A run that fails takes its fact out of the vote; one that is
UNKNOWN, or does not come, leaves it there until it is too old.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lvsmon.agreement import Standing, compare
from lvsmon.model import Outcome, Verdict
from lvsmon.probes.part import Agreement

_TELLS: Final = frozenset({Verdict.PASS, Verdict.WARN})


@dataclass(frozen=True, slots=True)
class _Told:
    """A run that went well, and when it was over (seconds, monotonic)."""

    outcome: Outcome
    at: float


class Comparisons:
    """The latest of every run that is compared. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        self._agreements: dict[str, Agreement] = {}
        self._of_run: dict[str, list[str]] = {}
        self._compared: set[str] = set()
        self._told: dict[str, _Told] = {}
        self._differs_since: dict[str, float] = {}

    def update(self, agreements: Mapping[str, Agreement]) -> None:
        """Take ``agreements`` as the whole plan: what was told of runs that are still compared stays."""
        self._agreements = dict(agreements)
        self._of_run = {}
        for name, agreement in agreements.items():
            self._of_run.setdefault(agreement.run, []).append(name)
        self._compared = {run for agreement in agreements.values() for run in agreement.names}
        self._told = {run: told for run, told in self._told.items() if run in self._compared}
        self._differs_since = {name: at for name, at in self._differs_since.items() if name in agreements}

    def made_of(self, run: str) -> Sequence[str]:
        """Return the agreements that are made of a run."""
        return self._of_run.get(run, ())

    def take(self, run: str, outcome: Outcome, now: float) -> Iterator[tuple[str, Outcome]]:
        """Hear the outcome of a run; return the outcome of each agreement that is made of it."""
        self.hear(run, outcome, now)
        for name in self.made_of(run):
            yield name, self.judge(name, outcome, now)

    def hear(self, run: str, outcome: Outcome, now: float) -> None:
        """Remember what a run has told."""
        if run not in self._compared:
            return
        if outcome.verdict in _TELLS:
            self._told[run] = _Told(outcome, now)
        elif outcome.verdict is Verdict.FAIL:
            self._told.pop(run, None)

    def judge(self, name: str, outcome: Outcome, now: float) -> Outcome:
        """Return the outcome of the agreement ``name``, whose own run has just ended with ``outcome``."""
        agreement = self._agreements[name]
        rule = agreement.rule
        if outcome.verdict not in _TELLS or rule.value(outcome) is None:
            return rule.judged(outcome, None)
        answers = {
            run: value
            for run in agreement.names
            if (told := self._told.get(run)) is not None
            and now - told.at <= agreement.fresh
            and (value := rule.value(told.outcome)) is not None
        }
        comparison = compare(agreement.run, answers, agreement.names, agreement.reference)
        if comparison.standing is Standing.AGREES:
            self._differs_since.pop(name, None)
        elif comparison.standing is Standing.DIFFERS:
            self._differs_since.setdefault(name, now)
        return rule.judged(outcome, comparison, now - self._differs_since.get(name, now))


def compared(agreements: Mapping[str, Agreement], outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Return the outcomes of ``agreements`` for one round in which everything was run once."""
    comparisons = Comparisons()
    comparisons.update(agreements)
    for run, outcome in outcomes.items():
        comparisons.hear(run, outcome, 0.0)
    return {name: comparisons.judge(name, outcomes[one.run], 0.0) for name, one in agreements.items()}
