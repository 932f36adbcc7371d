"""The health of every probe of the plan."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lvsmon.health import observe
from lvsmon.model import Outcome, ProbeState, Transition
from lvsmon.probes.base import ProbeSpec


class Board:
    """States of all probes of the plan, by id.

    ``remembered`` are states of an earlier process. Nothing is decided from them, since the kernel's table is what
    goes on (trap 15); but a probe that is found as it was left has been so since then, and that is no transition.
    """

    def __init__(self, remembered: Mapping[str, ProbeState] | None = None) -> None:
        self._remembered = dict(remembered or {})
        self._states: dict[str, ProbeState] = {}

    def update(self, probes: Iterable[str], known: Mapping[str, ProbeState] | None = None) -> None:
        """Take ``probes`` as the whole plan: those that are here keep their states.

        New ones go on as ``known``, from who had them until now, or begin UNKNOWN.
        """
        before = {**(known or {}), **self._states}
        self._states = {probe: before.get(probe, ProbeState()) for probe in probes}

    def record(self, spec: ProbeSpec, outcome: Outcome, now: float, heard: float = 0.0) -> Transition | None:
        """Take the outcome of a run; return the transition it made, if any.

        ``now`` is wall-clock seconds, ``heard`` the same moment on a clock that nobody sets.
        """
        before = self._states[spec.id]
        after = observe(before, spec.damping, outcome, now, heard)
        transition = None
        if after.health is not before.health:
            memory = self._remembered.pop(spec.id, None)
            if memory is not None and memory.health is after.health:
                after = replace(after, since=memory.since)
            else:
                transition = Transition(spec.id, before.health, after.health, outcome, now)
        self._states[spec.id] = after
        return transition

    def state(self, probe: str) -> ProbeState:
        return self._states[probe]

    def states(self) -> Mapping[str, ProbeState]:
        """Return the states as they are now; a copy, so that another thread may read it."""
        return dict(self._states)
