"""Alerting in a thread with an event loop of its own: neither a relay nor the disk keeps a probe waiting.

probes' loop ──post(snapshot)──▶ at most MOST_WAITING looks ──▶ this thread: conditions, desk, courier
"""

import asyncio
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from lvsmon.alerts.condition import Condition
from lvsmon.alerts.facts import About
from lvsmon.alerts.setup import Setup
from lvsmon.errors import StateError
from lvsmon.logs import event
from lvsmon.monitor.alerting.courier import Courier
from lvsmon.monitor.alerting.desk import Desk
from lvsmon.monitor.alerting.heartbeat import say_alive
from lvsmon.monitor.conditions import conditions, unjudged
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.store.alerts import AlertStore

_log: Final = logging.getLogger(__name__)

TICK: Final = 1.0
"""Seconds between two looks at what may be due though nothing changed: as exactly as times in routes are kept."""

MOST_WAITING: Final = 100
"""Looks that wait for the thread; while the disk hangs, the oldest are let go: a look is everything that is wrong."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the director: what it decided, what it knows of itself, what is as planned."""

    snapshot: Snapshot
    own: tuple[Condition, ...] = ()
    quiet: Collection[tuple[str, str]] = ()


class Alerting:
    """Runs from `start` to `close`; `post` and `take` may be called from any thread and never wait."""

    def __init__(self, setup: Setup, open_store: Callable[[], AlertStore | None], about: About) -> None:
        """``open_store`` is called in the thread; None keeps nothing."""
        self._setup = setup
        self._open_store = open_store
        self._about = about
        self._looks: deque[Look] = deque(maxlen=MOST_WAITING)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        # Not of an executor: Python waits for the threads of those at its end, and a channel may hang.
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def post(self, look: Look) -> None:
        """Have ``look`` thought about."""
        self._looks.append(look)
        self._call("_wake")

    def take(self, setup: Setup) -> None:
        """Go on with ``setup``."""
        self._setup = setup
        self._call("_wake")

    def close(self, patience: float) -> bool:
        """End within ``patience`` seconds; what is not delivered stays in the state file."""
        self._call("_stop")
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _call(self, name: str) -> None:
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(getattr(self, name).set)

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except Exception:  # noqa: BLE001
            # Whatever it is, probing and the table go on; the service manager's log has it.
            _log.exception("alerting has ended: nobody is told anything any more")
        finally:
            with self._lock:
                self._loop = None

    async def _work(self) -> None:
        store, desk = self._open()
        courier = Courier(desk)
        hearts: set[asyncio.Task[None]] = set()
        beat = 0.0
        with self._lock:
            self._loop = asyncio.get_running_loop()
        try:
            while not self._stop.is_set():
                self._wake.clear()
                desk.setup = self._setup
                self._look(desk)
                courier.wake()
                heartbeat = self._setup.heartbeat
                if heartbeat is not None and time.monotonic() >= beat:
                    beat = time.monotonic() + heartbeat.every
                    hearts = {task for task in hearts if not task.done()} | self._beat(desk, hearts)
                await self._pause()
        finally:
            for task in hearts:
                task.cancel()
            await asyncio.gather(*hearts, return_exceptions=True)
            await courier.stop()
            if store is not None:
                store.close()

    def _open(self) -> tuple[AlertStore | None, Desk]:
        """Return the desk with what was kept; a state directory that cannot be used silences nobody."""
        store = None
        try:
            store = self._open_store()
            desk = Desk(self._setup, store, self._about, jitter=random.random)
        except StateError as error:
            event(_log, logging.ERROR, "alerts_not_saved", what=error, effect="alerts go out from memory")
            return None, Desk(self._setup, None, self._about, jitter=random.random)
        for note in [] if store is None else store.notes:
            event(_log, logging.WARNING, "state_note", what=note)
        return store, desk

    def _look(self, desk: Desk) -> None:
        looked = False
        while self._looks:
            look = self._looks.popleft()
            found = conditions(look.snapshot, look.own, look.quiet)
            desk.look(found, time.time(), unjudged(look.snapshot))
            looked = True
        if not looked:
            desk.look(None, time.time())

    async def _pause(self) -> None:
        tasks = [asyncio.create_task(one.wait()) for one in (self._wake, self._stop)]
        await asyncio.wait(tasks, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    def _beat(self, desk: Desk, going: Collection[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Send a sign of life to each channel that is not still busy with the last one."""
        assert desk.setup.heartbeat is not None  # noqa: S101  the caller looked
        busy = {task.get_name() for task in going if not task.done()}
        return {
            asyncio.create_task(say_alive(desk.setup, name, self._about.director), name=name)
            for name in desk.setup.heartbeat.to
            if name in desk.setup.channels and name not in busy
        }
