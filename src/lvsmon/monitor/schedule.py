"""Runs probes when they are due: one timer for all of them, one task per run, no probe beside itself."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeAlias

from lvsmon.model import Outcome
from lvsmon.monitor.timetable import Timetable
from lvsmon.probes.base import ProbeSpec

Execute: TypeAlias = Callable[[ProbeSpec], Coroutine[Any, Any, Outcome]]
Report: TypeAlias = Callable[[ProbeSpec, Outcome], None]

DEFAULT_LIMIT: Final = 1000
"""Runs at once: each holds a descriptor, and many more of them only queue for the processor."""


class Schedule:
    """Starts each probe of the plan at its time and hands the outcome to ``report``.

    A probe that is still running when it is due again is not started beside itself but when that run has ended, once
    however often it was due: a realserver that takes the whole timeout, and the timeout may be the interval, is still
    tried once per interval. ``late`` counts these. At most ``limit`` run at once; the rest wait their turn in order.
    """

    def __init__(self, execute: Execute, report: Report, *, limit: int = DEFAULT_LIMIT) -> None:
        self._loop = asyncio.get_running_loop()
        self._execute = execute
        self._report = report
        self._limit = limit
        self._probes: dict[str, ProbeSpec] = {}
        self._timetable = Timetable()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, None] = {}  # in order of their turn
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: set[str] = set()  # due again while they ran
        self.late = 0

    def update(self, probes: Mapping[str, ProbeSpec]) -> None:
        """Take ``probes`` as the whole plan: those with a known id go on undisturbed, others come and go."""
        for gone in self._probes.keys() - probes.keys():
            self._timetable.remove(gone)
            if (task := self._running.get(gone)) is not None:
                task.cancel()
        now = self._loop.time()
        for new in probes.keys() - self._probes.keys():
            self._timetable.add(new, probes[new].interval, now)
        self._probes = dict(probes)
        self._arm()

    def pace(self, probe: str, interval: float) -> None:
        """Run ``probe`` every ``interval`` seconds from now on."""
        if self._timetable.pace(probe, interval, self._loop.time()):
            self._arm()

    def now(self, probe: str) -> None:
        """Run ``probe`` besides its times as soon as it can be: where it is running, after that run."""
        if probe in self._running:
            self._overdue.add(probe)
        elif len(self._running) < self._limit:
            self._waiting.pop(probe, None)
            self._start(probe)
        else:
            self._waiting[probe] = None

    async def stop(self) -> None:
        """End all runs; their outcomes are not reported."""
        self.update({})
        if self._running:
            await asyncio.wait(self._running.values())

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._timetable.next_due()
        self._timer = None if due is None else self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        for probe in self._timetable.take(self._loop.time()):
            if probe in self._running or probe in self._waiting:
                self.late += 1
                if probe in self._running:
                    self._overdue.add(probe)
            elif len(self._running) < self._limit:
                self._start(probe)
            else:
                self._waiting[probe] = None
        self._arm()

    def _start(self, probe: str) -> None:
        task = self._loop.create_task(self._run(self._probes[probe]))
        self._running[probe] = task
        task.add_done_callback(lambda _: self._ended(probe))

    async def _run(self, spec: ProbeSpec) -> None:
        outcome = await self._execute(spec)
        if spec.id in self._probes:
            self._report(spec, outcome)

    def _ended(self, probe: str) -> None:
        del self._running[probe]
        if probe in self._overdue:
            self._overdue.remove(probe)
            self._waiting[probe] = None
        while self._waiting and len(self._running) < self._limit:
            following = next(iter(self._waiting))
            del self._waiting[following]
            if following in self._probes:
                self._start(following)
