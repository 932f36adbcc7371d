"""Hands to the disk what must outlive the process, in a thread of its own: who hands it over never waits.

    event loop ──states, owned, entries──▶ memory (bounded) ──thread──▶ state file

A disk that is full, gone or slow stops nothing: what could not be written stays in memory and is tried again, and of
the history the oldest is let go when that grows too long. A file that is found damaged is set aside and begun anew
from what is in memory.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from lvsmon.actions.ipvs.owned import Owned
from lvsmon.errors import StateDamaged, StateError
from lvsmon.logs import event
from lvsmon.model import ProbeState
from lvsmon.model.history import HEARTBEAT, OF_DESTINATIONS, Configured, Entry, EntryKind, Moment, Retention, Session
from lvsmon.model.settings import format_duration
from lvsmon.store.database import Store

_log: Final = logging.getLogger(__name__)

RETRY: Final = 2.0
"""Seconds until a disk that failed is tried again."""

MAX_WAITING: Final = 10_000
"""Entries that wait for the disk: at most 20 MB of memory, in practice a tenth of it; a large director's worst day."""

Told: TypeAlias = Entry | Configured

Hold: TypeAlias = Callable[[Store], object]
"""Writes something of which only the newest counts; called again where the file is begun anew."""


@dataclass(slots=True)
class _Waiting:
    """What the thread takes away at once."""

    holds: dict[str, Hold] = field(default_factory=dict)
    told: deque[Told] = field(default_factory=deque)
    retention: Retention | None = None
    asked: list[Future[bool]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.holds or self.told or self.asked or self.retention)


class StateKeeper:
    """Writes to ``store``, which nobody else uses from now on."""

    def __init__(
        self,
        store: Store,
        session: Session,
        *,
        retry: float = RETRY,
        most: int = MAX_WAITING,
        now: Callable[[], Moment] = Moment.now,
    ) -> None:
        self._store = store
        self._retry = retry
        self._most = most
        self._now = now
        self.trouble = ""
        """Why nothing can be written, "" if it can."""
        self._news = threading.Condition()  # guards the five below
        self._waiting = _Waiting()
        self._closing = False
        self._lost = 0
        self._configured: Configured | None = None
        self._holding: dict[tuple[str, ...], Entry] = {}  # the last that was told of each destination
        self._session = session  # from here on the thread's own
        self._holds: dict[str, Hold] = {}  # all that hold, by their names
        self._failing: Moment | None = None
        self._fresh = False
        self._complete = False
        # Not of an executor: Python waits for the threads of those at its end, and a disk may hang for ever.
        self._thread = threading.Thread(target=self._work, name="disk", daemon=True)
        self._thread.start()

    def keep(self, states: Mapping[str, ProbeState], owned: Owned) -> None:
        """Have the newest states and ownership written."""
        self.hold("states", lambda store: store.save_states(states))
        self.hold("owned", lambda store: store.save_owned(owned))

    def hold(self, name: str, hold: Hold) -> None:
        """Have ``hold`` called with the store, in place of an earlier one of that name."""
        with self._news:
            self._waiting.holds[name] = hold
            self._news.notify()

    def tell(self, one: Told) -> None:
        """Have ``one`` written into the history, after everything told before."""
        with self._news:
            if isinstance(one, Configured):
                self._configured = one
                there = {place[:2] for place in one.places}
                self._holding = {key: entry for key, entry in self._holding.items() if key in there}
            elif one.kind in OF_DESTINATIONS:
                self._holding[*one.virtuals, one.destination] = one
            self._waiting.told.append(one)
            self._let_go()
            self._news.notify()

    def prune(self, retention: Retention) -> None:
        """Have the history shortened, and the whole file looked at for damage."""
        with self._news:
            self._waiting.retention = retention
            self._news.notify()

    def settled(self) -> "Future[bool]":
        """Return what becomes True when all that was handed over so far is on the disk, False when that failed."""
        future: Future[bool] = Future()
        with self._news:
            self._waiting.asked.append(future)
            self._news.notify()
        return future

    def close(self, patience: float) -> bool:
        """Write what is left, waiting at most ``patience`` seconds; return whether all of it is on the disk."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(patience)
        return self._complete

    def _let_go(self) -> None:
        while len(self._waiting.told) > self._most:
            self._waiting.told.popleft()
            self._lost += 1

    def _work(self) -> None:
        """Write what there is, every time there is some, and a sign of life now and then."""
        beat = 0.0
        while True:
            with self._news:
                if self._failing is not None:
                    self._news.wait_for(lambda: self._closing, self._retry)
                else:
                    self._news.wait_for(lambda: self._closing or self._waiting, max(0.0, beat - time.monotonic()))
                taken, self._waiting = self._waiting, _Waiting()
                closing = self._closing
            self._holds |= taken.holds
            self._complete = self._write(taken, stopped=closing)
            beat = time.monotonic() + HEARTBEAT
            if not self._complete:
                with self._news:
                    self._waiting.holds = taken.holds | self._waiting.holds
                    self._waiting.told.extendleft(reversed(taken.told))
                    self._let_go()
            for future in taken.asked:
                if future.set_running_or_notify_cancel():  # who asked may have gone
                    future.set_result(self._complete)
            if closing:
                self._store.close()
                return

    def _write(self, taken: _Waiting, *, stopped: bool) -> bool:
        """Bring everything to the disk; return whether that worked."""
        self._session = replace(self._session, seen=self._now(), stopped=stopped)
        try:
            if self._store.is_in_place:
                self._put_or_mend(taken)
            else:
                if self._failing is None:
                    event(
                        _log, logging.WARNING, "state_not_in_place", effect="it is opened anew, from memory if need be"
                    )
                self._reopen()
                self._put(taken)
        except Exception as error:  # noqa: BLE001  whatever it is, the director goes on, and says so
            self._fail(error)
            return False
        return True

    def _put_or_mend(self, taken: _Waiting) -> None:
        try:
            self._put(taken)
        except StateDamaged as error:
            event(_log, logging.ERROR, "state_damaged", what=error, effect="probing and the table go on")
            self._reopen(damaged=True)
            self._put(taken)
        except StateError:
            if self._failing is None:
                raise
            self._reopen()  # a disk that is back may want its file opened anew
            self._put(taken)

    def _put(self, taken: _Waiting) -> None:
        for hold in (self._holds if self._fresh else taken.holds).values():
            hold(self._store)
        with self._news:
            lost, retold = self._lost, [*filter(None, [self._configured]), *self._holding.values()]
        told = [*taken.told, *(retold if lost or self._fresh else ())]
        if lost or self._failing is not None:
            told.append(self._notice(lost))
        self._store.history.add(self._session, told)
        taken.told.clear()
        self._fresh = False
        with self._news:
            self._lost -= lost
        if lost or self._failing is not None:
            event(_log, logging.WARNING if lost else logging.INFO, "state_saved_again", entries_lost=lost)
            self._failing = None
            self.trouble = ""
        if taken.retention is not None:
            self._store.examine()
            self._store.history.prune(self._session.seen.at - taken.retention.age, taken.retention.rows)

    def _reopen(self, *, damaged: bool = False) -> None:
        self._store.reopen(damaged=damaged)
        for note in self._store.notes:
            event(_log, logging.WARNING, "state_note", what=note)
        self._store.notes.clear()
        mine = (self._session.number, self._session.started)
        self._fresh = mine not in [(one.number, one.started) for one in self._store.history.sessions()]
        if self._fresh:
            self._session = replace(self._session, number=self._store.history.next_session())

    def _fail(self, error: Exception) -> None:
        if self._failing is not None:
            return
        self._failing = self._session.seen
        self.trouble = str(error)
        effect = "probing and the table go on; what is to be kept waits in memory"
        event(_log, logging.ERROR, "state_not_saved", what=error, effect=effect)
        if not isinstance(error, StateError):
            _log.error("state_bug", exc_info=error)

    def _notice(self, lost: int) -> Entry:
        seconds = 0.0 if self._failing is None else self._session.seen.clock - self._failing.clock
        text = f"the state could not be saved for {format_duration(round(max(1.0, seconds)))}"
        text += f": {lost} entries of the history were lost" if lost else ", nothing was lost"
        return Entry(moment=self._session.seen, kind=EntryKind.NOTICE, rule="state", what=text)
