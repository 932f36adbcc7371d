"""Keeps the kernel's table: one thread decides and writes, and nobody else touches the kernel."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from lvsmon.actions.ipvs.base import Ipvs
from lvsmon.actions.ipvs.reconcile import Reconciler, Report
from lvsmon.actions.ipvs.sysctls import Sysctls, advice
from lvsmon.actions.ipvs.table import Owned
from lvsmon.config.plan import Plan
from lvsmon.model import Table
from lvsmon.pool import Decided, Memory, Situation, decide


@dataclass(frozen=True, slots=True)
class Kept:
    """What one round came to. ``settings`` are kernel settings that were written, ``trouble`` what to tell of them."""

    report: Report
    decided: Decided
    settings: list[str]
    trouble: list[str]


class Keeper:
    """Decides and reconciles in a thread of its own, since netlink blocks; one round at a time."""

    def __init__(self, open_ipvs: Callable[[], Ipvs], sysctls: Sysctls | None) -> None:
        """``sysctls`` None is a table that has no kernel settings."""
        self._open_ipvs = open_ipvs
        self._sysctls = sysctls
        self._reconciler: Reconciler | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kernel")

    async def keep(self, plan: Plan, situation: Situation, memory: Memory, owned: Owned) -> Kept:
        """Decide on what the kernel has now and write what differs. Raise IpvsUnavailable."""
        work = partial(self._work, plan, situation, memory, owned)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _work(self, plan: Plan, situation: Situation, memory: Memory, owned: Owned) -> Kept:
        if self._reconciler is None:
            self._reconciler = Reconciler(self._open_ipvs())
        decided = Decided(table={})

        def wish(observed: Table) -> Table:
            nonlocal decided
            decided = decide(replace(situation, observed=observed), memory)
            return decided.table

        report = self._reconciler.reconcile(wish, owned)
        if self._sysctls is None:
            return Kept(report, decided, [], [])
        written, refused = self._sysctls.write(plan.sysctls)
        trouble = [f"cannot set {line}" for line in refused] + advice(self._sysctls.read(), plan.virtuals)
        return Kept(report, decided, written, trouble)

    def close(self) -> None:
        """Wait for the round that is going on."""
        self._thread.shutdown()
