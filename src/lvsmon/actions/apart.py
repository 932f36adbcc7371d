"""Calls that may hang, such as a lookup or a write to a network file system, in threads of their own.

The event loop's own pool of threads would be full with a handful of them, and its end waits for all.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")


class Full(Exception):
    """As many calls as may be at a time have not come back yet."""


class Apart(Generic[_T]):
    """Runs calls in threads, ``most`` at a time; nobody waits for one whose answer is not wanted any more."""

    def __init__(self, name: str, most: int) -> None:
        self._name: Final = name
        self._most: Final = most
        self._running: set[threading.Thread] = set()
        self._guard = threading.Lock()

    async def run(self, call: Callable[[], _T]) -> _T:
        """Return what ``call`` returns, or raise what it raises; raise `Full` where there is no room."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()

        def settle(end: Callable[[], None]) -> None:
            if not answer.done():
                end()

        def work() -> None:
            try:
                end = partial(answer.set_result, call())
            except Exception as error:  # noqa: BLE001  whoever waits is told
                end = partial(answer.set_exception, error)
            finally:
                with self._guard:
                    self._running.discard(threading.current_thread())
            with suppress(RuntimeError):  # the loop has been closed meanwhile: nobody waits
                loop.call_soon_threadsafe(settle, end)

        thread = threading.Thread(target=work, name=self._name, daemon=True)
        with self._guard:
            if len(self._running) >= self._most:
                raise Full
            self._running.add(thread)
        thread.start()
        return await answer
