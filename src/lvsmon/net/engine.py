"""The one thing an event loop has to do for `lvsmon.net.sockets`: wait."""

from typing import Protocol


class Engine(Protocol):
    """Waits on descriptors and on time for one coroutine."""

    async def readable(self, fd: int, /) -> None:
        """Return once ``fd`` can be read (or has failed: the next call on it tells)."""
        ...

    async def writable(self, fd: int, /) -> None:
        """Return once ``fd`` can be written (or has failed)."""
        ...

    async def pause(self, seconds: float, /) -> None: ...
