"""The IPVS table of the kernel over one netlink socket, by our own codec: the fast way, and the default.

Many commands go in one send. Only the last asks to be acknowledged: the kernel answers an error in any case
(netlink(7)), and handles the messages in order, so that the last answer closes the account. An overflow of the receive
queue (ENOBUFS) means that answers were lost: the socket is thrown away and what is in doubt is reported so.
"""

import errno
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from lvsmon.actions.ipvs import failures
from lvsmon.actions.ipvs.answers import (
    NLMSG_DONE,
    NLMSG_ERROR,
    destination_of,
    error_number,
    family_of,
    info_of,
    messages,
    virtual_of,
)
from lvsmon.actions.ipvs.base import Command, Info
from lvsmon.actions.ipvs.messages import ACK, DUMP, Call, encode, family_request, key_body, request
from lvsmon.errors import IpvsError, IpvsUnavailable
from lvsmon.model import DestinationEntry, DestinationKey, Table, VirtualEntry, VirtualKey

PER_SEND: Final = 200
"""Commands in one send: if all of them are refused, their answers still fit a receive queue of the kernel's default
size; 1,000 overflow it (measured)."""

TIMEOUT: Final = 5.0
"""Seconds to wait for an answer. The kernel answers within the send itself, so this ends only what has gone wrong."""

_RECEIVE: Final = 65536  # the kernel fills at most 32 KiB at once
_SEQUENCE_ROOM: Final = 2**32 - 2 * PER_SEND
_RECEIVE_QUEUE: Final = 1 << 20
_NETLINK_GENERIC: Final = 16
_SOL_NETLINK: Final = 270
_NETLINK_CAP_ACK: Final = 10
_SO_RCVBUFFORCE: Final = 33


class _Refused(Exception):
    """The kernel's answer to a question was an errno."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def open_socket() -> socket.socket:
    """Open a netlink socket in this thread's network namespace."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_GENERIC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_QUEUE)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_QUEUE)
    sock.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)  # answers do not repeat the request
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(TIMEOUT), int(TIMEOUT % 1 * 1e6)))
    sock.bind((0, 0))
    sock.connect((0, 0))
    return sock


class NetlinkIpvs:
    """An `Ipvs` on the kernel; opens its socket at the first call, and again after one was lost."""

    def __init__(self, open_socket: Callable[[], socket.socket] = open_socket) -> None:
        self._open_socket = open_socket
        self._sock: socket.socket | None = None
        self._family = 0
        self._sequence = 0

    def info(self) -> Info:
        try:
            return info_of(self._ask(Call.GET_INFO)[0])
        except _Refused as refused:
            raise failures.unavailable(refused.number) from None

    def dump(self, *, counters: bool = True) -> Table:
        try:
            found = [virtual_of(body, counters=counters) for body in self._ask(Call.GET_SERVICE, flags=DUMP)]
            return {
                key: VirtualEntry(settings, self._destinations(key, counters=counters), counted)
                for key, settings, counted in (virtual for virtual in found if virtual is not None)
            }
        except _Refused as refused:
            raise failures.unavailable(refused.number) from None

    def get(self, key: VirtualKey) -> VirtualEntry | None:
        try:
            found = virtual_of(self._ask(Call.GET_SERVICE, key_body(key))[0], counters=True)
            if found is None:
                raise failures.unavailable(errno.EBADMSG)
            return VirtualEntry(found[1], self._destinations(key, counters=True), found[2])
        except _Refused as refused:
            if refused.number == errno.ESRCH:
                return None
            raise failures.unavailable(refused.number) from None

    def apply(self, commands: Sequence[Command]) -> list[IpvsError | None]:
        results: list[IpvsError | None] = []
        for start in range(0, len(commands), PER_SEND):
            results += self._carry_out(commands[start : start + PER_SEND])
        return results

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _destinations(self, key: VirtualKey, *, counters: bool) -> dict[DestinationKey, DestinationEntry]:
        bodies = self._ask(Call.GET_DEST, key_body(key), DUMP)
        return dict(destination_of(body, key, counters=counters) for body in bodies)

    def _carry_out(self, commands: Sequence[Command]) -> list[IpvsError | None]:
        sock = self._opened()
        first = self._sequence + 1
        last = self._sequence = self._sequence + len(commands)
        data = bytearray()
        for sequence, command in enumerate(commands, first):
            call, body = encode(command)
            data += request(self._family, call, body, sequence, ACK if sequence == last else 0)
        numbers: dict[int, int] = {}
        lost = 0
        try:
            sock.send(data)
            _collect(sock, last, numbers)
        except OSError as error:
            lost = _number_of(error)
            self.close()
        if errno.EPERM in numbers.values():
            raise failures.unavailable(errno.EPERM)
        results = []
        for sequence, command in enumerate(commands, first):
            number = numbers.get(sequence, lost)
            results.append(failures.refusal(number, command) if number else None)
        return results

    def _ask(self, call: Call, body: bytes = b"", flags: int = 0) -> list[bytes]:
        """Ask once more where the first answer was lost, or where the family's number had changed: a module may be
        unloaded and loaded again under us.
        """
        for again in (True, False):
            try:
                return self._ask_once(call, body, flags)
            except _Refused as refused:
                if refused.number != errno.ENOENT or not again:
                    raise
                self.close()
            except OSError as error:
                self.close()
                number = _number_of(error)
                if number != errno.ENOBUFS or not again:
                    raise failures.unavailable(number) from error
            except IpvsUnavailable:
                self.close()
                raise
        raise AssertionError  # the second turn returns or raises

    def _ask_once(self, call: Call, body: bytes, flags: int) -> list[bytes]:
        sock = self._opened()
        self._sequence += 1
        sock.send(request(self._family, call, body, self._sequence, flags))
        return _bodies(sock, self._sequence, whole=bool(flags & DUMP))

    def _opened(self) -> socket.socket:
        """Raise `IpvsUnavailable` where there is no IPVS, or no right to open the socket."""
        if self._sock is None:
            try:
                sock = self._open_socket()
            except OSError as error:
                raise failures.unavailable(_number_of(error)) from error
            try:
                sock.send(family_request(0))
                self._family = family_of(_bodies(sock, 0, whole=False)[0])
            except _Refused as refused:
                sock.close()
                raise failures.unavailable(refused.number) from None
            except OSError as error:
                sock.close()
                raise failures.unavailable(_number_of(error)) from error
            self._sock = sock
        if self._sequence > _SEQUENCE_ROOM:
            self._sequence = 0
        return self._sock


def _collect(sock: socket.socket, last: int, numbers: dict[int, int]) -> None:
    """Put the errno of each answer into ``numbers``, up to that of ``last``; what was read stays on an error."""
    while last not in numbers:
        for kind, sequence, body in messages(sock.recv(_RECEIVE)):
            if kind == NLMSG_ERROR:
                numbers[sequence] = error_number(body)


def _bodies(sock: socket.socket, wanted: int, *, whole: bool) -> list[bytes]:
    """Read one answer, or, if ``whole``, all up to the end of a dump."""
    bodies: list[bytes] = []
    while True:
        for kind, sequence, body in messages(sock.recv(_RECEIVE)):
            if sequence != wanted:
                continue
            if kind == NLMSG_ERROR:
                raise _Refused(error_number(body))
            if kind == NLMSG_DONE:
                return bodies
            bodies.append(body)
            if not whole:
                return bodies


def _number_of(error: OSError) -> int:
    """A receive timeout is EAGAIN; say what it means."""
    return errno.ETIMEDOUT if isinstance(error, BlockingIOError) else error.errno or errno.EIO
