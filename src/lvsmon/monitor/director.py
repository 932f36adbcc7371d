"""The loop that keeps the table right: outcomes in, writes out.

Outcomes move health; a change of health, or the timer, asks for a reconcile. Reconciling blocks on netlink, so it
happens in one thread of its own, which alone touches the kernel; the probes never wait for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lvsmon.actions.ipvs.base import Ipvs
from lvsmon.actions.ipvs.reconcile import Reconciler, Report
from lvsmon.actions.ipvs.table import Owned, ipvsadm
from lvsmon.config.plan import Plan
from lvsmon.errors import IpvsUnavailable
from lvsmon.logs import event
from lvsmon.model import Health, Outcome, ProbeState, Table, Transition, Verdict
from lvsmon.monitor import runner
from lvsmon.monitor.board import Board, health_of, weights_of
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.masking import Masker, secrets_in
from lvsmon.monitor.schedule import DEFAULT_LIMIT, Schedule
from lvsmon.monitor.transcript import Failure, Failures, Recorder, one_line
from lvsmon.net.aio import AsyncioEngine
from lvsmon.net.shared import Shared
from lvsmon.pool import desired
from lvsmon.probes.base import ProbeSpec

_log: Final = logging.getLogger(__name__)

RETRY: Final = 5.0
"""Seconds until IPVS is tried again when nothing can be asked of it at all."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of things for whoever shows it: the plan, the health of its probes, the table as last seen."""

    plan: Plan
    states: Mapping[str, ProbeState]
    observed: Table


class Director:
    """Probes what the plan says and keeps the IPVS table as the outcomes want it.

    ``remembered`` and ``owned`` are what an earlier process left: see `Board` and `Owned`.
    """

    def __init__(
        self,
        plan: Plan,
        open_ipvs: Callable[[], Ipvs],
        *,
        remembered: Mapping[str, ProbeState] | None = None,
        owned: Owned | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> None:
        self._plan = plan
        self._open_ipvs = open_ipvs
        self._limit = limit
        self._board = Board(remembered)
        self._board.update(plan.probes)
        self.owned = (owned or Owned()).including(plan.virtuals)
        """What lvsmon may delete from the kernel when the configuration drops it."""
        self.failures = Failures()
        """The last failure of each probe, with its dialogue."""
        self._observed: Table = {}
        self._wanted = asyncio.Event()
        self._complaints: frozenset[str] = frozenset()
        self._kernel = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kernel")
        self._reconciler: Reconciler | None = None

    async def run(self) -> None:
        """Probe and reconcile until cancelled. The table is left as it is then: what serves goes on serving."""
        engine, lag, shared = AsyncioEngine(), LagMeter(), Shared()

        async def execute(spec: ProbeSpec) -> Outcome:
            trace = Recorder()
            outcome = await runner.run(
                spec.probe, spec.target, spec.timeout, engine, lag.stalled,
                shared=shared, interval=spec.interval, trace=trace,
            )  # fmt: skip
            if outcome.verdict is Verdict.FAIL:
                masker = Masker(secrets_in(spec.probe))
                failure = Failure(time.time(), masker.outcome(outcome), masker.transcript(trace.transcript()))
                self.failures.keep(spec.id, failure)
            return outcome

        self._schedule = Schedule(execute, self._record, limit=self._limit)
        self.take(self._plan)
        try:
            while True:
                self._wanted.clear()
                patience = await self._reconcile()
                try:
                    async with asyncio.timeout(patience):
                        await self._wanted.wait()
                except TimeoutError:
                    continue
        finally:
            lag.close()
            await self._schedule.stop()
            self._kernel.shutdown()

    def take(self, plan: Plan) -> None:
        """Go on with ``plan``: probes whose definition is the same keep their counters and their times."""
        self._plan = plan
        self.owned = self.owned.including(plan.virtuals)
        self._board.update(plan.probes)
        self._schedule.update(plan.probes)
        self.failures.retain(plan.probes)
        self._wanted.set()

    def snapshot(self) -> Snapshot:
        return Snapshot(self._plan, self._board.states(), self._observed)

    def _record(self, spec: ProbeSpec, outcome: Outcome) -> None:
        event(
            _log, logging.DEBUG, "outcome",
            probe=spec.id, verdict=outcome.verdict, reason=outcome.reason, detail=outcome.detail,
            seconds=outcome.phases.total,
        )  # fmt: skip
        before = self._board.state(spec.id)
        transition = self._board.record(spec, outcome, time.time())
        after = self._board.state(spec.id)
        if transition is not None:
            _log_transition(transition)
            failure = self.failures.of(spec.id)
            if transition.after is Health.DOWN and failure is not None:
                event(_log, logging.INFO, "transcript", probe=spec.id, dialogue=one_line(failure.transcript))
        if after.weight != before.weight:
            event(
                _log,
                logging.INFO,
                "weight",
                probe=spec.id,
                before=before.weight,
                after=after.weight,
                detail=outcome.detail,
            )
        # Not every change is a transition: what a restart finds as it was left is none, but the table may be another.
        if (after.health, after.weight) != (before.health, before.weight):
            self._wanted.set()

    async def _reconcile(self) -> float:
        """Make the kernel's table right; return the seconds until that is to be done again at the latest."""
        states = self._board.states()
        try:
            report = await asyncio.get_running_loop().run_in_executor(self._kernel, self._work, self._plan, states)
        except IpvsUnavailable as error:
            self._complain([f"IPVS cannot be reached: {error}"])
            return RETRY
        self._observed, self.owned = report.observed, report.owned.including(self._plan.virtuals)
        self._log_report(report)
        return self._plan.reconcile_interval

    def _work(self, plan: Plan, states: Mapping[str, ProbeState]) -> Report:
        """Reconcile once; runs in the kernel's thread."""
        if self._reconciler is None:
            self._reconciler = Reconciler(self._open_ipvs())
        return self._reconciler.reconcile(
            lambda observed: desired(
                plan.virtuals,
                lambda destination: health_of(destination, states),
                observed,
                lambda destination: weights_of(destination, states),
            ),
            self.owned,
        )

    def _log_report(self, report: Report) -> None:
        for difference in report.drift:
            event(_log, logging.WARNING, "drift", what=difference)
        for command in report.written:
            event(_log, logging.INFO, "ipvs_write", command=ipvsadm(command))
        self._complain(
            [
                *(f"refused: {ipvsadm(command)}: {error}" for command, error in report.refused),
                *(f"foreign, left alone: {entry}" for entry in report.foreign),
            ]
        )

    def _complain(self, complaints: Iterable[str]) -> None:
        """Log what is wrong with the table once, when it begins, and again when it is over."""
        now = frozenset(complaints)
        for complaint in sorted(now - self._complaints):
            event(_log, logging.WARNING, "ipvs_trouble", what=complaint)
        for complaint in sorted(self._complaints - now):
            event(_log, logging.INFO, "ipvs_trouble_over", what=complaint)
        self._complaints = now


def _log_transition(transition: Transition) -> None:
    event(
        _log, logging.INFO if transition.after is Health.UP else logging.WARNING, "transition",
        probe=transition.probe, before=transition.before, after=transition.after,
        reason=transition.outcome.reason, detail=transition.outcome.detail,
    )  # fmt: skip
