"""The loop that keeps the table right: outcomes in, writes out.

Outcomes move health; a change of health, or the timer, asks for a reconcile, which happens in the kernel's thread
(`Keeper`). While the monitor is paused everything goes on but the writing.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from lvsmon import windows
from lvsmon.actions.ipvs.base import Ipvs
from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.sysctls import Sysctls
from lvsmon.actions.ipvs.table import Owned
from lvsmon.config.plan import Plan
from lvsmon.errors import IpvsUnavailable
from lvsmon.health import pace
from lvsmon.logs import event
from lvsmon.model import Health, Outcome, Pause, ProbeState, Table, Verdict, Wish, standing
from lvsmon.monitor import runner
from lvsmon.monitor.board import Board
from lvsmon.monitor.comparing import Comparisons
from lvsmon.monitor.hastening import Hastener
from lvsmon.monitor.keeper import Keeper
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.run import Run
from lvsmon.monitor.schedule import DEFAULT_LIMIT, Schedule
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.monitor.telling import Told, tell_kept, tell_pause, tell_transition, tell_weight
from lvsmon.monitor.trail import Trail
from lvsmon.monitor.transcript import Failure, Failures, Recorder, masked, one_line
from lvsmon.monitor.tripwires import Tripwires
from lvsmon.monitor.waiting import Ran, Wait, Waiting, tell
from lvsmon.monitor.witness import Witness
from lvsmon.net.aio import AsyncioEngine
from lvsmon.net.holding import Held, hold
from lvsmon.net.shared import Shared
from lvsmon.pool import Decided, Situation, decide
from lvsmon.probes.base import ProbeSpec
from lvsmon.secrets.masking import masker_of

_log: Final = logging.getLogger(__name__)

RETRY: Final = 5.0
"""Seconds until IPVS is tried again when nothing can be asked of it at all."""


REMIND: Final = 60.0
"""Seconds between two reminders that nothing is written; they come with reconciling, so seldomer where that is."""


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
        wishes: Iterable[Wish] = (),
        pause: Pause | None = None,
        sysctls: Sysctls | None = None,
        limit: int = DEFAULT_LIMIT,
        witness: Witness | None = None,
        observe: Callable[[Snapshot], None] | None = None,
    ) -> None:
        """``observe`` is told of each decision; it must not wait."""
        self._observe = observe
        self._plan = plan
        self._limit = limit
        self._board = Board(remembered)
        self._board.update(plan.probes)
        self._comparisons = Comparisons()
        self.owned = (owned or Owned()).including(plan.virtuals)
        """What lvsmon may delete from the kernel when the configuration drops it."""
        self.failures = Failures()
        """The last failure of each probe, with its dialogue."""
        self.trail = Trail()
        """What led to where each destination is."""
        self._wishes = tuple(wishes)
        self._pause = pause
        self._last: Report | str = "IPVS has not been looked at yet"
        self._observed: Table = {}
        self._decided = Decided(table={})
        self._wanted = asyncio.Event()
        self._looks: list[asyncio.Future[Report | str]] = []
        self._waiting = Waiting()
        self._hastener = Hastener()
        self._reminded = -REMIND
        self._witness = witness or Witness()
        self._told = Told(self._witness)
        self._keeper = Keeper(open_ipvs, sysctls)

    async def run(self) -> None:
        """Probe and reconcile until cancelled. The table is left as it is then: what serves goes on serving."""
        engine, lag, shared = AsyncioEngine(), LagMeter(), Shared()

        async def execute(spec: ProbeSpec) -> Outcome:
            trace = Recorder()
            at = time.time()
            waits = {name: self._waiting.begin(name) for name in (spec.id, *self._comparisons.made_of(spec.id))}
            try:
                outcome = await runner.run(
                    spec.probe, spec.target, spec.timeout, engine, lag.stalled,
                    shared=shared, interval=spec.interval, trace=trace,
                )  # fmt: skip
            except asyncio.CancelledError:
                for waiting in waits.values():
                    tell(waiting, None)
                raise
            if outcome.verdict is Verdict.FAIL or any(waits.values()):
                heard = masked(trace.transcript(), masker_of(spec.probe))
                if outcome.verdict is Verdict.FAIL:
                    self.failures.keep(spec.id, Failure(time.time(), outcome, heard))
                seen = Run(
                    kind=spec.probe.kind, target=spec.target, timeout=spec.timeout,
                    at=at, outcome=outcome, transcript=heard,
                )  # fmt: skip
                self._ended(seen, waits)
            return outcome

        async def held(spec: ProbeSpec, life: float | None) -> Held:
            return await hold(
                spec.target.address, spec.target.port, engine, runner.PhaseTrace(), patience=spec.timeout, life=life
            )

        self._schedule = Schedule(execute, self._heard)
        self._tripwires = Tripwires(held, self._tripped, limit=self._limit // 2)
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
            await self._tripwires.stop()
            await self._schedule.stop()
            self._keeper.close()

    def take(self, plan: Plan) -> None:
        """Go on with ``plan``: probes whose definition is the same keep their counters and their times."""
        self._plan = plan
        self.owned = self.owned.including(plan.virtuals)
        self._board.update(plan.probes)
        self._witness.plan(plan)
        self._comparisons.update(plan.agreements)
        runs = plan.runs
        self._hastener.update(runs)
        self._schedule.update(runs)
        held = self._tripwires.update(runs)
        self._schedule.limit(self._limit - held, plan.runs_per_realserver)
        self.failures.retain(plan.probes)
        self.trail.retain(plan.probes)
        self._waiting.retain(plan.probes)
        self._wanted.set()

    def reconsider(self) -> None:
        """Decide and reconcile now: a maintenance window begins or ends, or the clock was set."""
        self._wanted.set()

    def wish(self, wishes: Iterable[Wish]) -> None:
        """Take ``wishes`` as all that operators wish for; those whose time is over count no more."""
        self._wishes = tuple(wishes)
        self._wanted.set()

    def wishes(self) -> tuple[Wish, ...]:
        """Return all that operators wish for that is not over."""
        return standing(self._wishes, time.time())

    def foresee(self, wishes: Iterable[Wish]) -> Decided:
        """Return what would be decided now with ``wishes``; nothing is changed."""
        situation = replace(self._situation(self._plan), wishes=self._in_force(self._plan, wishes))
        return decide(situation, self._decided.memory)

    @staticmethod
    def _in_force(plan: Plan, wishes: Iterable[Wish]) -> tuple[Wish, ...]:
        """Return the ``wishes`` that stand now, and those of maintenance windows."""
        now = time.time()
        return (*standing(wishes, now), *windows.wishes(plan.windows, now))

    def pause(self, pause: Pause | None) -> None:
        """Write nothing to the kernel while ``pause`` stands; with None write again."""
        self._pause, self._reminded = pause, -REMIND
        self._wanted.set()

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self._plan, self._board.states(), self._observed, self._decided,
            self._in_force(self._plan, self._wishes), self._pause, self._last, self._told.complaints,
        )  # fmt: skip

    async def look(self) -> Table:
        """Return the kernel's table as it is now, with connections and rates; may raise `IpvsUnavailable`."""
        return await self._keeper.look()

    async def preview(self, plan: Plan) -> Report:
        """Return what the first reconcile with ``plan`` would write, as ``held``; may raise `IpvsUnavailable`."""
        situation = self._situation(plan)
        owned = self.owned.including(plan.virtuals)
        return (await self._keeper.keep(plan, situation, self._decided.memory, owned, write=False)).report

    async def probe_now(self, probe: str) -> Ran | None:
        """Run ``probe`` besides its times: an ordinary run that counts, with its dialogue. None if it is no more."""
        wait = self._waiting.next_run(probe)
        agreement = self._plan.agreements.get(probe)
        self._schedule.now(probe if agreement is None else agreement.run)
        return await wait

    def _ended(self, seen: Run, waits: Mapping[str, list[Wait]]) -> None:
        """Keep a run for those who wait for it, or for what is made of it, until the outcome was recorded."""
        for name, waiting in waits.items():
            spec = self._plan.probes.get(name)
            if spec is None:  # dropped from the configuration meanwhile
                tell(waiting, None)
            elif waiting:
                self._waiting.ended(name, waiting, replace(seen, kind=spec.probe.kind))

    def _heard(self, spec: ProbeSpec, outcome: Outcome) -> None:
        """Take the outcome of a run, and of what is made of it."""
        before, now = self._board.state(spec.id), asyncio.get_running_loop().time()
        self._record(spec, outcome)
        self._hastener.hasten(spec, before, self._board.state, self._schedule, now)
        self._tripwires.outcome(spec, self._board.state(spec.id))
        paces = [self._pace(spec)]
        for name, judged in self._comparisons.take(spec.id, outcome, time.monotonic()):
            self._record(self._plan.probes[name], judged)
            paces.append(self._pace(self._plan.probes[name]))
        self._schedule.pace(spec.id, min(paces))

    def _pace(self, spec: ProbeSpec) -> float:
        """Return the seconds that ``spec`` wants between its runs."""
        return pace(self._board.state(spec.id), spec.interval, spec.fast_interval, spec.down_interval)

    def _record(self, spec: ProbeSpec, outcome: Outcome) -> None:
        event(
            _log, logging.DEBUG, "outcome",
            probe=spec.id, verdict=outcome.verdict, reason=outcome.reason, detail=outcome.detail,
            seconds=outcome.phases.total,
        )  # fmt: skip
        before = self._board.state(spec.id)
        now = time.time()
        transition = self._board.record(spec, outcome, now, time.monotonic())
        after = self._board.state(spec.id)
        self.trail.outcome(spec.id, outcome, now)
        self._waiting.recorded(spec.id, outcome, before, after)
        if transition is not None:
            tell_transition(transition, expected=self._witness.expects_failure(spec.id))
            self._witness.transition(transition)
            failure = self.failures.of(spec.id)
            if transition.after is Health.DOWN and failure is not None:
                event(_log, logging.INFO, "transcript", probe=spec.id, dialogue=one_line(failure.transcript))
        if after.weight != before.weight:
            tell_weight(spec.id, before.weight, after.weight, outcome)
        # Not every change is a transition: what a restart finds as it was left is none, but the table may be another.
        changed = (after.health, after.weight) != (before.health, before.weight)
        if changed or spec.id in self._decided.awaited:
            self._wanted.set()

    def _tripped(self, probe: str) -> None:
        self._hastener.tripped(probe, self._board.state(probe), self._schedule)

    async def reconciled(self) -> Report | str:
        """Reconcile now; return what came of it, or the sentence that says why IPVS cannot be reached."""
        look: asyncio.Future[Report | str] = asyncio.get_running_loop().create_future()
        self._looks.append(look)
        self._wanted.set()
        return await look

    def _situation(self, plan: Plan) -> Situation:
        known = self._board.states()
        return Situation(
            virtuals=plan.virtuals,
            states={probe: known.get(probe, ProbeState()) for probe in plan.probes},
            observed=self._observed,
            wishes=self._in_force(plan, self._wishes),
            hosts=plan.hosts,
            groups=plan.groups,
            brake=plan.brake,
            now=time.monotonic(),
            today=time.time(),
        )

    async def _reconcile(self) -> float:
        """Make the kernel's table right; return the seconds until that is to be done again at the latest."""
        looks, self._looks = self._looks, []  # who asks later, asks for another one
        situation, pause = self._situation(self._plan), self.standing_pause()
        try:
            kept = await self._keeper.keep(self._plan, situation, self._decided.memory, self.owned, write=pause is None)
        except IpvsUnavailable as error:
            self._decided = decide(situation, self._decided.memory)
            self._last = f"IPVS cannot be reached: {error}"
            self._told.complain([self._last])
            patience = RETRY
        except Exception:  # noqa: BLE001  nothing here may end the daemon
            # Whatever is wrong here, the table that serves must outlive it, and so must the probes.
            self._last = "a bug in deciding or reconciling: the table is left as it is"
            _log.exception(self._last)
            patience = RETRY
        else:
            self._last, self._observed, self._decided = kept.report, kept.report.observed, kept.decided
            self.owned = kept.report.owned.including(self._plan.virtuals)
            tell_kept(kept, self._told)
            patience = self._plan.reconcile_interval
        self._follow_up(looks)
        until = [*(wish.until for wish in situation.wishes), None if pause is None else pause.until]
        ends = [when - time.time() for when in until if when is not None]
        again = [] if self._decided.again is None else [self._decided.again - time.monotonic()]
        return max(0.0, min([patience, *ends, *again]))

    def _follow_up(self, looks: Iterable["asyncio.Future[Report | str]"]) -> None:
        """Tell people what the round came to: in the log, in history, in the trail, and those who asked for it."""
        now, windowed = time.time(), self._plan.windows
        self._told.notice((*self._decided.notices, *windows.notices(windowed, now)))
        self._witness.decided(self._decided.choices, windows.quiet(windowed, now))
        self.trail.decided(self._decided.choices, now)
        if not isinstance(self._last, str):
            self._witness.report(self._last)
            self.trail.report(self._last, now)
        if self._pause is not None and time.monotonic() - self._reminded >= REMIND:
            self._reminded = time.monotonic()
            tell_pause(self._pause, self._last)
        for look in looks:
            if not look.done():  # who asked may have gone
                look.set_result(self._last)
        if self._observe is not None:
            self._observe(self.snapshot())

    def standing_pause(self) -> Pause | None:
        """Return the pause in force; one whose time is over is gone."""
        if self._pause is not None and not self._pause.stands(time.time()):
            event(_log, logging.WARNING, "resumed", why="its time is over")
            self._pause = None
        return self._pause
