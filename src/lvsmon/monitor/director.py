"""The loop that keeps the table right: outcomes in, writes out.

Outcomes move health; a change of health, or the timer, asks for a reconcile. Reconciling blocks on netlink, so it
happens in one thread of its own, which alone touches the kernel; the probes never wait for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lvsmon import windows
from lvsmon.actions.ipvs.base import Ipvs
from lvsmon.actions.ipvs.sysctls import Sysctls
from lvsmon.actions.ipvs.table import Owned
from lvsmon.config.plan import Plan
from lvsmon.errors import IpvsUnavailable
from lvsmon.health import pace
from lvsmon.logs import event
from lvsmon.model import Destination, Health, Outcome, ProbeState, Table, Verdict, VirtualService, Wish, standing
from lvsmon.monitor import runner
from lvsmon.monitor.board import Board
from lvsmon.monitor.keeper import Keeper
from lvsmon.monitor.lag import LagMeter
from lvsmon.monitor.masking import masker_of
from lvsmon.monitor.schedule import DEFAULT_LIMIT, Schedule
from lvsmon.monitor.telling import Told, tell_kept, tell_transition
from lvsmon.monitor.transcript import Failure, Failures, Recorder, masked, one_line
from lvsmon.monitor.witness import Witness
from lvsmon.net.aio import AsyncioEngine
from lvsmon.net.shared import Shared
from lvsmon.pool import Decided, Situation, decide
from lvsmon.probes.base import ProbeSpec

_log: Final = logging.getLogger(__name__)

RETRY: Final = 5.0
"""Seconds until IPVS is tried again when nothing can be asked of it at all."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of things for whoever shows it: the plan, the health of its probes, the table as last seen, and what
    was last decided from these.
    """

    plan: Plan
    states: Mapping[str, ProbeState]
    observed: Table
    decided: Decided

    def health_of(self, virtual: VirtualService, destination: Destination) -> Health:
        """Return the health that was decided on; UNKNOWN while nothing is decided yet."""
        choice = self.decided.choices.get((virtual.key, destination.key))
        return Health.UNKNOWN if choice is None else choice.health


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
        sysctls: Sysctls | None = None,
        limit: int = DEFAULT_LIMIT,
        witness: Witness | None = None,
    ) -> None:
        self._plan = plan
        self._limit = limit
        self._board = Board(remembered)
        self._board.update(plan.probes)
        self.owned = (owned or Owned()).including(plan.virtuals)
        """What lvsmon may delete from the kernel when the configuration drops it."""
        self.failures = Failures()
        """The last failure of each probe, with its dialogue."""
        self._wishes = tuple(wishes)
        self._observed: Table = {}
        self._decided = Decided(table={})
        self._wanted = asyncio.Event()
        self._witness = witness or Witness()
        self._told = Told(self._witness)
        self._keeper = Keeper(open_ipvs, sysctls)

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
                heard = masked(trace.transcript(), masker_of(spec.probe))
                self.failures.keep(spec.id, Failure(time.time(), outcome, heard))
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
            self._keeper.close()

    def take(self, plan: Plan) -> None:
        """Go on with ``plan``: probes whose definition is the same keep their counters and their times."""
        self._plan = plan
        self.owned = self.owned.including(plan.virtuals)
        self._board.update(plan.probes)
        self._witness.plan(plan)
        self._schedule.update(plan.probes)
        self.failures.retain(plan.probes)
        self._wanted.set()

    def reconsider(self) -> None:
        """Decide and reconcile now: a maintenance window begins or ends, or the clock was set."""
        self._wanted.set()

    def wish(self, wishes: Iterable[Wish]) -> None:
        """Take ``wishes`` as all that operators wish for; those whose time is over count no more."""
        self._wishes = tuple(wishes)
        self._wanted.set()

    def snapshot(self) -> Snapshot:
        return Snapshot(self._plan, self._board.states(), self._observed, self._decided)

    def _record(self, spec: ProbeSpec, outcome: Outcome) -> None:
        event(
            _log, logging.DEBUG, "outcome",
            probe=spec.id, verdict=outcome.verdict, reason=outcome.reason, detail=outcome.detail,
            seconds=outcome.phases.total,
        )  # fmt: skip
        before = self._board.state(spec.id)
        transition = self._board.record(spec, outcome, time.time(), time.monotonic())
        after = self._board.state(spec.id)
        self._schedule.pace(spec.id, pace(after, spec.interval, spec.fast_interval, spec.down_interval))
        if transition is not None:
            tell_transition(transition, expected=self._witness.expects_failure(spec.id))
            self._witness.transition(transition)
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
        plan, now = self._plan, time.time()
        situation = Situation(
            virtuals=self._plan.virtuals,
            states=self._board.states(),
            observed=self._observed,
            wishes=(*standing(self._wishes, now), *windows.wishes(plan.windows, now)),
            hosts=self._plan.hosts,
            groups=self._plan.groups,
            brake=self._plan.brake,
            now=time.monotonic(),
        )
        try:
            kept = await self._keeper.keep(self._plan, situation, self._decided.memory, self.owned)
        except IpvsUnavailable as error:
            self._decided = decide(situation, self._decided.memory)
            self._witness.decided(self._decided.choices, windows.quiet(plan.windows, now))
            self._told.complain([f"IPVS cannot be reached: {error}"])
            patience = RETRY
        except Exception:  # noqa: BLE001  nothing here may end the daemon
            # Whatever is wrong here, the table that serves must outlive it, and so must the probes.
            _log.exception("a bug in deciding or reconciling: the table is left as it is")
            patience = RETRY
        else:
            self._observed, self._decided = kept.report.observed, kept.decided
            self.owned = kept.report.owned.including(self._plan.virtuals)
            self._witness.decided(self._decided.choices, windows.quiet(plan.windows, now))
            self._witness.report(kept.report)
            tell_kept(kept, self._told)
            patience = self._plan.reconcile_interval
        self._told.notice((*self._decided.notices, *windows.notices(plan.windows, now)))
        ends = [wish.until - time.time() for wish in situation.wishes if wish.until is not None]
        again = [] if self._decided.again is None else [self._decided.again - time.monotonic()]
        return max(0.0, min([patience, *ends, *again]))
