"""Streams and datagrams on non-blocking sockets, over any `Engine`."""

import _socket  # what it opens and closes, the class of `socket` opens and closes in five steps of Python
import contextlib
import errno
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lvsmon.errors import ConnectFailed, LocalFault, LvsmonError
from lvsmon.net import faults, files, programs
from lvsmon.net.base import Datagram, Echo, Listener, Running, Stream, Trace
from lvsmon.net.engine import Engine, Event
from lvsmon.net.files import Contents
from lvsmon.net.icmp import EchoSocket
from lvsmon.net.listeners import SocketListener
from lvsmon.net.programs import Program, RunningProgram
from lvsmon.net.tls.values import Stapled, TlsProfile, TlsSession
from lvsmon.net.vantage.door import Way

if TYPE_CHECKING:
    from lvsmon.net.tls.session import TlsPipe
    from lvsmon.net.tls.stapling import StaplePipe

_T = TypeVar("_T")
_Made = TypeVar("_Made", bound=_socket.socket)

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, 0 s
_FLAGS: Final = int(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
_KINDS: Final = {kind: int(kind) | _FLAGS for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)}
_PENDING: Final = frozenset({errno.EINPROGRESS, errno.EINTR})

_READS_IN_A_ROW: Final = 2
"""Reads that find data at once before others get their turn: a realserver that floods must not keep the deadline of its
own run, and everybody else's run, from being noticed. One answer takes one or two reads."""

_TLS_READ: Final = 16384
"""Bytes taken from a socket at once for TLS: one record (RFC 8446 section 5.1)."""


class SocketConnector:
    """Opens sockets for one run and tells its trace what happens on them.

    Whatever was opened is closed by `close_all`, which the runner calls at the end, so that neither a deadline nor a
    bug in a probe leaks a descriptor.
    """

    __slots__ = ("_engine", "_open", "_trace", "_way", "held_up")

    def __init__(self, engine: Engine, trace: Trace, way: Way | None = None) -> None:
        """Take the ``way`` of what is sent to one address; all else goes as the director's routes say."""
        self._engine = engine
        self._trace = trace
        self._way = way
        self.held_up = False
        """Whether the run waits for the director itself: a deadline missed then is nobody else's fault."""
        self._open: list[SocketStream | _SocketDatagram | EchoSocket | SocketListener | RunningProgram] = []

    async def connect(self, address: str, port: int, /) -> Stream:
        sock: _socket.socket
        if self._way is None:  # so it is with nearly every run
            sock = _plain_socket(_socket.socket, address, socket.SOCK_STREAM)
        else:
            sock = await self._make_socket(address, socket.SOCK_STREAM)
        stream = self._adopt(sock)
        self._trace.connecting(address, port)
        number = sock.connect_ex((address, port))
        if number in _PENDING:
            if not await self._engine.writable(sock.fileno()):
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if number:
                    raise faults.later(number)
        elif number:
            raise self._at_once(address, number)
        self._trace.connected()
        return stream

    async def datagram(self, address: str, port: int, /) -> Datagram:
        sock = await self._make_socket(address, socket.SOCK_DGRAM)
        datagram = _SocketDatagram(sock, self._engine, self._trace)
        self._open.append(datagram)
        self._trace.connecting(address, port)
        number = sock.connect_ex((address, port))
        if number:
            raise self._at_once(address, number)
        self._trace.connected()
        return datagram

    async def echo(self, address: str, /) -> Echo:
        echo = EchoSocket(address, self._engine, self._trace)
        self._open.append(echo)
        return echo

    async def listen(self, beside: Stream, ports: tuple[int, int] | None = None, /) -> Listener:
        if not isinstance(beside, SocketStream):
            raise TypeError("listen() takes a stream of the same connector")
        listener = await SocketListener.open(beside.sock, ports, self._engine, self._adopt, self._make_socket)
        self._open.append(listener)
        return listener

    def _adopt(self, sock: _socket.socket) -> "SocketStream":
        stream = SocketStream(sock, self._engine, self._trace)
        self._open.append(stream)
        return stream

    def awaiting(self, what: str, /) -> None:
        self._trace.awaiting(what)

    async def pause(self, seconds: float, /) -> None:
        await self._engine.pause(seconds)

    async def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> _T | None:
        return await self._engine.within(seconds, part)

    def event(self) -> Event:
        return self._engine.event()

    async def start_program(self, program: Program, /) -> Running:
        self._trace.awaiting(f"the start of {program.argv[0]}")
        running = await programs.ask(program, self._engine, self._trace)
        self._open.append(running)
        await running.started()
        self._trace.awaiting(f"the end of {program.argv[0]}")
        return running

    async def read_file(self, path: str, limit: int, /) -> Contents:
        self._trace.awaiting(f"what {path} holds")
        return await files.read(path, limit, self._engine)

    async def _make_socket(self, address: str, kind: socket.SocketKind) -> socket.socket:
        if self._way is None or address != self._way.address:
            return _plain_socket(socket.socket, address, kind)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.held_up = True
        try:
            sock = await self._way.door.socket(self._way.through, family, kind, self._engine)
        except LocalFault:
            self.held_up = False
            raise
        self.held_up = False
        return sock

    def _at_once(self, address: str, number: int) -> LvsmonError:
        fault = faults.at_once(number)
        if self._way is not None and address == self._way.address and isinstance(fault, LocalFault):
            self._way.door.doubt()
        return fault

    def close_all(self) -> None:
        """Close what the run opened and left open."""
        for opened in self._open:
            opened.close()


def _plain_socket(make: Callable[[int, int], _Made], address: str, kind: socket.SocketKind) -> _Made:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return make(family, _KINDS[kind])
    except OSError as error:
        raise faults.at_once(error.errno or 0) from error


class _Socket:
    """What is read in turns: a peer that is always faster than we must not keep others waiting.

    Nor is anything read before it is there, at first and after something was sent: an answer takes its time.
    """

    __slots__ = ("_engine", "_in_a_row", "_sock", "_trace")

    def __init__(self, sock: _socket.socket, engine: Engine, trace: Trace) -> None:
        self._sock = sock
        self._engine = engine
        self._trace = trace
        self._in_a_row = _READS_IN_A_ROW

    @property
    def local(self) -> tuple[str, int]:
        address, port = self._sock.getsockname()[:2]
        return address.partition("%")[0], port  # a zone means nothing to the peer

    async def _receive(self, limit: int) -> bytes:
        if self._in_a_row >= _READS_IN_A_ROW:
            self._in_a_row = 0
            await self._engine.readable(self._sock.fileno())
        while True:
            try:
                data = self._sock.recv(limit)
            except BlockingIOError:
                self._in_a_row = 0
                await self._engine.readable(self._sock.fileno())
            except OSError as error:
                raise faults.later(error.errno or 0) from error
            else:
                self._in_a_row += 1
                return data


class SocketStream(_Socket):
    __slots__ = ("_tls",)

    def __init__(self, sock: _socket.socket, engine: Engine, trace: Trace) -> None:
        self._sock = sock
        self._engine = engine
        self._trace = trace
        self._in_a_row = _READS_IN_A_ROW
        self._tls: TlsPipe | None = None

    @property
    def sock(self) -> _socket.socket:
        """The socket itself, for what else is done beside it in this room."""
        return self._sock

    async def read(self, limit: int = 65536, /) -> bytes:
        data = await (self._receive(limit) if self._tls is None else self._decrypt(self._tls, limit))
        if data:
            self._trace.received(data)
        else:
            self._trace.ended()
        return data

    async def write(self, data: bytes, /) -> None:
        self._trace.sent(data)
        if self._tls is None:
            await self._send(data)
        else:
            await self._encrypt(self._tls, data)

    async def start_tls(
        self, profile: TlsProfile, sni: str | None = None, /, *, resume: Stream | None = None
    ) -> TlsSession:
        from lvsmon.net.tls.session import TlsPipe  # noqa: PLC0415  many configurations have no TLS at all

        if resume is not None and not isinstance(resume, SocketStream):
            raise TypeError("start_tls() resumes the session of a stream of the same connector")
        tls = TlsPipe(profile, sni, None if resume is None else resume._tls)  # noqa: SLF001  a stream as this one
        await self._shake_hands(tls)
        self._tls = tls
        return tls.session()

    async def see_staple(self, profile: TlsProfile, sni: str | None = None, /) -> Stapled:
        from lvsmon.net.tls.stapling import StaplePipe  # noqa: PLC0415  with pyOpenSSL it takes 0.2 s to load

        tls = StaplePipe(profile, sni)
        await self._shake_hands(tls)
        return tls.stapled()

    async def _shake_hands(self, tls: "TlsPipe | StaplePipe") -> None:
        self._trace.securing()
        try:
            while not tls.handshake():
                await self._send(tls.pending())
                tls.feed(await self._receive(_TLS_READ))
            await self._send(tls.pending())
        except ConnectFailed as error:
            raise ConnectFailed(f"{error}, in the TLS handshake", error.reason) from None
        except LvsmonError:
            self._send_at_once(tls.pending())  # the alert that tells the realserver why
            raise
        self._trace.secured()

    async def finish(self) -> None:
        if self._tls is not None:
            self._tls.end()
            await self._send_encrypted(self._tls)
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the peer has reset it; the next read tells what it said before
                raise faults.later(error.errno or 0) from error

    def close(self) -> None:
        if self._tls is not None and self._sock.fileno() >= 0:
            self._tls.end()
            self._send_at_once(self._tls.pending())
        self._sock.close()

    def abort(self) -> None:
        if self._sock.fileno() >= 0:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._sock.close()

    async def _send(self, data: bytes) -> None:
        self._in_a_row = _READS_IN_A_ROW
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                await self._engine.writable(self._sock.fileno())
            except OSError as error:
                raise faults.later(error.errno or 0) from error

    def _send_at_once(self, data: bytes) -> None:
        """Send what the kernel takes without waiting: a farewell, so it does not matter when it is lost."""
        with contextlib.suppress(OSError):
            self._sock.send(data)

    async def _decrypt(self, tls: "TlsPipe", limit: int) -> bytes:
        while (data := tls.read(limit)) is None:
            await self._send(tls.pending())  # answers of the protocol itself, such as KeyUpdate
            tls.feed(await self._receive(_TLS_READ))
        return data

    async def _encrypt(self, tls: "TlsPipe", data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[tls.write(rest) :]
            await self._send_encrypted(tls)

    async def _send_encrypted(self, tls: "TlsPipe") -> None:
        """Send what is pending; where that fails, raise the alert that came before the reset if there is one."""
        try:
            await self._send(tls.pending())
        except ConnectFailed:
            with contextlib.suppress(OSError):
                tls.feed(self._sock.recv(_TLS_READ))
            tls.read(1)
            raise


class _SocketDatagram(_Socket):
    __slots__ = ()

    async def send(self, data: bytes, /) -> None:
        self._trace.sent(data)
        self._in_a_row = _READS_IN_A_ROW
        if brought := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise faults.later(brought)  # an ICMP error for what was sent before: else this send would take the blame
        while True:
            try:
                self._sock.send(data)
            except BlockingIOError:
                await self._engine.writable(self._sock.fileno())
            except OSError as error:
                raise faults.at_once(error.errno or 0) from error
            else:
                return

    async def receive(self, limit: int = 65536, /) -> bytes:
        data = await self._receive(limit)
        self._trace.received(data)
        return data

    def close(self) -> None:
        self._sock.close()
