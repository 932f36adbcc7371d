"""`lvsmon daemon`: signals, the service manager, reloading, what is kept between processes.

SIGHUP            load the configuration anew; whole or not at all
SIGTERM, SIGINT   stop probing; the table goes on serving as it is
"""

import asyncio
import logging
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

import lvsmon
from lvsmon import windows
from lvsmon.actions.ipvs.open import open_ipvs
from lvsmon.actions.ipvs.sysctls import Sysctls
from lvsmon.config import load
from lvsmon.config.plan import Backend, Plan
from lvsmon.errors import ConfigError
from lvsmon.logs import event
from lvsmon.model.history import Moment, Session
from lvsmon.model.settings import format_duration
from lvsmon.monitor.director import Director
from lvsmon.monitor.jobs import Jobs
from lvsmon.monitor.witness import Witness
from lvsmon.notify import ServiceManager
from lvsmon.store import Store
from lvsmon.store.keeper import Keeper

_log: Final = logging.getLogger(__name__)

SAVE_INTERVAL: Final = 5.0
"""Seconds between writes of counters; a kill loses at most so much counting, and never what is in the kernel."""

PRUNE_INTERVAL: Final = 3600.0
"""Seconds between two times at which the history is shortened and the state file looked at for damage."""

PATIENCE: Final = 5.0
"""Seconds that a reload or the end waits for the disk: it must hold up neither a new configuration nor a restart."""

SPARE_DESCRIPTORS: Final = 100
"""Kept for everything that is not a probe's socket: state, logs, netlink."""


class Daemon:
    """Keeps one director's table right until a signal ends it."""

    def __init__(self, path: Path, plan: Plan, store: Store) -> None:
        """Take ``store`` over; raise StateError if it cannot be read or written."""
        self._path = path
        self._plan = plan
        self._notes = tuple(store.notes)
        self._manager = ServiceManager()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="config")
        owned = store.load_owned().including(plan.virtuals)
        if store.is_in_place:
            store.save_owned(owned)  # before anything is written to the kernel: a kill must not turn ours into foreign
        remembered = store.load_states()
        now = Moment.now()
        session = Session(number=store.history.next_session(), version=lvsmon.__version__, started=now, seen=now)
        self._keeper = Keeper(store, session)
        self._keeper.keep(remembered, owned)
        self._witness = Witness(self._keeper.tell)
        self._director = Director(
            plan,
            lambda: open_ipvs(plan.backend),
            remembered=remembered,
            owned=owned,
            sysctls=None if plan.backend is Backend.MEMORY else Sysctls(),
            limit=max(1, _raise_descriptor_limit() - SPARE_DESCRIPTORS),
            witness=self._witness,
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; raise what a bug in any part raises, with the table left alone."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        event(
            _log, logging.INFO, "started",
            config=self._path, backend=self._plan.backend,
            virtual_services=len(self._plan.virtuals), probes=len(self._plan.probes),
        )  # fmt: skip
        parts = (
            self._director.run(),
            self._keep_state(),
            self._keep_reloading(),
            self._keep_watch(),
            self._stop.wait(),
        )
        self._jobs = Jobs()
        self._jobs.add("prune", lambda now: now + PRUNE_INTERVAL, lambda: self._keeper.prune(self._plan.retention))
        self._jobs.add("windows", lambda now: windows.next_edge(self._plan.windows, now), self._director.reconsider)
        tasks = [asyncio.create_task(part) for part in parts]
        for note in self._notes:
            event(_log, logging.WARNING, "state_note", what=note)
        self._manager.ready(self._status())
        ended, going = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._manager.stopping()
        states = self._director.snapshot().states
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        self._jobs.close()
        self._loading.shutdown()
        self._keeper.keep(states, self._director.owned)
        if not self._keeper.close(PATIENCE):
            event(_log, logging.ERROR, "state_not_saved", effect="what happened last is not remembered")
        event(_log, logging.INFO, "stopped", table="left as it is")
        self._manager.close()
        for task in ended:
            task.result()

    async def _keep_state(self) -> None:
        """Hand counters and ownership over when they are due, and look whether somebody set the clock."""
        while True:
            await asyncio.sleep(SAVE_INTERVAL)
            self._keeper.keep(self._director.snapshot().states, self._director.owned)
            self._manager.status(self._status())
            if step := self._jobs.clock_set():
                how = f"{'forward' if step > 0 else 'back'} by {format_duration(round(abs(step)))}"
                self._witness.notice("clock", None, f"the clock was set {how}")
                self._director.reconsider()

    async def _keep_reloading(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._manager.reloading()
            try:
                plan = await loop.run_in_executor(self._loading, load, self._path)
            except ConfigError as error:
                for complaint in error.complaints:
                    event(_log, logging.ERROR, "config_refused", what=complaint)
                event(_log, logging.ERROR, "reload_refused", effect="the configuration loaded before stays in force")
            else:
                await self._take(plan)
            self._manager.ready(self._status())

    async def _take(self, plan: Plan) -> None:
        for setting in ("backend", "state_directory"):
            if getattr(plan, setting) != getattr(self._plan, setting):
                event(_log, logging.WARNING, "needs_restart", setting=setting, until_then=getattr(self._plan, setting))
        kept = len(plan.probes.keys() & self._plan.probes.keys())
        self._plan = plan
        owned = self._director.owned.including(plan.virtuals)
        self._keeper.keep(self._director.snapshot().states, owned)
        await self._on_disk()
        self._director.take(plan)
        self._jobs.arm("windows")
        event(
            _log, logging.INFO, "reloaded",
            virtual_services=len(plan.virtuals), probes=len(plan.probes), probes_kept=kept,
        )  # fmt: skip

    async def _on_disk(self) -> None:
        """Wait until the disk has what was handed over; a disk that fails or hangs is not waited for."""
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(self._keeper.settled()), PATIENCE)

    async def _keep_watch(self) -> None:
        """Tell the service manager that the loop still turns, twice as often as it asks."""
        if self._manager.watchdog is None:
            await asyncio.get_running_loop().create_future()  # nobody asks
            return
        while True:
            self._manager.keep_watch()
            await asyncio.sleep(self._manager.watchdog / 2)

    def _status(self) -> str:
        snapshot = self._director.snapshot()
        destinations = [(virtual, each) for virtual in self._plan.virtuals for each in virtual.destinations]
        up = sum(snapshot.health_of(*each).serves for each in destinations)
        return f"{up} of {len(destinations)} destinations up in {len(self._plan.virtuals)} virtual services"


def _raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 1 << 20) if hard != resource.RLIM_INFINITY else 1 << 20
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)
