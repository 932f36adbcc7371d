"""Hands out the sockets of a `Space`: a thread lives in it, and runs wait for it as they wait for a socket."""

import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from lvsmon.errors import LocalFault
from lvsmon.model import Reason, Target, Through
from lvsmon.net import faults
from lvsmon.net.engine import Engine
from lvsmon.net.vantage.space import Space

AGAIN: Final = 10.0
"""Seconds before what could not be built is tried again, or what is in doubt is built anew."""

_BUG: Final = "a bug in lvsmon, not in the realserver"


@dataclass(slots=True)
class _Request:
    through: Through
    family: int
    kind: int
    done: socket.socket
    """Closed when there is an answer."""
    answer: "socket.socket | LocalFault | None" = None
    abandoned: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, answer: "socket.socket | LocalFault") -> None:
        with self.lock:
            if self.abandoned and isinstance(answer, socket.socket):
                answer.close()
            self.answer = answer
        self.done.close()

    def abandon(self) -> None:
        """Nobody waits any more: what comes, or has come, is not wanted."""
        with self.lock:
            self.abandoned = True
            if isinstance(self.answer, socket.socket):
                self.answer.close()


class Door:
    """Sockets by way of one interface. Nothing is built before the first is asked for."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._requests: queue.SimpleQueue[_Request | None] | None = None
        self._began = float("-inf")

    async def socket(self, through: Through, family: int, kind: int, engine: Engine) -> socket.socket:
        """Return a non-blocking socket whose packets go through; raise `LocalFault`."""
        requests = self._queue()
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise faults.at_once(error.errno or 0) from error
        request = _Request(through, family, kind, theirs)
        with ours:
            try:
                requests.put(request)
                await engine.readable(ours.fileno())
            except BaseException:
                request.abandon()
                raise
        if isinstance(request.answer, socket.socket):
            return request.answer
        raise request.answer or LocalFault(f'vantage = "vip": {_BUG}: no answer', Reason.PROBE_BUG)

    def doubt(self) -> None:
        """Hear that a packet had no way out: where what was built is not new, it is built anew."""
        if time.monotonic() - self._began > AGAIN:
            self.close()

    def close(self) -> None:
        """End the thread, and with it what it built."""
        if self._requests is not None:
            self._requests.put(None)
            self._requests = None

    def _queue(self) -> "queue.SimpleQueue[_Request | None]":
        if self._requests is None:
            requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
            try:
                threading.Thread(target=self._live, args=(requests,), name="vantage", daemon=True).start()
            except RuntimeError as error:
                raise LocalFault(f'vantage = "vip": {error}', Reason.LOCAL_RESOURCES) from error
            self._requests, self._began = requests, time.monotonic()
        return self._requests

    def _live(self, requests: "queue.SimpleQueue[_Request | None]") -> None:
        space: Space | None = None
        refused: dict[Through | None, tuple[float, LocalFault]] = {}
        """What could not be built, and when: None is the space itself."""
        while (request := requests.get()) is not None:
            part = None if space is None else request.through
            at, fault = refused.get(part, (float("-inf"), None))
            if fault is not None and time.monotonic() - at < AGAIN:
                request.settle(fault)
                continue
            try:
                space = space or Space(self._interface)
                part = request.through
                request.settle(space.socket(request.through, request.family, request.kind))
                refused.pop(part, None)
            except LocalFault as error:
                refused[part] = time.monotonic(), error
                request.settle(error)
            except Exception as error:  # noqa: BLE001  it must not end the thread that all runs wait for
                request.settle(LocalFault(f'vantage = "vip": {_BUG}: {error!r}', Reason.PROBE_BUG))
        if space is not None:
            space.close()


class Opener(Protocol):
    """What hands out sockets by way of one interface: a `Door`, or what stands for one of another process."""

    async def socket(self, through: Through, family: int, kind: int, engine: Engine) -> socket.socket: ...

    def doubt(self) -> None: ...

    def close(self) -> None: ...


_make: Callable[[str], Opener] = Door


def have_doors_made(make: Callable[[str], Opener]) -> None:
    """Have ``make(interface)`` make doors from now on: for a process that may build none."""
    global _make  # noqa: PLW0603
    _make = make


class Doors:
    """One for each process that runs probes: a `Door` for each interface."""

    def __init__(self) -> None:
        self._doors: dict[str, Opener] = {}

    def way_of(self, target: Target) -> "Way | None":
        """Return how what is sent to ``target`` goes, None where the director's routes say it."""
        through = target.through
        if through is None:
            return None
        if through.interface not in self._doors:
            self._doors[through.interface] = _make(through.interface)
        return Way(target.address, through, self._doors[through.interface])

    def close(self) -> None:
        for door in self._doors.values():
            door.close()
        self._doors.clear()


@dataclass(frozen=True, slots=True)
class Way:
    """How what one run sends to ``address`` goes."""

    address: str
    through: Through
    door: Opener
