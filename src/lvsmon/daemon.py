"""`lvsmon daemon`: signals, the service manager, reloading, what is kept between processes.

SIGHUP            load the configuration anew; whole or not at all
SIGTERM, SIGINT   stop probing; the table goes on serving as it is
"""

import asyncio
import logging
import resource
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import lvsmon
from lvsmon import windows
from lvsmon.actions.ipvs.open import open_ipvs
from lvsmon.actions.ipvs.sysctls import Sysctls
from lvsmon.config.plan import Backend, Plan
from lvsmon.control.office import Office
from lvsmon.control.server import ControlServer
from lvsmon.errors import ConfigError
from lvsmon.logs import event
from lvsmon.model.history import Moment, Session
from lvsmon.model.settings import format_duration
from lvsmon.monitor import garbage
from lvsmon.monitor.alerting.informer import Informer
from lvsmon.monitor.director import Director
from lvsmon.monitor.jobs import Jobs
from lvsmon.monitor.news import Hear
from lvsmon.monitor.recalling import RECALLED, recalled
from lvsmon.monitor.witness import Witness
from lvsmon.monitor.workers.crew import Crew
from lvsmon.notify import ServiceManager
from lvsmon.store import Store
from lvsmon.store.saver import PATIENCE, Saver
from lvsmon.store.state_keeper import StateKeeper

_log: Final = logging.getLogger(__name__)

SAVE_INTERVAL: Final = 5.0
"""Seconds between writes of counters; a kill loses at most so much counting, and never what is in the kernel."""

PRUNE_INTERVAL: Final = 3600.0
"""Seconds between two times at which the history is shortened and the state file looked at for damage."""

SPARE_DESCRIPTORS: Final = 230
"""Kept for everything that is not a probe's socket: state, logs, netlink, and twice 64 clients of the control socket
(`lvsmon.control.server.MAX_CLIENTS`)."""


class Daemon:
    """Keeps one director's table right until a signal ends it."""

    def __init__(self, path: Path, plan: Plan, store: Store) -> None:
        """Take ``store`` over; raise StateError if it cannot be read or written."""
        self._path = path
        self._started = plan
        self._notes = tuple(store.notes)
        self._manager = ServiceManager()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        pause, wishes = store.load_pause(), store.load_wishes()
        owned = store.load_owned().including(plan.virtuals)
        if store.is_in_place:
            store.save_owned(owned)  # before anything is written to the kernel: a kill must not turn ours into foreign
        remembered = store.load_states()
        earlier = store.history.latest(RECALLED)
        now = Moment.now()
        session = Session(number=store.history.next_session(), version=lvsmon.__version__, started=now, seen=now)
        self._keeper = StateKeeper(store, session)
        self._keeper.keep(remembered, owned)
        self._keeper.hold("pause", lambda store: store.save_pause(pause))  # also into a file that is begun anew
        self._keeper.hold("wishes", lambda store: store.save_wishes(wishes))
        self._witness = Witness(self._keeper.tell)
        self._informer = Informer(plan.state_directory, socket.gethostname(), lambda: self._keeper.trouble)
        limit = max(1, _raise_descriptor_limit() - SPARE_DESCRIPTORS)

        def crew(hear: Hear) -> Crew:
            return Crew(
                hear, number=plan.workers, user=plan.worker_user, descriptors=limit, remembered=remembered,
                notice=lambda what: self._witness.notice("worker", None, what),
            )  # fmt: skip

        self._director = Director(
            plan,
            lambda: open_ipvs(plan.backend),
            remembered=remembered,
            owned=owned,
            wishes=wishes,
            pause=pause if pause is not None and pause.stands(time.time()) else None,
            sysctls=None if plan.backend is Backend.MEMORY else Sysctls(),
            limit=limit,
            witness=self._witness,
            observe=self._informer.decided,
            probing=None if plan.workers == 0 else crew,
        )
        self._director.trail.recall(recalled(earlier, plan))
        saver = Saver(self._keeper)
        self._office = Office(path, self._director, saver, self._manager, took=self._took, refused=self._refused)
        self._control = ControlServer(self._office, plan.control)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; raise what a bug in any part raises, with the table left alone."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # see lvsmon.cli.daemon
        event(
            _log, logging.INFO, "started",
            config=self._path, backend=self._started.backend,
            virtual_services=len(self._started.virtuals), probes=len(self._started.probes),
        )  # fmt: skip
        parts = (
            self._director.run(),
            self._keep_state(),
            self._keep_reloading(),
            self._keep_watch(),
            self._control.run(),
            self._stop.wait(),
        )
        self._jobs = Jobs()
        self._jobs.add(
            "prune",
            lambda now: now + PRUNE_INTERVAL,
            lambda: self._keeper.prune(self._director.snapshot().plan.retention),
        )
        self._jobs.add(
            "windows",
            lambda now: windows.next_edge(self._director.snapshot().plan.windows, now),
            self._director.reconsider,
        )
        garbage.look_seldom()
        garbage.set_apart()
        tasks = [asyncio.create_task(part) for part in parts]
        for note in self._notes:
            event(_log, logging.WARNING, "state_note", what=note)
        self._manager.ready(self._office.summary())
        ended, going = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self._manager.stopping()
        states = self._director.snapshot().states
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        self._jobs.close()
        self._informer.close(PATIENCE)
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
            self._manager.status(self._office.summary())
            if step := self._jobs.clock_set():
                how = f"{'forward' if step > 0 else 'back'} by {format_duration(round(abs(step)))}"
                self._witness.notice("clock", None, f"the clock was set {how}")
                self._director.reconsider()

    async def _keep_reloading(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            with suppress(ConfigError):  # the office has logged it
                await self._office.reload()

    @property
    def _plan(self) -> Plan:
        return self._director.snapshot().plan

    def _took(self, plan: Plan) -> None:
        """Go on with what a new plan says beside probes and the table."""
        self._control.configure(plan.control)
        self._informer.took(plan)
        self._jobs.arm("windows")
        garbage.set_apart()

    def _refused(self, error: ConfigError) -> None:
        """Have people told that a configuration was not taken."""
        self._informer.refused(error)
        self._director.reconsider()

    async def _keep_watch(self) -> None:
        """Tell the service manager that the loop still turns, twice as often as it asks."""
        if self._manager.watchdog is None:
            await asyncio.get_running_loop().create_future()  # nobody asks
            return
        while True:
            self._manager.keep_watch()
            await asyncio.sleep(self._manager.watchdog / 2)


def _raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 1 << 20) if hard != resource.RLIM_INFINITY else 1 << 20
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)
