"""What the engine runs and rings: coroutines on their way, alarms, calls, and what they wait for beside descriptors."""

import logging
import types
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, cast

from lvsmon.net.timers import Timers

if TYPE_CHECKING:
    from lvsmon.net.reactor import Reactor

_T = TypeVar("_T")

NONE: Final = -1
"""No descriptor."""

_log: Final = logging.getLogger(__name__)


class Run(Generic[_T]):
    """A coroutine on its way. It waits for one thing at a time."""

    __slots__ = ("_ended", "_reactor", "cancelled", "coroutine", "done", "error", "fired", "known", "queued", "result")

    def __init__(
        self, reactor: "Reactor", coroutine: Coroutine[Any, Any, _T], ended: "Callable[[Run[_T]], None] | None"
    ) -> None:
        self._reactor = reactor
        self.coroutine = coroutine
        self._ended = ended
        self.done = False
        self.cancelled = False
        """Whether it was ended from outside."""
        self.result: _T | None = None
        """What it returned."""
        self.error: BaseException | None = None
        """What it raised."""
        self.fired = 0  # the events that came, once they have
        self.known = NONE
        self.queued = True

    def cancel(self) -> None:
        """End it where it waits: GeneratorExit is raised in it there. Nothing happens to one that is done."""
        if not self.done:
            self.cancelled = True
            if self is not self._reactor.current:  # else it is ended where it waits next
                self.close()

    def close(self) -> None:
        """End it where it waits."""
        try:
            self.coroutine.close()
        except Exception as error:  # noqa: BLE001  whoever started it is told
            self.error = error
        self.end()

    def end(self) -> None:
        """Tell whoever is to hear that it has ended."""
        self.done = True
        self._reactor.runs.discard(self)
        try:
            if self._ended is not None:
                self._ended(self)
            elif self.error is not None:
                _log.error("a bug in a run", exc_info=self.error)
        except Exception:  # noqa: BLE001  the others go on
            _log.exception("a bug in what hears of the end of a run")


Ended: TypeAlias = Callable[[Run[_T]], None]


class Alarm:
    """Wakes a run."""

    __slots__ = ("_reactor", "_run", "rang")

    def __init__(self, reactor: "Reactor", run: Run[Any]) -> None:
        self._reactor = reactor
        self._run = run
        self.rang = False

    def ring(self) -> None:
        self.rang = True
        self._reactor.wake(self._run)


class Call:
    """A function that is to be called at a time."""

    __slots__ = ("_call", "_slot", "_timers", "when")

    def __init__(self, timers: Timers, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self._call = call
        self._timers = timers
        self._slot = timers.enter(when, self)

    def ring(self) -> None:
        self._call()

    def cancel(self) -> None:
        """Take it back; nothing happens to one that was called."""
        self._timers.take_back(self._slot, self)


class HappensOnce:
    """See `lvsmon.net.engine.Event`."""

    __slots__ = ("_happened", "_reactor", "_waiting")

    def __init__(self, reactor: "Reactor") -> None:
        self._reactor = reactor
        self._happened = False
        self._waiting: dict[Run[Any], None] = {}

    def set(self) -> None:
        self._happened = True
        for run in self._waiting:
            self._reactor.wake(run)

    @types.coroutine
    def wait(self) -> Generator[None, None, None]:
        run = self._reactor.running()
        self._waiting[run] = None
        try:
            while not self._happened:
                yield
        finally:
            del self._waiting[run]


def result_of(run: Run[_T]) -> _T:
    """Return what ``run`` returned, or raise what it raised, or RuntimeError where it was cancelled."""
    if run.error is not None:
        raise run.error
    if run.cancelled:
        raise RuntimeError("the run was cancelled")
    return cast("_T", run.result)
