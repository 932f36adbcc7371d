"""Which probes run before their time, and when. Pure.

Three things make a probe run besides its times, and each is bounded, whatever the outcomes are:

- Its first failure is confirmed: ``confirm`` runs follow, each ``confirm_interval`` after the one before, and never
  more than its ``fall`` needs. A pass, an UNKNOWN outcome and DOWN end them.
- A neighbour, a probe of the same address, failed for the first time: once, within `SPREAD`, and at most once an
  interval, however many neighbours fail and however often.
- Its tripwire ended: at once, and once more after `SECOND_LOOK` if that passed.

Nothing of this happens to a probe that is DOWN or UNKNOWN, or has begun to fail: its own times see to it.
"""

import random
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from lvsmon.health import confirmations
from lvsmon.model import ProbeState, Verdict
from lvsmon.probes.base import ProbeSpec

SPREAD: Final = 0.05
"""Seconds over which the probes of one address run when one of them has failed."""

SECOND_LOOK: Final = 0.05
"""Seconds after a tripwire's end at which a probe that passed looks again: a process that is killed closes its
connections one after the other, and its listening socket may be the last of them."""


class Besides(Protocol):
    """What makes probes run besides their times: `lvsmon.monitor.schedule.Schedule`."""

    def now(self, probe: str) -> None: ...

    def besides(self, probe: str, delay: float) -> None: ...

    def not_besides(self, probe: str) -> None: ...


class Hastener:
    """Remembers what is being confirmed, and who was hastened when."""

    def __init__(self, *, seed: int | None = None) -> None:
        self._probes: Mapping[str, ProbeSpec] = {}
        self._neighbours: dict[str, list[str]] = {}
        self._left: dict[str, int] = {}
        self._again: set[str] = set()
        self._hastened: dict[str, float] = {}
        self._random = random.Random(seed)  # noqa: S311  spreads load, guards nothing

    def update(self, probes: Mapping[str, ProbeSpec]) -> None:
        """Take ``probes`` as the whole plan."""
        self._probes = probes
        self._neighbours = {}
        for spec in probes.values():
            self._neighbours.setdefault(spec.target.host, []).append(spec.id)
        self._left = {probe: left for probe, left in self._left.items() if probe in probes}
        self._again &= probes.keys()
        self._hastened = {probe: at for probe, at in self._hastened.items() if probe in probes}

    def hasten(
        self,
        spec: ProbeSpec,
        before: ProbeState,
        after: ProbeState,
        state_of: Callable[[str], ProbeState],
        schedule: Besides,
        *,
        now: float,
    ) -> None:
        """Have run whom the last outcome of ``spec`` concerns, which made the state ``after`` of ``before``.

        ``now`` is in seconds on the schedule's clock.
        """
        if not (self._left or self._again or after.fails):
            return  # nothing is under way and nothing begins: so it is with nearly every outcome
        looked, was_left = spec.id in self._again, self._left.pop(spec.id, 0)
        self._again.discard(spec.id)
        if was_left or after.fails:
            schedule.not_besides(spec.id)  # whatever was asked for before this outcome
        left = confirmations(was_left, before, after, spec.damping, spec.confirm)
        if left:
            self._left[spec.id] = left
            schedule.besides(spec.id, spec.confirm_interval)
        elif looked and after.last is not None and after.last.verdict in (Verdict.PASS, Verdict.WARN):
            schedule.besides(spec.id, SECOND_LOOK)
        if _is_well(before) and after.fails:
            self._hasten_neighbours(spec, state_of, schedule, now)

    def _hasten_neighbours(
        self, spec: ProbeSpec, state_of: Callable[[str], ProbeState], schedule: Besides, now: float
    ) -> None:
        for probe in self._neighbours[spec.target.host]:
            last = self._hastened.get(probe)
            recent = last is not None and now - last < self._probes[probe].interval
            if probe != spec.id and not recent and _is_well(state_of(probe)):
                self._hastened[probe] = now
                schedule.besides(probe, self._random.random() * SPREAD)

    def tripped(self, probe: str, state: ProbeState, schedule: Besides) -> None:
        """Have ``probe`` run now, unless it fails already: its tripwire has ended."""
        if _is_well(state):
            self._again.add(probe)
            schedule.now(probe)


def _is_well(state: ProbeState) -> bool:
    return state.health.serves and not state.fails
