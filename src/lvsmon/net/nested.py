"""A reactor within an asyncio program: its epoll is one descriptor of the loop, its next turn one timer."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from lvsmon.net.reactor import Reactor
from lvsmon.net.runs import Run, result_of

_T = TypeVar("_T")


class NestedReactor(Reactor):
    """Turns when the loop says so. `close` it before the loop ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Raise RuntimeError where no loop is given and none is running, OSError where there is no descriptor."""
        self._loop = loop or asyncio.get_running_loop()
        usual = getattr(type(self._loop), "time", None) is asyncio.BaseEventLoop.time
        super().__init__(time.monotonic if usual else self._loop.time)  # it is the same clock, one call sooner
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self.fileno(), self._turn)

    def close(self) -> None:
        self._loop.remove_reader(self.fileno())
        super().close()
        if self._timer is not None:
            self._timer.cancel()

    def wanted(self) -> None:
        due = self.next_turn()
        if self._timer is not None:
            if due is not None and self._timer.when() <= due:
                return  # a turn too many does no harm
            self._timer.cancel()
        self._timer = None if due is None else self._loop.call_at(due, self._turn_in_time)

    def _turn_in_time(self) -> None:
        self._timer = None
        self._turn()

    def _turn(self) -> None:
        try:
            self.turn()
        finally:
            self.wanted()

    async def finish(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run ``coroutine`` in the reactor and return what it returns; cancelled with the task that waits for it."""
        over = self._loop.create_future()

        def ended(_: Run[_T]) -> None:
            if not over.done():
                over.set_result(None)

        run = self.start(coroutine, ended)
        try:
            await over
        finally:
            run.cancel()
        return result_of(run)


async def in_reactor(work: Callable[[Reactor], Coroutine[Any, Any, _T]]) -> _T:
    """Return what ``work`` returns, run in a reactor of its own within the running loop."""
    reactor = NestedReactor()
    try:
        return await reactor.finish(work(reactor))
    finally:
        reactor.close()
