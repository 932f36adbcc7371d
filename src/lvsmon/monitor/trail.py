"""What led to where each destination is: what was decided and written. Bounded, in memory.

For people who ask why; nothing is decided from it. Times are wall-clock seconds.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lvsmon.actions.ipvs.base import AddVirtual, Command, DeleteVirtual, EditVirtual
from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.model import Choice, DestinationId, Health

STEPS: Final = 24
"""Kept of each destination: going out and coming back take six."""


class StepKind(StrEnum):
    """What may happen to a destination."""

    PROBE = "probe"
    """The health of one of its probes changed: told of an earlier process, whose outcomes are not known any more."""
    HEALTH = "health"
    WEIGHT = "weight"
    WRITTEN = "written"
    REFUSED = "refused"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Step:
    """``earlier`` says that it happened in an earlier process, and is told as the history has it."""

    at: float
    kind: StepKind
    text: str
    earlier: bool = False


class Trail:
    """Hears of decisions and writes."""

    def __init__(self) -> None:
        self._steps: dict[DestinationId, list[Step]] = {}  # a deque would take 600 bytes each
        self._choices: Mapping[DestinationId, Choice] = {}
        self._since: dict[DestinationId, float] = {}

    def recall(self, steps: Mapping[DestinationId, Collection[Step]]) -> None:
        """Take what happened before this process, each destination's the oldest first, before anything else."""
        self._steps = {which: list(each)[-STEPS:] for which, each in steps.items()}

    def decided(self, choices: Mapping[DestinationId, Choice], at: float) -> None:
        """Take a decision on every destination of the plan."""
        for which, choice in choices.items():
            before = self._choices.get(which)
            if before is None:
                continue
            if before.health is not choice.health:
                if before.health is not Health.UNKNOWN:  # what a restart finds as it was left has been so for longer
                    self._since[which] = at
                self._step(which, at, StepKind.HEALTH, f"{before.health} → {choice.health}")
            if before.weight != choice.weight:
                why = f": {choice.because[-1]}" if choice.because else ""
                self._step(
                    which, at, StepKind.WEIGHT, f"{shown_weight(before.weight)} → {shown_weight(choice.weight)}{why}"
                )
        self._choices = choices
        for gone in [which for which in self._steps if which not in choices]:
            del self._steps[gone]
        for gone in [which for which in self._since if which not in choices]:
            del self._since[gone]

    def report(self, report: Report, at: float) -> None:
        """Take what a reconcile did; only what concerns a destination of the last decision is kept."""
        for drift in report.drift:
            if drift.destination is not None:
                self._step((drift.virtual, drift.destination), at, StepKind.DRIFT, f"somebody else: {drift.detail}")
        for command in report.written:
            self._of_command(command, at, StepKind.WRITTEN, ipvsadm(command))
        for command, error in report.refused:
            self._of_command(command, at, StepKind.REFUSED, str(error))

    def steps(self, which: DestinationId) -> tuple[Step, ...]:
        """Return what is kept of a destination, the oldest first."""
        return tuple(self._steps.get(which, ()))

    def since(self, which: DestinationId) -> float | None:
        """Return when its health last changed, None where it has not since it was first decided on."""
        return self._since.get(which)

    def _of_command(self, command: Command, at: float, kind: StepKind, text: str) -> None:
        if not isinstance(command, AddVirtual | EditVirtual | DeleteVirtual):
            self._step((command.virtual, command.key), at, kind, text)

    def _step(self, which: DestinationId, at: float, kind: StepKind, text: str) -> None:
        if which not in self._choices:
            return
        steps = self._steps.setdefault(which, [])
        if kind is StepKind.REFUSED and steps and (steps[-1].kind, steps[-1].text) == (kind, text):
            return  # the same at every reconcile
        steps.append(Step(at, kind, text))
        del steps[:-STEPS]


def shown_weight(weight: int | None) -> str:
    return "absent" if weight is None else str(weight)
