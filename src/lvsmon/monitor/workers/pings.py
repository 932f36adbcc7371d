"""Raw ICMP sockets, made where that is permitted and handed to the workers as descriptors.

Only for kernels that let the worker's group have no ping socket (net.ipv4.ping_group_range). Each run needs one of its
own, so a worker keeps a stock. A request is two bytes: 4 or 6, and how many. An answer begins with the same byte and
brings so many descriptors, or none and the errno.
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Final

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.net import icmp
from lvsmon.probes.base import ProbeSpec

MOST: Final = 64
"""Sockets in one answer, and kept of a family: more than a worker starts runs of pings within an answer's time."""

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}


class Stock:
    """The worker's end."""

    def __init__(self, way: socket.socket) -> None:
        """Needs a running event loop."""
        way.setblocking(False)
        self._way = way
        self._wanted: dict[int, int] = {}
        self._kept: dict[int, deque[socket.socket]] = defaultdict(deque)
        self._asked: set[int] = set()
        self._refused = 0
        asyncio.get_running_loop().add_reader(way.fileno(), self._take)
        icmp.get_raw_from(self.one)

    def update(self, probes: Iterable[ProbeSpec]) -> None:
        """Keep as many as the pings among ``probes`` may take at once."""
        pings = [6 if ":" in spec.target.address else 4 for spec in probes if spec.probe.kind == "ping"]
        self._wanted = {family: min(MOST, 2 * pings.count(family) + 2) for family in set(pings)}
        if not _ping_sockets():
            for family in self._wanted:
                self._ask(family)

    def one(self, family: int) -> socket.socket:
        """Return a socket; raise `LocalFault` where there is none, PermissionError where there will be none."""
        number = 6 if family == socket.AF_INET6 else 4
        kept = self._kept[number]
        self._wanted.setdefault(number, 2)
        found = kept.popleft() if kept else None
        if len(kept) <= self._wanted[number] // 2:
            self._ask(number)
        if found is not None:
            return found
        if self._refused in (errno.EPERM, errno.EACCES):
            raise PermissionError(self._refused, os.strerror(self._refused))
        raise LocalFault("no socket for pings has come from the supervisor yet", Reason.LOCAL_RESOURCES)

    def _ask(self, family: int) -> None:
        if family not in self._asked:
            self._asked.add(family)
            with contextlib.suppress(OSError):  # the supervisor is gone or busy: asked again when one is wanted
                self._way.send(bytes((family, self._wanted[family] - len(self._kept[family]))))

    def _take(self) -> None:
        try:
            answer, descriptors, _, _ = socket.recv_fds(self._way, 2, MOST, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        if not answer:  # the supervisor is gone, which ends this process by another way
            asyncio.get_running_loop().remove_reader(self._way.fileno())
            return
        family, self._refused = answer
        self._asked.discard(family)
        for descriptor in descriptors:
            self._kept[family].append(socket.socket(fileno=descriptor))


def _ping_sockets() -> bool:
    """Return whether this process may have ping sockets."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


def answer(way: socket.socket) -> bool:
    """Answer one request of a worker; return whether it was one."""
    try:
        request = way.recv(3)
    except BlockingIOError:
        return True
    if len(request) != 2 or request[0] not in _FAMILIES:
        return not request
    made: list[socket.socket] = []
    refused = 0
    try:
        made += (icmp.make_raw(_FAMILIES[request[0]]) for _ in range(min(request[1], MOST)))
    except OSError as error:
        refused = (error.errno or 0) & 0xFF
    with contextlib.suppress(OSError):  # the worker is gone, or does not listen
        socket.send_fds(way, [bytes((request[0], refused))], [each.fileno() for each in made])
    for each in made:
        each.close()
    return True
