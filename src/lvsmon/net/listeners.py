"""Listening for the one connection that a realserver opens to the director."""

import _socket
import errno
import random
import select
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Self, TypeAlias

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.net import faults
from lvsmon.net.base import Stream
from lvsmon.net.engine import Engine

_BACKLOG: Final = 8
"""Connections that may wait: the one that is wanted, and some of strangers that scan ports."""

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, 0 s

_OF_THE_CONNECTION: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENONET,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPROTO,
        errno.ETIMEDOUT,
    }
)
"""What accept(2) passes on of a connection that failed before it was accepted: the next one may be well."""


Make: TypeAlias = Callable[[str, socket.SocketKind], Awaitable[socket.socket]]
"""Makes a socket of the kind for what is sent to the address."""


class SocketListener:
    """Takes one connection from the peer of another."""

    __slots__ = ("_adopt", "_engine", "_peer", "_sock")

    def __init__(
        self, sock: socket.socket, peer: str, engine: Engine, adopt: Callable[[socket.socket], Stream]
    ) -> None:
        self._sock = sock
        self._peer = peer
        self._engine = engine
        self._adopt = adopt

    @classmethod
    async def open(
        cls,
        beside: _socket.socket,
        ports: tuple[int, int] | None,
        engine: Engine,
        adopt: Callable[[socket.socket], Stream],
        make: Make,
    ) -> Self:
        """Listen on the local address of ``beside``; raise `LocalFault`. ``adopt`` makes a stream of a connection.

        ``make`` makes a socket that sends to that address as ``beside`` does.
        """
        try:
            own = beside.getsockname()
            peer: str = beside.getpeername()[0]
        except OSError as error:  # the peer has gone meanwhile
            raise faults.later(error.errno or 0) from error
        return cls(await _listen(make, peer, own, _candidates(ports)), peer, engine, adopt)

    @property
    def address(self) -> str:
        address: str = self._sock.getsockname()[0]
        return address.partition("%")[0]  # a zone means nothing to the peer

    @property
    def port(self) -> int:
        port: int = self._sock.getsockname()[1]
        return port

    async def accept(self, unless: Stream | None = None, /) -> Stream | None:
        fds = [self._sock.fileno()]
        if unless is not None:
            fds.append(_socket_of(unless).fileno())
        while True:
            taken = self._accept()
            if taken is not None:
                return self._adopt(taken)
            if len(fds) > 1 and _can_be_read(fds[1]):
                return None
            await self._engine.readable(*fds)

    def _accept(self) -> socket.socket | None:
        """Return the peer's connection if it is there; take away at most one of somebody else's."""
        try:
            sock, sender = self._sock.accept()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in _OF_THE_CONNECTION:
                return None
            raise faults.at_once(error.errno or 0) from error
        if sender[0] != self._peer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            sock.close()
            return None
        sock.setblocking(False)
        return sock

    def close(self) -> None:
        self._sock.close()


def _socket_of(stream: Stream) -> _socket.socket:
    sock = getattr(stream, "sock", None)
    if not isinstance(sock, _socket.socket):
        raise TypeError("accept() takes a stream of the same connector")
    return sock


def _can_be_read(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _candidates(ports: tuple[int, int] | None) -> Iterable[int]:
    """Yield the ports to try, all of them once, from a random one on: runs at the same time seldom meet."""
    if ports is None:
        yield 0
        return
    first, last = ports
    count = last - first + 1
    start = random.randrange(count)  # noqa: S311  not a secret
    for step in range(count):
        yield first + (start + step) % count


async def _listen(make: Make, peer: str, own: tuple[object, ...], ports: Iterable[int]) -> socket.socket:
    for port in ports:
        sock = await make(peer, socket.SOCK_STREAM)
        try:
            # A port of the range may still be in TIME_WAIT from the run before.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((own[0], port, *own[2:]))
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            if error.errno != errno.EADDRINUSE or not port:
                raise faults.at_once(error.errno or 0) from error
        else:
            return sock
    raise LocalFault("every port of active_ports is in use on the director", Reason.LOCAL_RESOURCES)
