"""Probes one part of the plan and counts health where the outcomes are: runs, rise and fall, comparing, hastening.

What it makes of the outcomes it tells upwards (`lvsmon.monitor.news`); it knows nothing of virtual services, of the
table, or of anybody's wishes.
"""

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from lvsmon.health import MOST_FAILURES, pace
from lvsmon.logs import event
from lvsmon.model import Health, Outcome, ProbeState, Reason, Verdict
from lvsmon.monitor import runner
from lvsmon.monitor.board import Board
from lvsmon.monitor.comparing import Comparisons
from lvsmon.monitor.hastening import Hastener
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.news import Hear, Look, News, Processes
from lvsmon.monitor.run import Run
from lvsmon.monitor.schedule import DEFAULT_LIMIT, Schedule
from lvsmon.monitor.stretches import Stretches
from lvsmon.monitor.transcript import Failure, Failures, Recorder, masked
from lvsmon.monitor.tripwires import Tripwires
from lvsmon.monitor.vitals import LastMinute, ProbingVitals
from lvsmon.monitor.waiting import Ran, Wait, Waiting, tell
from lvsmon.net.holding import End, Held, hold
from lvsmon.net.nested import NestedReactor
from lvsmon.net.shared import Shared
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.part import Part
from lvsmon.secrets.masking import masker_of

_log: Final = logging.getLogger(__name__)

BEAT: Final = 0.5
"""Seconds between two times at which what is in no hurry is told."""

REFRESH: Final = 60.0
"""Seconds within which everything is told, though nothing changed: days left of a certificate, for instance."""


class Prober:
    """See `lvsmon.monitor.news.Probing`; needs a running event loop."""

    def __init__(
        self, hear: Hear, *, remembered: Mapping[str, ProbeState] | None = None, limit: int = DEFAULT_LIMIT
    ) -> None:
        """``remembered`` is what an earlier process left, see `Board`; ``limit`` is for runs and tripwires together."""
        self._hear = hear
        self._limit = limit
        self._part = Part()
        self._board = Board(remembered)
        self._comparisons = Comparisons()
        self._failures = Failures()
        self._stretches = Stretches()
        self._waiting = Waiting()
        self._hastener = Hastener()
        self._watched: frozenset[str] = frozenset()
        self._reactor, self._shared = NestedReactor(), Shared()
        self._lag = LagMeter(self._reactor)
        self._schedule = Schedule(self._reactor, self._execute, self._heard)
        self._tripwires = Tripwires(self._reactor, self._hold, self._tripped, limit=limit // 2)
        self._changed: dict[str, None] = {}
        self._round: Iterator[str] = iter(())
        self._owed = 0.0
        self._outcomes = {verdict.value: 0 for verdict in Verdict}
        self._starved = 0
        self._starved_lately = LastMinute(self._reactor.time())
        self._beats = self._reactor.call_at(self._reactor.time() + BEAT, self._beat)

    def update(self, part: Part, known: Mapping[str, ProbeState] | None = None) -> None:
        """See `Probing.update`; ``known`` are the states of probes that another process had until now."""
        self._part = part
        self._board.update(part.probes, known)
        self._comparisons.update(part.agreements)
        runs = part.runs
        self._hastener.update(runs)
        self._schedule.update(runs)
        held = self._tripwires.update(runs)
        self._schedule.limit(self._limit - held, part.runs_per_realserver)
        for kept in (self._failures, self._stretches, self._waiting):
            kept.retain(part.probes)
        self._round = iter(())

    def watch(self, probes: Collection[str]) -> None:
        before, self._watched = self._watched, frozenset(probes)
        self._tell(self._watched - before)

    async def run_now(self, probe: str) -> Ran | None:
        if probe not in self._part.probes:
            return None
        wait = self._waiting.next_run(probe)
        agreement = self._part.agreements.get(probe)
        self._schedule.now(probe if agreement is None else agreement.run)
        return await wait

    async def look(self, probes: Iterable[str]) -> Mapping[str, Look]:
        known = (probe for probe in probes if probe in self._part.probes)
        return {probe: Look(self._board.state(probe), self._stretches.of(probe)) for probe in known}

    def processes(self) -> Processes:
        return Processes()

    def vitals(self) -> ProbingVitals:
        schedule, tripwires = self._schedule, self._tripwires
        return ProbingVitals(
            lag=self._lag.lately(),
            stalled=self._lag.stalled(),
            starts=schedule.starts.figures(),
            late_starts=schedule.late_starts,
            still_running=schedule.still_running,
            running=schedule.running,
            waiting=schedule.waiting,
            waiting_for_address=schedule.waiting_for_address,
            runs=schedule.runs,
            runs_per_second=schedule.starts.per_second(self._reactor.time()),
            outcomes=dict(self._outcomes),
            starved=self._starved,
            starved_lately=self._starved_lately.figures().count,
            tripwires_held=tripwires.held,
            tripwires_tripped=tripwires.counts[End.PEER],
            tripwires_reopened=tripwires.reopened,
        )

    async def stop(self) -> None:
        self._beats.cancel()
        self._lag.close()
        self._tripwires.stop()
        self._schedule.stop()
        self._reactor.close()
        self._shared.doors.close()

    async def _execute(self, spec: ProbeSpec) -> Outcome:
        self._schedule.began(spec.id)
        trace = Recorder()
        at = time.time()
        waits = self._waiting.begin((spec.id, *self._comparisons.made_of(spec.id)))
        try:
            outcome = await runner.run(
                spec.probe, spec.target, spec.timeout, self._reactor, self._lag.stalled,
                shared=self._shared, interval=spec.interval, trace=trace,
            )  # fmt: skip
        except BaseException:  # it is ended from outside
            for waiting in waits.values():
                tell(waiting, None)
            raise
        self._outcomes[outcome.verdict._value_] += 1
        if outcome.reason is Reason.STARVED:
            self._starved += 1
            self._starved_lately.add(outcome.phases.total or 0.0)
        if waits or outcome.verdict is Verdict.FAIL:
            heard = masked(trace.transcript(), masker_of(spec.probe))
            if outcome.verdict is Verdict.FAIL:
                self._failures.keep(spec.id, Failure(time.time(), outcome, heard))
            seen = Run(
                kind=spec.probe.kind, target=spec.target, timeout=spec.timeout,
                at=at, outcome=outcome, transcript=heard,
            )  # fmt: skip
            self._ended(seen, waits)
        return outcome

    async def _hold(self, spec: ProbeSpec, life: float | None) -> Held:
        trace = runner.PhaseTrace()
        doors = self._shared.doors
        return await hold(spec.target, self._reactor, trace, patience=spec.timeout, life=life, doors=doors)

    def _ended(self, seen: Run, waits: Mapping[str, list[Wait]]) -> None:
        """Keep a run for those who wait for it, or for what is made of it, until the outcome was recorded."""
        for name, waiting in waits.items():
            spec = self._part.probes.get(name)
            if spec is None:  # dropped from the configuration meanwhile
                tell(waiting, None)
            elif waiting:
                self._waiting.ended(name, waiting, replace(seen, kind=spec.probe.kind))

    def _heard(self, spec: ProbeSpec, outcome: Outcome) -> None:
        """Take the outcome of a run, and of what is made of it."""
        before, now = self._board.state(spec.id), self._reactor.time()
        after = self._record(spec, outcome)
        self._hastener.hasten(spec, before, after, self._board.state, self._schedule, now=now)
        self._tripwires.outcome(spec, after)
        seconds = pace(after, spec.interval, spec.fast_interval, spec.down_interval)
        for name, judged in self._comparisons.take(spec.id, outcome, now):
            made = self._part.probes[name]
            state = self._record(made, judged)
            seconds = min(seconds, pace(state, made.interval, made.fast_interval, made.down_interval))
        self._schedule.pace(spec.id, seconds)

    def _record(self, spec: ProbeSpec, outcome: Outcome) -> ProbeState:
        """Take an outcome of ``spec``; return the state that it has made."""
        if _log.isEnabledFor(logging.DEBUG):
            event(
                _log, logging.DEBUG, "outcome",
                probe=spec.id, verdict=outcome.verdict, reason=outcome.reason, detail=outcome.detail,
                seconds=outcome.phases.total,
            )  # fmt: skip
        before, now = self._board.state(spec.id), time.time()
        transition = self._board.record(spec, outcome, now, time.monotonic())
        after = self._board.state(spec.id)
        self._stretches.outcome(spec.id, outcome, now)
        self._waiting.recorded(spec.id, outcome, before, after)
        # Not every change is a transition: what a restart finds as it was left is none, but the table may be another.
        if after.health is not before.health or after.weight != before.weight or spec.id in self._watched:
            self._changed.pop(spec.id, None)
            failure = self._failures.of(spec.id) if after.health is Health.DOWN else None
            dialogue = failure.transcript if failure is not None and transition is not None else ()
            self._hear((News(spec.id, after, transition, dialogue),))
        elif not _alike(before, after):
            self._changed[spec.id] = None
        return after

    def _beat(self) -> None:
        """Tell what has changed a little, and some of what has not."""
        self._beats = self._reactor.call_at(self._reactor.time() + BEAT, self._beat)
        for kept in (self._schedule.starts, self._starved_lately):
            kept.turn(self._reactor.time())
        self._owed += len(self._part.probes) * BEAT / REFRESH
        refreshed = list(islice(self._round, int(self._owed)))
        if len(refreshed) < int(self._owed):
            self._round = iter(list(self._part.probes))
        self._owed %= 1.0
        changed, self._changed = self._changed, {}
        self._tell(changed | dict.fromkeys(refreshed))

    def _tell(self, probes: Iterable[str]) -> None:
        self._hear([News(probe, self._board.state(probe)) for probe in probes if probe in self._part.probes])

    def _tripped(self, probe: str) -> None:
        self._hastener.tripped(probe, self._board.state(probe), self._schedule)


def _alike(before: ProbeState, after: ProbeState) -> bool:
    """Say whether nothing has changed that is told before its turn."""
    last, now = before.last, after.last
    return (
        before.passes == after.passes
        and before.fails == after.fails
        and min(before.unknowns, MOST_FAILURES) == min(after.unknowns, MOST_FAILURES)
        and last is not None
        and now is not None
        and last.verdict is now.verdict
        and last.reason is now.reason
    )
