"""ICMP echo sockets: the kernel's ping socket where this process may have one, otherwise a raw one that behaves so.

A ping socket (icmp(7)) needs no privilege, only a group in ``net.ipv4.ping_group_range``; the kernel sets the
identifier and gives the socket its own answers and nothing else. A raw socket needs CAP_NET_RAW and hears every ICMP
message of the host: here it is connected, so that the kernel compares the address, and filtered by type; the identifier
is compared below. Each run has its own socket, so no answer comes to the wrong run.

Both hear of ICMP errors through the error queue (IP_RECVERR, ip(7)), which also says who sent them, and have the time
at which the kernel got an answer, so that a busy director does not add its own delays to the realserver's.
"""

import errno
import itertools
import os
import secrets
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from lvsmon.errors import ConnectFailed, LocalFault, LvsmonError
from lvsmon.model import Reason
from lvsmon.net import faults
from lvsmon.net.base import Arrival, Trace
from lvsmon.net.engine import Engine

# Numbers of Linux that Python's socket module does not name (uapi: asm-generic/socket.h, linux/in.h, linux/in6.h,
# linux/icmp.h, linux/icmpv6.h, linux/errqueue.h).
_SO_TIMESTAMPNS: Final = 35
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_SOL_RAW: Final = 255
_ICMP_FILTER: Final = 1
_ICMPV6_FILTER: Final = 1
_EE_ORIGIN_LOCAL: Final = 1
_EE_ORIGIN_ICMP: Final = 2
_EE_ORIGIN_ICMP6: Final = 3

_ONLY_REPLIES: Final = struct.pack("I", 0xFFFFFFFF ^ (1 << 0))
_ONLY_REPLIES_6: Final = struct.pack(
    "8I", *(0xFFFFFFFF ^ (1 << 129 % 32) if word == 129 // 32 else 0xFFFFFFFF for word in range(8))
)
_TIMESPEC: Final = struct.Struct("ll")
_EXTENDED_ERROR: Final = struct.Struct("IBBBBII")

_SAID: Final[Mapping[tuple[int, int, int | None], str]] = {
    # RFC 792, RFC 1812 section 5.2.7.1
    (_EE_ORIGIN_ICMP, 3, 0): "network unreachable",
    (_EE_ORIGIN_ICMP, 3, 1): "host unreachable",
    (_EE_ORIGIN_ICMP, 3, 9): "the network is administratively prohibited",
    (_EE_ORIGIN_ICMP, 3, 10): "the host is administratively prohibited",
    (_EE_ORIGIN_ICMP, 3, 13): "administratively prohibited",
    (_EE_ORIGIN_ICMP, 3, None): "destination unreachable",
    (_EE_ORIGIN_ICMP, 11, None): "time to live exceeded on the way: a routing loop, perhaps",
    # RFC 4443 section 3
    (_EE_ORIGIN_ICMP6, 1, 0): "no route to the host",
    (_EE_ORIGIN_ICMP6, 1, 1): "administratively prohibited",
    (_EE_ORIGIN_ICMP6, 1, 3): "host unreachable",
    (_EE_ORIGIN_ICMP6, 1, None): "destination unreachable",
    (_EE_ORIGIN_ICMP6, 3, None): "hop limit exceeded on the way: a routing loop, perhaps",
}
"""What an ICMP error says, by origin, type and code; without the code where that tells nothing to people."""

_RECEIVE: Final = 65535
_ANCILLARY: Final = 512
_NO_PING_SOCKET: Final = frozenset({errno.EACCES, errno.EPERM, errno.EPROTONOSUPPORT})
_identifiers: Final = itertools.count(secrets.randbits(16))
"""Of raw sockets: runs of this process do not meet each other's, and begin elsewhere than another process does."""

_MAX_AGE: Final = 60.0
"""Seconds: no run is longer, so more than that is a clock that was set."""

_READS_IN_A_ROW: Final = 4
"""Messages read before others get their turn, as for streams: a flood must not stop the clock."""


class EchoSocket:
    """See `lvsmon.net.base.Echo`."""

    __slots__ = ("_engine", "_error", "_identifier", "_in_a_row", "_peer", "_raw", "_six", "_sock", "_trace")

    def __init__(self, address: str, engine: Engine, trace: Trace) -> None:
        """Raise `LocalFault`: no permission, no route, no descriptors."""
        self._six = ":" in address
        self._sock, self._raw = _open(self._six)
        self._peer = _packed(address)
        self._engine = engine
        self._trace = trace
        self._identifier = (next(_identifiers) & 0xFFFF).to_bytes(2, "big")
        self._error: LvsmonError | None = None
        self._in_a_row = 0
        trace.connecting(address, 0)
        number = self._sock.connect_ex((address, 0))
        if number:
            self._sock.close()
            raise faults.at_once(number)
        trace.connected()

    async def send(self, message: bytes, /) -> None:
        if self._raw:
            message = message[:2] + b"\0\0" + self._identifier + message[6:]
            if not self._six:  # the kernel does it for ICMPv6 and for ping sockets
                message = message[:2] + _checksum(message).to_bytes(2, "big") + message[4:]
        self._trace.sent(message)
        self._take_errors()  # of what was sent before: else this send would take the blame
        while True:
            try:
                self._sock.send(message)
            except BlockingIOError:
                await self._engine.writable(self._sock.fileno())
            except OSError as error:
                raise faults.at_once(error.errno or 0) from error
            else:
                return

    async def receive(self) -> Arrival:
        while True:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._in_a_row >= _READS_IN_A_ROW:
                self._in_a_row = 0
                await self._engine.readable(self._sock.fileno())
            try:
                data, ancillary, _, sender = self._sock.recvmsg(_RECEIVE, _ANCILLARY)
            except BlockingIOError:
                self._in_a_row = 0
                await self._engine.readable(self._sock.fileno())
                self._take_errors()
            except OSError:
                self._take_errors()
            else:
                self._in_a_row += 1
                # A ping socket, though connected, takes an answer of its identifier from anybody.
                message = self._own(data) if _packed(sender[0]) == self._peer else None
                if message is not None:
                    self._trace.received(message)
                    return Arrival(message, time.monotonic() - _age(ancillary))

    def _own(self, data: bytes) -> bytes | None:
        """Return the ICMP message in what was read, None where it is damaged or answers somebody else."""
        if not self._raw:
            return data
        message = data
        if not self._six:
            message = data[(data[0] & 15) * 4 :] if data else b""
            if _checksum(message):
                return None
        return message if message[4:6] == self._identifier else None

    def _take_errors(self) -> None:
        """Empty the error queue: while anything is in it, the socket counts as readable."""
        self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        while True:
            try:
                _, ancillary, _, _ = self._sock.recvmsg(0, _ANCILLARY, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _, kind, data in ancillary:
                if kind in (_IP_RECVERR, _IPV6_RECVERR) and len(data) >= _EXTENDED_ERROR.size:
                    self._error = _judge(data) or self._error

    def close(self) -> None:
        self._sock.close()


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address.partition("%")[0])


def _open(six: bool) -> tuple[socket.socket, bool]:
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    flags = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    raw = False
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM | flags, protocol)
    except OSError as error:
        if error.errno not in _NO_PING_SOCKET:
            raise faults.at_once(error.errno or 0) from error
        raw = True
        sock = _open_raw(family)
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    if six:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    return sock, raw


def make_raw(family: int) -> socket.socket:
    """Return a raw ICMP socket, which takes CAP_NET_RAW; raise OSError."""
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    return socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)


_make_raw: Callable[[int], socket.socket] = make_raw


def get_raw_from(make: Callable[[int], socket.socket]) -> None:
    """Have ``make(family)`` make raw sockets from now on: for a process that may not. It may raise as `make_raw` does,
    or `LocalFault`.
    """
    global _make_raw  # noqa: PLW0603
    _make_raw = make


def _open_raw(family: int) -> socket.socket:
    try:
        sock = _make_raw(family)
    except PermissionError as error:
        group = os.getegid()
        raise LocalFault(
            "this process may not send pings: grant it CAP_NET_RAW (in its unit AmbientCapabilities=CAP_NET_RAW), or "
            f'let its group use ping sockets: sysctl net.ipv4.ping_group_range="{group} {group}" (for IPv6 too)',
            Reason.LOCAL_PERMISSION,
        ) from error
    except OSError as error:
        raise faults.at_once(error.errno or 0) from error
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, _ONLY_REPLIES_6)
    else:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, _ONLY_REPLIES)
    return sock


def _judge(data: bytes) -> LvsmonError | None:
    """Return the error for a struct sock_extended_err with the address of who sent it behind it."""
    number, origin, kind, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
    if origin == _EE_ORIGIN_LOCAL:
        return faults.at_once(number)
    if number == errno.EMSGSIZE:
        return None  # path MTU discovery: the kernel has learnt, and cuts what is sent next
    said = _SAID.get((origin, kind, code)) or _SAID.get((origin, kind, None)) or f"ICMP type {kind}, code {code}"
    return ConnectFailed(f"{_address(data[_EXTENDED_ERROR.size :])} says: {said}", Reason.UNREACHABLE)


def _address(sockaddr: bytes) -> str:
    family = int.from_bytes(sockaddr[:2], sys.byteorder)
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return socket.inet_ntop(socket.AF_INET, sockaddr[4:8])
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24])
    return "a router"


def _age(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Return the seconds since the kernel got the message; 0 where it does not say, or the clock was set meanwhile."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            age: float = time.time() - seconds - nanoseconds / 1e9
            return age if 0 <= age < _MAX_AGE else 0.0
    return 0.0


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071); 0 over data that holds its own right one."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
