"""What a probe may ask of the network.

A probe awaits nothing but these methods. One absolute deadline, owned by the runner, bounds the whole run; a probe
limits no more than the parts whose end is no failure (`Connector.within`). So the engine under them can change without
a probe noticing.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from lvsmon.net.engine import Event
from lvsmon.net.files import Contents
from lvsmon.net.programs import Ended, Program
from lvsmon.net.tls.values import Stapled, TlsProfile, TlsSession

_T = TypeVar("_T")


class Stream(Protocol):
    """A connected TCP stream. Errors raised: `ConnectFailed` (reset), `LocalFault`."""

    @property
    def local(self) -> tuple[str, int]:
        """The director's address and port on this connection: some protocols say them to the peer."""
        ...

    async def read(self, limit: int = 65536, /) -> bytes:
        """Return 1..limit bytes as they come, or b"" once the peer has closed its side."""
        ...

    async def write(self, data: bytes, /) -> None:
        """Hand all of ``data`` to the kernel."""
        ...

    async def start_tls(
        self, profile: TlsProfile, sni: str | None = None, /, *, resume: "Stream | None" = None
    ) -> TlsSession:
        """Do a TLS handshake; from here on what is read and written is what TLS carries.

        ``sni`` is the server name to ask for. ``resume`` is a stream of this run whose TLS session is offered anew, as
        the data connections of FTP do; the realserver may take it or not. The caller sees to it that nothing sent in
        clear text is left unread. The certificate's names are not judged here. Raise `CertificateRefused` (chain,
        dates), `TlsFailed`, `PeerClosed`, `ConnectFailed`, or `LocalFault` where the profile's files cannot be used.
        Afterwards reads and writes may raise `TlsFailed` too.
        """
        ...

    async def see_staple(self, profile: TlsProfile, sni: str | None = None, /) -> Stapled:
        """Do a TLS handshake that asks for a stapled OCSP answer; nothing can be said on the stream afterwards.

        What is seen is not verified. Raise `TlsFailed`, `PeerClosed` or `ConnectFailed`.
        """
        ...

    async def finish(self) -> None:
        """Say that no more will be written (close_notify, FIN); what the peer still says can be read."""
        ...

    def close(self) -> None:
        """Close gracefully (close_notify, FIN); never blocks, may be called twice."""
        ...

    def abort(self) -> None:
        """Close with a reset, which leaves no TIME_WAIT on the director; may be called after `close`."""
        ...


class Datagram(Protocol):
    """A connected UDP socket. Errors raised: `ConnectFailed` (ICMP says refused or unreachable), `LocalFault`."""

    @property
    def local(self) -> tuple[str, int]:
        """The director's address and port, where the peer's datagrams come to."""
        ...

    async def send(self, data: bytes, /) -> None: ...

    async def receive(self, limit: int = 65536, /) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message and when it reached the director, in seconds on the monotonic clock."""

    message: bytes
    at: float


class Echo(Protocol):
    """An ICMP or ICMPv6 echo socket for one address; checksum and identifier are its own business.

    Errors raised: `ConnectFailed` (an ICMP error came back for what was sent), `LocalFault`.
    """

    async def send(self, message: bytes, /) -> None:
        """Send an echo request."""
        ...

    async def receive(self) -> Arrival:
        """Return the next answer to what this socket has sent."""
        ...

    def close(self) -> None: ...


class Listener(Protocol):
    """Waits for one connection that the peer of another one opens: FTP's active mode (RFC 959 section 3.3)."""

    @property
    def address(self) -> str:
        """Where the peer is to connect to: the director's address on the connection beside."""
        ...

    @property
    def port(self) -> int: ...

    async def accept(self, unless: Stream | None = None, /) -> Stream | None:
        """Return the peer's connection; None as soon as ``unless`` has something to be read and there is none yet.

        Connections from other addresses are reset and change nothing. Raise `LocalFault`.
        """
        ...

    def close(self) -> None:
        """Listen no more; may be called twice."""
        ...


class Running(Protocol):
    """A program that runs."""

    async def ended(self) -> Ended:
        """Wait for its end. Raise `LocalFault` where it broke its bounds, which says nothing about the realserver."""
        ...


class Connector(Protocol):
    """Opens streams and datagrams for one run."""

    async def connect(self, address: str, port: int, /) -> Stream:
        """Open a TCP connection. Raise `ConnectFailed` (theirs) or `LocalFault` (ours)."""
        ...

    async def datagram(self, address: str, port: int, /) -> Datagram:
        """Open a connected UDP socket. Raise `LocalFault`."""
        ...

    async def echo(self, address: str, /) -> Echo:
        """Open an ICMP echo socket. Raise `LocalFault`: where it is the permission, the text says what to grant."""
        ...

    async def listen(self, beside: Stream, ports: tuple[int, int] | None = None, /) -> Listener:
        """Listen on the local address of ``beside``, a stream of this run, for a connection from its peer.

        ``ports`` are the first and the last that may be taken; None leaves it to the kernel. Raise `LocalFault`.
        """
        ...

    def awaiting(self, what: str, /) -> None:
        """Say what the run is waiting for: the detail of a missed deadline names it."""
        ...

    async def pause(self, seconds: float, /) -> None:
        """Let others run for so long; never for waiting on a condition."""
        ...

    async def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> _T | None:
        """Return what ``part`` returns, or None where it was still waiting after so long, and is ended.

        For what is not decided by waiting: a datagram is sent again, a third party does not answer in its share of
        the time. Whether the realserver has answered in time, the deadline decides.
        """
        ...

    def event(self) -> Event:
        """Return something that other runs of this process may wait for."""
        ...

    async def start_program(self, program: Program, /) -> Running:
        """Start a program on the director. Where the run ends first, its whole process group gets TERM, then KILL.

        It begins when an earlier one of the same identity has ended. Raise `LocalFault` where it cannot be started.
        """
        ...

    async def read_file(self, path: str, limit: int, /) -> Contents:
        """Read the first ``limit`` bytes of a file on the director. Raise `LocalFault` where it cannot be read."""
        ...


class Trace(Protocol):
    """Hears what happens on the wire of one run; the runner makes phase timings and transcripts of it."""

    def connecting(self, address: str, port: int, /) -> None: ...

    def connected(self) -> None: ...

    def securing(self) -> None: ...

    def secured(self) -> None: ...

    def awaiting(self, what: str, /) -> None:
        """Hear what the run waits for from now on, of the realserver or on the director itself."""
        ...

    def sent(self, data: bytes, /) -> None: ...

    def received(self, data: bytes, /) -> None: ...

    def ended(self) -> None:
        """Hear that the peer will send no more: it has closed its side."""
        ...
