"""Who waits for a run of a probe that begins from now on."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from lvsmon.model import Outcome, ProbeState
from lvsmon.monitor.run import Run


@dataclass(frozen=True, slots=True)
class Ran:
    """A run, and what it made of the probe's state."""

    run: Run
    before: ProbeState
    after: ProbeState


Wait: TypeAlias = "asyncio.Future[Ran | None]"
"""What comes with a run; None where the probe is no more."""


class Waiting:
    """Those who wait, by probe: some for a run to begin, some for theirs to end."""

    def __init__(self) -> None:
        self._coming: dict[str, list[Wait]] = {}
        self._ended: dict[str, tuple[list[Wait], Run]] = {}

    def next_run(self, probe: str) -> Wait:
        """Return what comes with the next run that begins; None comes where the probe is no more."""
        wait: Wait = asyncio.get_running_loop().create_future()
        self._coming.setdefault(probe, []).append(wait)
        return wait

    def begin(self, probes: Iterable[str]) -> dict[str, list[Wait]]:
        """Return who waits for the run that begins now, which is one of each of ``probes``; {} for nobody."""
        if not self._coming:
            return {}
        return {probe: self._coming.pop(probe) for probe in probes if probe in self._coming}

    def ended(self, probe: str, waits: list[Wait], run: Run) -> None:
        """Keep the run until its outcome was recorded."""
        self._ended[probe] = waits, run

    def recorded(self, probe: str, outcome: Outcome, before: ProbeState, after: ProbeState) -> None:
        """Tell who waits for the run that has just been recorded with ``outcome``."""
        if not self._ended:
            return
        waits, run = self._ended.pop(probe, ([], None))
        tell(waits, None if run is None else Ran(replace(run, outcome=outcome), before, after))

    def retain(self, probes: Collection[str]) -> None:
        """Tell who waits for a probe that is not among ``probes`` that it is no more."""
        for gone in [probe for probe in self._coming if probe not in probes]:
            tell(self._coming.pop(gone), None)
        for gone in [probe for probe in self._ended if probe not in probes]:
            tell(self._ended.pop(gone)[0], None)


def tell(waits: Iterable[Wait], ran: Ran | None) -> None:
    """Answer those who still wait."""
    for wait in waits:
        if not wait.done():
            wait.set_result(ran)
