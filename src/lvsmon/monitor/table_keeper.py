"""Keeps the kernel's table: one thread decides and writes, and nobody else touches the kernel."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from lvsmon.actions.ipvs.base import Ipvs
from lvsmon.actions.ipvs.reconcile import Reconciler, Report
from lvsmon.actions.ipvs.sysctls import Sysctls, advice
from lvsmon.actions.ipvs.table import Owned
from lvsmon.config.plan import Plan
from lvsmon.model import Table
from lvsmon.pool import Decided, Memory, Situation, decide

FRESH: Final = 1.0
"""Seconds for which a look with counters is good enough for the next one who looks: the kernel works its rates out
every 2 seconds (net/netfilter/ipvs/ip_vs_est.c)."""

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Kept:
    """What one round came to. ``settings`` are kernel settings that were written, ``trouble`` what to tell of them.

    ``written`` is when the last command was, on the monotonic clock.
    """

    report: Report
    decided: Decided
    settings: list[str]
    trouble: list[str]
    written: float


class TableKeeper:
    """Decides and reconciles in a thread of its own, since netlink blocks; one round at a time."""

    def __init__(self, open_ipvs: Callable[[], Ipvs], sysctls: Sysctls | None) -> None:
        """``sysctls`` None is a table that has no kernel settings."""
        self._open_ipvs = open_ipvs
        self._sysctls = sysctls
        self._opened: tuple[Ipvs, Reconciler] | None = None
        self._looked: tuple[float, Table] = (-FRESH, {})
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kernel")

    async def keep(self, plan: Plan, situation: Situation, memory: Memory, owned: Owned, *, write: bool = True) -> Kept:
        """Decide on what the kernel has now and write what differs; without ``write`` the report only says what would
        be. Raise IpvsUnavailable.
        """
        return await self._in_turn(partial(self._work, plan, situation, memory, owned, write=write))

    async def look(self) -> Table:
        """Return the table with all its counters, at most `FRESH` old. Raise IpvsUnavailable."""
        return await self._in_turn(self._look)

    async def _in_turn(self, work: Callable[[], _Made]) -> _Made:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> tuple[Ipvs, Reconciler]:
        if self._opened is None:
            ipvs = self._open_ipvs()
            self._opened = ipvs, Reconciler(ipvs)
        return self._opened

    def _look(self) -> Table:
        at, table = self._looked
        if time.monotonic() - at >= FRESH:
            table = self._open()[0].dump(counters=True)
            self._looked = time.monotonic(), table
        return table

    def _work(self, plan: Plan, situation: Situation, memory: Memory, owned: Owned, *, write: bool) -> Kept:
        _, reconciler = self._open()
        decided = Decided(table={})

        def wish(observed: Table) -> Table:
            nonlocal decided
            decided = decide(replace(situation, observed=observed), memory)
            return decided.table

        report = reconciler.reconcile(wish, owned) if write else reconciler.hold(wish, owned)
        written = time.monotonic()
        if report.written:
            self._looked = -FRESH, {}  # whoever looks after a write shall see it
        if self._sysctls is None:
            return Kept(report, decided, [], [], written)
        settings, refused = self._sysctls.write(plan.sysctls) if write else ([], [])
        trouble = [f"cannot set {line}" for line in refused] + advice(self._sysctls.read(), plan.virtuals)
        return Kept(report, decided, settings, trouble, written)

    def close(self) -> None:
        """Wait for the round that is going on."""
        self._thread.shutdown()
