"""Runs probes when they are due: one timer for their slots, no probe beside itself."""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from math import ceil
from typing import Any, Final, TypeAlias

from lvsmon.model import Outcome
from lvsmon.monitor.timetable import Timetable
from lvsmon.monitor.vitals import LATE, LastMinute
from lvsmon.net.reactor import Reactor
from lvsmon.net.runs import Call, Run
from lvsmon.probes.base import ProbeSpec

Execute: TypeAlias = Callable[[ProbeSpec], Coroutine[Any, Any, Outcome]]
Report: TypeAlias = Callable[[ProbeSpec, Outcome], None]

TICK: Final = 0.01
"""Seconds: probes that are due within a tick start at its end, together. To wake up costs more than a probe does."""

LONGEST_TICK: Final = 0.05
"""Seconds that a tick may have where there are few probes: no more than what jitter makes of an interval of 1 s."""

TOGETHER: Final = 8.0
"""Probes that should start together: from there on more of them save little."""

DEFAULT_LIMIT: Final = 1000
"""Runs at once: each holds a descriptor, and many more of them only queue for the processor."""


class Schedule:
    """Starts each probe of the plan at its time and hands the outcome to ``report``.

    A probe that is still running when it is due again is not started beside itself but when that run has ended, once
    however often it was due: a realserver that takes the whole timeout, and the timeout may be the interval, is still
    tried once per interval. ``still_running`` counts these. At most ``limit`` run at once, and at most
    ``limit_of_address`` of one address, however they came to be due; the rest wait their turn in order. Those that
    wait for their address are in nobody else's way.
    """

    def __init__(
        self,
        reactor: Reactor,
        execute: Execute,
        report: Report,
        *,
        limit: int = DEFAULT_LIMIT,
        limit_of_address: int = DEFAULT_LIMIT,
    ) -> None:
        self._reactor = reactor
        self._execute = execute
        self._report = report
        self._limit = limit
        self._limit_of_address = limit_of_address
        self._probes: dict[str, ProbeSpec] = {}
        self._timetable = Timetable()
        self._width = TICK
        self._running: dict[str, Run[Outcome]] = {}
        self._busy = Counter[str]()  # runs by address
        self._waiting: dict[str, float] = {}  # for any place, in order of their turn: when they were due
        self._held: dict[str, dict[str, float]] = {}  # the same by the address that they wait for
        self._unbegun: dict[str, float] = {}  # started, and waiting for the reactor: when they were due
        self._timer: Call | None = None
        self._besides: dict[str, Call] = {}
        self._overdue: set[str] = set()  # due again while they ran
        self.still_running = 0
        self.late_starts = 0
        self.starts = LastMinute(reactor.time())
        self.runs = 0

    def limit(self, runs: int, of_address: int) -> None:
        """Let so many run at once from now on; what runs already goes on."""
        self._limit, self._limit_of_address = runs, of_address
        for address in list(self._held):
            self._let_on(address, len(self._held[address]))
        self._fill()

    def update(self, probes: Mapping[str, ProbeSpec]) -> None:
        """Take ``probes`` as the whole plan: those with a known id go on undisturbed, others come and go."""
        for gone in self._probes.keys() - probes.keys():
            self._timetable.remove(gone)
            self.not_besides(gone)
            self._forget(gone)
            if (run := self._running.get(gone)) is not None:
                run.cancel()
        now = self._reactor.time()
        for new in probes.keys() - self._probes.keys():
            self._timetable.add(new, probes[new].interval, now)
        self._probes = dict(probes)
        rate = sum(1.0 / spec.interval for spec in probes.values())
        self._width = min(LONGEST_TICK, max(TICK, TOGETHER / rate)) if rate else TICK
        self._arm()

    def pace(self, probe: str, interval: float) -> None:
        """Run ``probe`` every ``interval`` seconds from now on."""
        if self._timetable.pace(probe, interval, self._reactor.time()):
            self._arm()

    def now(self, probe: str) -> None:
        """Run ``probe`` besides its times as soon as it can be: where it is running, after that run."""
        if probe in self._running:
            self._overdue.add(probe)
        else:
            self._forget(probe)
            self._start_or_wait(probe, self._reactor.time())

    def began(self, probe: str) -> None:
        """Hear that the run of ``probe`` begins: the reactor may have had others to run before."""
        now = self._reactor.time()
        late = now - self._unbegun.pop(probe, now)
        self.starts.add(late)
        if late >= LATE:
            self.late_starts += 1

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many wait for any place."""
        return len(self._waiting)

    @property
    def waiting_for_address(self) -> int:
        return sum(map(len, self._held.values()))

    def besides(self, probe: str, delay: float) -> None:
        """Run ``probe`` once besides its times, in ``delay`` seconds or sooner where that was asked for already.

        Where it is running or waiting then, that run will do.
        """
        due, asked = self._reactor.time() + delay, self._besides.get(probe)
        if asked is None or asked.when > due:
            self.not_besides(probe)
            self._besides[probe] = self._reactor.call_at(due, partial(self._beside, probe))

    def not_besides(self, probe: str) -> None:
        """Take back what was asked for by `besides`, if anything."""
        if (asked := self._besides.pop(probe, None)) is not None:
            asked.cancel()

    def stop(self) -> None:
        """End all runs; their outcomes are not reported."""
        self.update({})

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._timetable.next_due()
        self._timer = None if due is None else self._reactor.call_at(ceil(due / self._width) * self._width, self._tick)

    def _tick(self) -> None:
        now = self._reactor.time()
        due = now if self._timer is None else self._timer.when
        for probe in self._timetable.take(now):
            if probe in self._running:
                self.still_running += 1
                self._overdue.add(probe)
            elif self._waits(probe):
                self.still_running += 1
            else:
                self._start_or_wait(probe, due)
        self._arm()

    def _beside(self, probe: str) -> None:
        asked = self._besides.pop(probe)
        if probe not in self._running and not self._waits(probe):
            self._start_or_wait(probe, asked.when)

    def _waits(self, probe: str) -> bool:
        return probe in self._waiting or (bool(self._held) and probe in self._held.get(self._address(probe), ()))

    def _address(self, probe: str) -> str:
        return self._probes[probe].target.host

    def _forget(self, probe: str) -> None:
        """Take ``probe`` out of where it waits."""
        self._waiting.pop(probe, None)
        address = self._address(probe)
        held = self._held.get(address, {})
        held.pop(probe, None)
        if not held:
            self._held.pop(address, None)

    def _start_or_wait(self, probe: str, due: float) -> None:
        if self._busy[self._address(probe)] >= self._limit_of_address:
            self._held.setdefault(self._address(probe), {})[probe] = due
        elif len(self._running) >= self._limit:
            self._waiting[probe] = due
        else:
            self._start(probe, due)

    def _start(self, probe: str, due: float) -> None:
        spec = self._probes[probe]
        self._unbegun[probe] = due
        self.runs += 1
        self._busy[spec.target.host] += 1
        self._running[probe] = self._reactor.start(self._execute(spec), partial(self._ended, spec))

    def _ended(self, spec: ProbeSpec, run: Run[Outcome]) -> None:
        try:
            if run.error is not None:
                raise run.error
            if run.result is not None and spec.id in self._probes:
                self._report(spec, run.result)
        finally:
            self._over(spec.id, spec.target.host)

    def _over(self, probe: str, address: str) -> None:
        del self._running[probe]
        self._unbegun.pop(probe, None)
        self._busy[address] -= 1
        if not self._busy[address]:
            del self._busy[address]
        self._let_on(address, 1)
        if probe in self._overdue:
            self._overdue.remove(probe)
            if probe in self._probes:
                self._waiting[probe] = self._reactor.time()  # behind the one that waited for the address
        self._fill()

    def _let_on(self, address: str, number: int) -> None:
        """Let the first ``number`` of those that wait for ``address`` wait for any place."""
        held = self._held.get(address)
        if held is None:
            return
        for probe in list(held)[:number]:
            self._waiting[probe] = held.pop(probe)
        if not held:
            self._held.pop(address, None)

    def _fill(self) -> None:
        """Start those whose turn it is, as far as there are places."""
        while self._waiting and len(self._running) < self._limit:
            following = next(iter(self._waiting))
            self._start_or_wait(following, self._waiting.pop(following))
