"""The one thing an event loop has to do for `lvsmon.net.sockets`: wait."""

from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class Engine(Protocol):
    """Waits on descriptors and on time for one coroutine."""

    async def readable(self, *fds: int) -> None:
        """Return once one of ``fds`` can be read (or has failed: the next call on it tells)."""
        ...

    async def writable(self, fd: int, /) -> None:
        """Return once ``fd`` can be written (or has failed)."""
        ...

    async def pause(self, seconds: float, /) -> None: ...

    async def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> _T | None:
        """Return what ``part`` returns, or None where it was still waiting after so long, and is ended."""
        ...
