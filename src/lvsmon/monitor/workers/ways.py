"""Sockets by way of the VIP (`lvsmon.net.vantage`), made by the supervisor and handed to the workers as descriptors.

A worker says which way, of those that its own probes go, and gives one end of a pair on which the socket comes back, or
a JSON text that says why there is none.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lvsmon.errors import LocalFault
from lvsmon.model import Reason, Through
from lvsmon.net import faults
from lvsmon.net.engine import Engine
from lvsmon.net.nested import NestedReactor
from lvsmon.net.vantage import door
from lvsmon.net.vantage.door import Door
from lvsmon.probes.base import ProbeSpec

_MOST: Final = 4096
"""Bytes of a request and of an answer: five short words; a sentence."""

_FAMILIES: Final = frozenset({int(socket.AF_INET), int(socket.AF_INET6)})
_KINDS: Final = frozenset({int(socket.SOCK_STREAM), int(socket.SOCK_DGRAM)})


class NotOurs(ValueError):
    """A worker asked for a way that none of its probes goes."""


class RemoteDoor:
    """The worker's end: stands for a `Door` of the supervisor."""

    def __init__(self, way: socket.socket, interface: str) -> None:
        self._way = way
        self._interface = interface

    async def socket(self, through: Through, family: int, kind: int, engine: Engine) -> socket.socket:
        """See `Door.socket`."""
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise faults.at_once(error.errno or 0) from error
        with ours:
            with theirs:
                self._ask({"way": _name(through), "family": int(family), "kind": int(kind)}, [theirs.fileno()])
            await engine.readable(ours.fileno())
            answer, descriptors, _, _ = socket.recv_fds(ours, _MOST, 1, socket.MSG_CMSG_CLOEXEC)
        if descriptors:
            sock = socket.socket(fileno=descriptors[0])
            sock.setblocking(False)
            return sock
        if not answer:
            raise LocalFault('vantage = "vip": the supervisor made no socket', Reason.LOCAL_FAULT)
        said = json.loads(answer)
        raise LocalFault(said["why"], Reason(said["reason"]))

    def doubt(self) -> None:
        """See `Door.doubt`."""
        with contextlib.suppress(LocalFault):
            self._ask({"doubt": self._interface}, [])

    def close(self) -> None:
        """Do nothing: what the supervisor built is used by others too."""

    def _ask(self, document: dict[str, Any], descriptors: list[int]) -> None:
        try:
            socket.send_fds(self._way, [json.dumps(document).encode()], descriptors)
        except OSError as error:
            raise LocalFault(f'vantage = "vip": the supervisor does not listen: {error}') from error


def take_from(way: socket.socket) -> None:
    """Have the sockets of this process, the worker's, come by ``way`` (SOCK_SEQPACKET)."""
    way.setblocking(False)
    door.have_doors_made(lambda interface: RemoteDoor(way, interface))


def ways_of(probes: Iterable[ProbeSpec]) -> dict[str, Through]:
    """Return the ways that ``probes`` go, by the name that a worker says."""
    return {_name(through): through for spec in probes if (through := spec.target.through) is not None}


class Porter:
    """The supervisor's end, for all workers; needs a running event loop.

    Nothing is built before a socket is asked for.
    """

    def __init__(self) -> None:
        self._reactor: NestedReactor | None = None
        self._doors: dict[str, Door] = {}
        self._going: set[asyncio.Task[None]] = set()

    def answer(self, way: socket.socket, ways: Mapping[str, Through]) -> bool:
        """Take one request of a worker that may go ``ways``; return whether there was one. Raise `NotOurs`, OSError."""
        try:
            request, descriptors, _, _ = socket.recv_fds(way, _MOST, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return True
        if not request and not descriptors:
            return False
        back = _back(descriptors)
        try:
            self._do(_read(request), ways, back)
        except NotOurs:
            if back is not None:
                back.close()
            raise
        return True

    def _do(self, asked: dict[str, Any], ways: Mapping[str, Through], back: socket.socket | None) -> None:
        if "doubt" in asked:
            if asked["doubt"] in {through.interface for through in ways.values()} and asked["doubt"] in self._doors:
                self._doors[asked["doubt"]].doubt()
            return
        through = ways.get(asked["way"])
        if through is None or back is None or asked["family"] not in _FAMILIES or asked["kind"] not in _KINDS:
            raise NotOurs("a way that none of its probes goes")
        task = asyncio.get_running_loop().create_task(self._make(through, asked["family"], asked["kind"], back))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _make(self, through: Through, family: int, kind: int, back: socket.socket) -> None:
        self._reactor = self._reactor or NestedReactor()
        own = self._doors.setdefault(through.interface, Door(through.interface))
        with back, contextlib.suppress(OSError):  # who asked may have gone
            back.setblocking(False)
            try:
                with await self._reactor.finish(own.socket(through, family, kind, self._reactor)) as made:
                    socket.send_fds(back, [b"{}"], [made.fileno()])
            except LocalFault as fault:
                back.send(json.dumps({"why": str(fault), "reason": fault.reason}).encode()[:_MOST])

    def close(self) -> None:
        """End what was built."""
        for task in self._going:
            task.cancel()
        for each in self._doors.values():
            each.close()
        if self._reactor is not None:
            self._reactor.close()


def _back(descriptors: list[int]) -> socket.socket | None:
    """Return the way of the answer; raise `NotOurs` for what is no socket."""
    try:
        return socket.socket(fileno=descriptors[0]) if descriptors else None
    except OSError:
        os.close(descriptors[0])
        raise NotOurs("no socket to answer on") from None


def _read(request: bytes) -> dict[str, Any]:
    """Return what is asked for; raise `NotOurs` for anything else."""
    try:
        asked = json.loads(request)
    except (ValueError, RecursionError):
        raise NotOurs("a request that is none") from None
    keys = asked.keys() if isinstance(asked, dict) else frozenset()
    if keys in ({"doubt"}, {"way", "family", "kind"}) and all(isinstance(each, str | int) for each in asked.values()):
        return dict(asked)
    raise NotOurs("a request that is none")


def _name(through: Through) -> str:
    return repr(through)
