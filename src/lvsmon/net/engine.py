"""What a run may wait for: descriptors, time, and what another run does."""

from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class Event(Protocol):
    """Something that happens once."""

    def set(self) -> None:
        """Say that it has happened."""
        ...

    def wait(self) -> Awaitable[None]:
        """Return once it has happened; any number of runs may wait."""
        ...


class Engine(Protocol):
    """Waits for one coroutine, which waits for one thing at a time: `lvsmon.net.reactor.Reactor`."""

    def readable(self, *fds: int) -> Awaitable[None]:
        """Return once one of ``fds`` can be read (or has failed: the next call on it tells). Raise `LocalFault`."""
        ...

    def writable(self, fd: int, /) -> Awaitable[bool]:
        """Return True once ``fd`` can be written, False where it has failed or ended. Raise `LocalFault`."""
        ...

    def pause(self, seconds: float, /) -> Awaitable[None]: ...

    def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> Awaitable[_T | None]:
        """Return what ``part`` returns, or None where it was still waiting after so long, and is ended."""
        ...

    def event(self) -> Event:
        """Return something for other runs to wait for."""
        ...
