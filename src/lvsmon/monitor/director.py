"""The loop that keeps the table right: health in, writes out.

A change of health, or the timer, asks for a reconcile, which happens in the kernel's thread (`TableKeeper`). While the
monitor is paused everything goes on but the writing. Who probes is asked for nothing but news (`lvsmon.monitor.news`).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from lvsmon import windows
from lvsmon.actions.ipvs.base import Ipvs
from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.actions.ipvs.sysctls import Sysctls
from lvsmon.actions.ipvs.table import Owned
from lvsmon.config.plan import Plan
from lvsmon.errors import IpvsUnavailable
from lvsmon.logs import event
from lvsmon.model import Pause, ProbeState, Table, Wish, standing
from lvsmon.monitor.drifts import Drifts
from lvsmon.monitor.news import Hear, Look, News, Probing, Processes
from lvsmon.monitor.prober import Prober
from lvsmon.monitor.schedule import DEFAULT_LIMIT
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.monitor.table_keeper import Kept, TableKeeper
from lvsmon.monitor.telling import Told, tell_kept, tell_news, tell_pause
from lvsmon.monitor.trail import Trail
from lvsmon.monitor.vitals import LastMinute, Vitals, descriptors
from lvsmon.monitor.waiting import Ran
from lvsmon.monitor.witness import Witness
from lvsmon.pool import Decided, Situation, decide

_log: Final = logging.getLogger(__name__)

RETRY: Final = 5.0
"""Seconds until IPVS is tried again when nothing can be asked of it at all."""


REMIND: Final = 60.0
"""Seconds between two reminders that nothing is written; they come with reconciling, so seldomer where that is."""


class Director:
    """Has probed what the plan says and keeps the IPVS table as the outcomes want it.

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
        probing: Callable[[Hear], Probing] | None = None,
    ) -> None:
        """``observe`` is told of each decision; it must not wait. ``probing`` makes who probes, in place of a `Prober`
        in this process with ``remembered`` and ``limit``.
        """
        self._observe = observe
        self._plan = plan
        self._probing = probing or partial(Prober, remembered=remembered, limit=limit)
        self._states = {probe: ProbeState() for probe in plan.probes}
        self.owned = (owned or Owned()).including(plan.virtuals)
        """What lvsmon may delete from the kernel when the configuration drops it."""
        self.trail = Trail()
        """What led to where each destination is."""
        self._wishes = tuple(wishes)
        self._pause = pause
        self._last: Report | str = "IPVS has not been looked at yet"
        self._observed: Table = {}
        self._decided = Decided(table={})
        self._wanted = asyncio.Event()
        self._looks: list[asyncio.Future[Report | str]] = []
        self._reminded = -REMIND
        self._witness = witness or Witness()
        self._told = Told(self._witness)
        self._drifts = Drifts()
        self._keeper = TableKeeper(open_ipvs, sysctls)
        self._heard_at: list[float] = []  # changes of health that no reconcile has seen
        self._written, self._reconciled = LastMinute(time.monotonic()), LastMinute(time.monotonic())
        self._reconciled_at: float | None = None

    async def run(self) -> None:
        """Probe and reconcile until cancelled. The table is left as it is then: what serves goes on serving."""
        self._prober = self._probing(self._heard)
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
            await self._prober.stop()
            self._keeper.close()

    def take(self, plan: Plan) -> None:
        """Go on with ``plan``: probes whose definition is the same keep their counters and their times."""
        self._plan = plan
        self.owned = self.owned.including(plan.virtuals)
        self._states = {probe: self._states.get(probe, ProbeState()) for probe in plan.probes}
        self._witness.plan(plan)
        self._prober.update(plan.part)
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
            self._plan, dict(self._states), self._observed, self._decided,
            self._in_force(self._plan, self._wishes), self._pause, self._last, self._told.complaints,
            self._drifts.mended(),
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
        return await self._prober.run_now(probe)

    async def ask(self, probes: Iterable[str]) -> Mapping[str, Look]:
        """Return how ``probes`` are now, with their last outcomes; those that cannot be asked are left out."""
        return await self._prober.look(probes)

    def processes(self) -> Processes:
        """Return who probes, beside this process."""
        return self._prober.processes()

    def vitals(self) -> Vitals:
        """Return what the director knows of itself; while it runs."""
        used, limit = descriptors()
        for figures in (self._written, self._reconciled):
            figures.turn(time.monotonic())
        return Vitals(
            probing=self._prober.vitals(),
            descriptors=used,
            descriptors_limit=limit,
            reconciled=self._reconciled.figures(),
            reconcile_age=None if self._reconciled_at is None else time.monotonic() - self._reconciled_at,
            written=self._written.figures(),
        )

    def _heard(self, news: Iterable[News]) -> None:
        """Take what became of probes."""
        for each in news:
            before = self._states.get(each.probe)
            if before is None:  # dropped from the configuration meanwhile
                continue
            after = self._states[each.probe] = each.state
            tell_news(each, before, self._witness)
            changed = (after.health, after.weight) != (before.health, before.weight)
            if after.health is not before.health:
                self._heard_at.append(time.monotonic())
            if changed or (each.probe in self._decided.awaited and after != before):
                self._wanted.set()

    async def reconciled(self) -> Report | str:
        """Reconcile now; return what came of it, or the sentence that says why IPVS cannot be reached."""
        look: asyncio.Future[Report | str] = asyncio.get_running_loop().create_future()
        self._looks.append(look)
        self._wanted.set()
        return await look

    def _situation(self, plan: Plan) -> Situation:
        return Situation(
            virtuals=plan.virtuals,
            states={probe: self._states.get(probe, ProbeState()) for probe in plan.probes},
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
        heard, self._heard_at = self._heard_at, []
        begun = time.monotonic()
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
            self._timed(kept, begun, heard)
            tell_kept(kept, self._told)
            patience = self._plan.reconcile_interval
        self._prober.watch(self._decided.awaited.union(*(host.probes for host in self._plan.hosts)))
        self._follow_up(looks)
        until = [*(wish.until for wish in situation.wishes), None if pause is None else pause.until]
        ends = [when - time.time() for when in until if when is not None]
        again = [when - time.monotonic() for when in (self._decided.again, self._drifts.next_end()) if when is not None]
        return max(0.0, min([patience, *ends, *again]))

    def _timed(self, kept: Kept, begun: float, heard: Iterable[float]) -> None:
        """Keep how long a round took, and how long those changes of health waited for it for which it wrote."""
        self._reconciled_at = time.monotonic()
        for figures in (self._written, self._reconciled):
            figures.turn(self._reconciled_at)
        self._reconciled.add(self._reconciled_at - begun)
        if kept.report.written:
            for at in heard:
                self._written.add(kept.written - at)

    def _follow_up(self, looks: Iterable["asyncio.Future[Report | str]"]) -> None:
        """Tell people what the round came to: in the log, in history, in the trail, and those who asked for it."""
        now, windowed = time.time(), self._plan.windows
        self._told.notice((*self._decided.notices, *windows.notices(windowed, now)))
        self._witness.decided(self._decided.choices, windows.quiet(windowed, now))
        self.trail.decided(self._decided.choices, now)
        if not isinstance(self._last, str):
            self._witness.report(self._last)
            self.trail.report(self._last, now)
        drift = () if isinstance(self._last, str) else self._last.drift
        self._drifts.take(drift, now, time.monotonic())
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
