"""The engine: drives coroutines on non-blocking descriptors with one epoll, without an event loop of a library.

A coroutine waits by yielding; what it waits for has been entered before, and it is resumed when that has come. There is
no task, no transport, no callback per step: a step is one ``send``. `turn` does what can be done now and comes back
after `BUDGET` at most, `complete` turns until a coroutine is done. In an asyncio program `lvsmon.net.nested` turns.

A descriptor is watched for one event at a time (EPOLLONESHOT): the watch is spent when the event comes, and is taken
back where nobody waits for it any more. So nothing is left to unregister when a descriptor is closed, and no event of a
closed one is delivered to whoever gets its number next: all events of one look are assigned before anybody runs.
"""

import logging
import select
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, Final, Self, TypeVar

from lvsmon.net import faults
from lvsmon.net.runs import NONE, Alarm, Call, Ended, HappensOnce, Run, result_of
from lvsmon.net.timers import Timer, Timers

_T = TypeVar("_T")

BUDGET: Final = 0.005
"""Seconds after which a turn ends even if there is more to do, so that what else the process does gets its turn."""

BATCH: Final = 16
"""Runs that begin between two looks at the descriptors: what is measured of a run does not include starting others."""

EVENTS: Final = 64
"""Events taken at one look."""

_READ: Final = select.EPOLLIN | select.EPOLLONESHOT
_WRITE: Final = select.EPOLLOUT | select.EPOLLONESHOT

_log: Final = logging.getLogger(__name__)


class Reactor:
    """See `lvsmon.net.engine.Engine`; it belongs to one thread. ``time`` is its clock, in seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Raise OSError where the process has no descriptor for it."""
        self.time: Final = clock
        self._epoll = select.epoll()
        self._timers = Timers()
        self._ready: deque[Run[Any]] = deque()
        self._watching: dict[int, Run[Any]] = {}
        self._turning = False
        self.runs: set[Run[Any]] = set()
        """All that are not done."""
        self.current: Run[Any] | None = None
        """The one that is being stepped."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel every run and let go of the descriptor."""
        for run in list(self.runs):
            run.cancel()
        self._epoll.close()

    # What a run may await.

    @types.coroutine
    def readable(self, *fds: int) -> Generator[None, None, None]:
        run = self.running()
        try:
            for fd in fds:
                self._watch(run, fd, _READ)
            run.fired = 0
            while not run.fired:
                yield
        finally:
            if not run.fired or len(fds) > 1:
                self._take_back(run, fds)

    @types.coroutine
    def writable(self, fd: int, /) -> Generator[None, None, bool]:
        run = self.running()
        try:
            self._watch(run, fd, _WRITE)
            run.fired = 0
            while not run.fired:
                yield
            return run.fired == select.EPOLLOUT
        finally:
            if not run.fired:
                self._take_back(run, (fd,))

    @types.coroutine
    def pause(self, seconds: float, /) -> Generator[None, None, None]:
        alarm = Alarm(self, self.running())
        slot = self._timers.enter(self.time() + seconds, alarm)
        try:
            while not alarm.rang:
                yield
        finally:
            self._timers.take_back(slot, alarm)

    @types.coroutine
    def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> Generator[None, None, _T | None]:
        alarm = Alarm(self, self.running())
        slot = self._timers.enter(self.time() + seconds, alarm)
        step = part.send
        try:
            while not alarm.rang:
                step(None)
                yield
        except StopIteration as stop:
            result: _T = stop.value
            return result
        finally:
            self._timers.take_back(slot, alarm)
            part.close()
        return None

    def event(self) -> HappensOnce:
        return HappensOnce(self)

    def running(self) -> Run[Any]:
        """Return the run that asks; raise RuntimeError where it is none of this reactor's."""
        if self.current is None:
            raise RuntimeError("only a coroutine that the reactor runs can wait for what the reactor gives")
        return self.current

    def _watch(self, run: Run[Any], fd: int, events: int) -> None:
        known, unknown = self._epoll.modify, self._epoll.register
        try:
            if fd == run.known:
                try:
                    known(fd, events)
                except FileNotFoundError:  # closed since, and its number was given anew
                    unknown(fd, events)
            else:
                try:
                    unknown(fd, events)
                except FileExistsError:
                    known(fd, events)
                run.known = fd
        except OSError as error:
            raise faults.at_once(error.errno or 0) from error
        self._watching[fd] = run

    def _take_back(self, run: Run[Any], fds: tuple[int, ...]) -> None:
        for fd in fds:
            if self._watching.get(fd) is run:
                del self._watching[fd]
                with suppress(OSError):  # closed already
                    self._epoll.unregister(fd)
        run.known = NONE

    # What those who drive it do.

    def start(self, coroutine: Coroutine[Any, Any, _T], ended: Ended[_T] | None = None) -> Run[_T]:
        """Run ``coroutine`` from the next turn on; ``ended`` hears of its end, however it ends."""
        run = Run(self, coroutine, ended)
        self.runs.add(run)
        self._ready.append(run)
        if not self._turning:
            self.wanted()
        return run

    def call_at(self, when: float, call: Callable[[], None]) -> Call:
        """Call ``call`` at ``when``, or a millisecond later; it must neither wait nor raise."""
        made = Call(self._timers, when, call)
        if not self._turning:
            self.wanted()
        return made

    def wake(self, run: Run[Any]) -> None:
        """Step ``run`` in this turn or the next one."""
        if not run.queued:
            run.queued = True
            self._ready.append(run)
            if not self._turning:
                self.wanted()

    def wanted(self) -> None:
        """Hear that a turn is wanted, or at another time than `next_turn` has said: for whoever turns."""

    def fileno(self) -> int:
        """Return a descriptor that can be read when a turn is due for what was watched."""
        return self._epoll.fileno()

    def next_turn(self) -> float | None:
        """Return when the next turn is due at the latest, None if only the descriptors can tell."""
        return self.time() if self._ready else self._timers.next_due()

    def turn(self, patience: float | None = 0.0) -> None:
        """Wait up to ``patience`` seconds (None: as long as it takes), then do what can be done, for `BUDGET`."""
        self._turning = True
        try:
            self._hear_all(patience)
            until = self.time() + BUDGET
            while (now := self.time()) < until:
                for timer in self._timers.due(now):
                    self._ring(timer)
                ready = self._ready
                for _ in range(min(len(ready), BATCH)):
                    self._step(ready.popleft())
                if not self._hear(0.0) and not ready:
                    break
        finally:
            self._turning = False

    def _hear_all(self, patience: float | None) -> None:
        """Step whom the descriptors concern, though they be many: a deadline is not missed by who was answered.

        Who wants to hear more at once can be heard later.
        """
        for _ in range(len(self._watching) // EVENTS + 1):
            if self._hear(patience) < EVENTS:
                return
            patience = 0.0

    def _hear(self, patience: float | None) -> int:
        """Step whom the descriptors concern, up to `EVENTS`; return how many events there were."""
        events = self._epoll.poll(patience, EVENTS)
        concerned = []
        for fd, happened in events:
            run = self._watching.pop(fd, None)
            if run is not None:
                run.fired = happened
                concerned.append(run)
        for run in concerned:
            self._step(run)
        return len(events)

    @staticmethod
    def _ring(timer: Timer) -> None:
        try:
            timer.ring()
        except Exception:  # noqa: BLE001  the others must ring all the same
            _log.exception("a bug in what is done at its time")

    def _step(self, run: Run[Any]) -> None:
        """Let ``run`` go on to where it waits next, or to its end."""
        if run.done:
            return
        run.queued = False
        self.current = run
        try:
            run.coroutine.send(None)
        except StopIteration as stop:
            self.current = None
            run.result = stop.value
            run.end()
        except Exception as error:  # noqa: BLE001  whoever started it is told
            self.current = None
            run.error = error
            run.end()
        else:
            self.current = None
            if run.cancelled:
                run.close()

    def complete(self, *coroutines: Coroutine[Any, Any, _T]) -> list[_T]:
        """Run ``coroutines`` beside each other to their ends; return what they return, or raise what one raised."""
        runs = [self.start(coroutine, _heard_later) for coroutine in coroutines]
        self.turn_until(lambda: all(run.done for run in runs))
        return [result_of(run) for run in runs]

    def turn_until(self, over: Callable[[], bool]) -> None:
        """Turn, and wait between, until ``over`` is true."""
        while not over():
            due = self.next_turn()
            self.turn(None if due is None else max(0.0, due - self.time()))


def _heard_later(run: Run[Any]) -> None:
    """Leave the run's result to `result_of`."""
