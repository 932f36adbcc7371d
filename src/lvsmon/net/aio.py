"""asyncio as the engine: one future per wait, no transport, no task of its own."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class AsyncioEngine:
    """Waits by add_reader and add_writer of the running loop."""

    __slots__ = ("_loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Raise RuntimeError where no loop is given and none is running."""
        self._loop = loop or asyncio.get_running_loop()

    async def readable(self, *fds: int) -> None:
        future = self._loop.create_future()
        for fd in fds:
            self._loop.add_reader(fd, _wake, future)
        try:
            await future
        finally:
            for fd in fds:
                self._loop.remove_reader(fd)

    async def writable(self, fd: int, /) -> None:
        future = self._loop.create_future()
        self._loop.add_writer(fd, _wake, future)
        try:
            await future
        finally:
            self._loop.remove_writer(fd)

    async def pause(self, seconds: float, /) -> None:
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> _T | None:
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                return await part
        except TimeoutError:
            if scope.expired():
                return None
            raise


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
