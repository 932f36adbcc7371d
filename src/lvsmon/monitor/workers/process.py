"""A worker: a process of its own that gives up its privileges and then probes."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Final

from lvsmon.monitor import garbage
from lvsmon.monitor.news import News
from lvsmon.monitor.prober import Prober
from lvsmon.monitor.workers import down, saying, ways
from lvsmon.monitor.workers.confine import confine, die_with
from lvsmon.monitor.workers.down import Begin, LookAt, Order, RunNow, Update, Watch
from lvsmon.monitor.workers.frames import MOST_DOWN, Frames, framed
from lvsmon.monitor.workers.pings import Stock
from lvsmon.net import programs
from lvsmon.probes.part import Part

WORDS: Final = 3
"""The descriptor of the stream to the supervisor; those of `gate`, `pings` and `ways` follow."""

SPARE: Final = 64
"""Descriptors for what is no probe's socket."""

_UNHEARD: Final = 64 << 20
"""Bytes that wait for a supervisor that does not read, at most: it is as good as dead then."""

_READ: Final = 1 << 16

_VITALS: Final = 1.0
"""Seconds between two times at which a worker tells how it is doing; with its news, which come each beat."""


def main() -> None:
    """Serve the supervisor until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the supervisor gets them too, and says when it is over
    parent = os.getppid()
    os.closerange(WORDS + 4, os.sysconf("SC_OPEN_MAX"))  # whatever the supervisor itself was started with
    way = socket.socket(fileno=WORDS)
    programs.ask_by(socket.socket(fileno=WORDS + 1))
    ways.take_from(socket.socket(fileno=WORDS + 3))
    frames = Frames(MOST_DOWN)
    begin = _first(way, frames)
    missing = confine(begin.user, begin.descriptors)
    die_with(parent)
    garbage.look_seldom()
    way.setblocking(False)
    asyncio.run(_serve(way, frames, begin, missing))


def _first(way: socket.socket, frames: Frames) -> Begin:
    while (frame := frames.next()) is None:
        data = way.recv(_READ)
        if not data:
            os._exit(0)
        frames.feed(data)
    order = down.decode(frame)
    if not isinstance(order, Begin):
        raise TypeError("the first order is to begin")
    return order


async def _serve(way: socket.socket, frames: Frames, begin: Begin, missing: list[str]) -> None:
    loop = asyncio.get_running_loop()
    worker = _Worker(begin, frames, missing)
    await loop.create_unix_connection(lambda: worker, sock=way)
    await worker.ended


class _Worker(asyncio.Protocol):
    def __init__(self, begin: Begin, frames: Frames, missing: list[str]) -> None:
        self._missing = missing
        self._part = Part()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._frames = frames
        self._transport: asyncio.WriteTransport | None = None
        self._going: set[asyncio.Task[None]] = set()
        root = logging.getLogger()
        root.handlers[:] = [_Upwards(self)]
        root.setLevel(begin.log_level)
        self._stock = Stock(socket.socket(fileno=WORDS + 2))
        self._prober = Prober(self._hear, remembered=begin.remembered, limit=max(1, begin.descriptors - SPARE))
        self._told_vitals = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError("a stream was expected")
        self._transport = transport
        self.say(saying.ready(self._missing))
        self._obey()

    def data_received(self, data: bytes) -> None:
        self._frames.feed(data)
        self._obey()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        os._exit(0)  # nobody is there who could use what is still going on

    def say(self, body: bytes) -> None:
        if self._transport is not None:
            self._transport.write(framed(body))
            if self._transport.get_write_buffer_size() > _UNHEARD:
                os._exit(1)

    def _obey(self) -> None:
        try:
            while (frame := self._frames.next()) is not None:
                self._do(down.decode(frame))
        except Exception as error:  # noqa: BLE001  whatever it is, the supervisor starts another one
            if not self.ended.done():
                self.ended.set_exception(error)

    def _do(self, order: Order) -> None:
        match order:
            case Update():
                self._part = order.applied(self._part)
                self._prober.update(self._part, order.known)
                self._stock.update(self._part.probes.values())
                garbage.set_apart()
                self.say(saying.took(order.number))
            case Watch(probes):
                self._prober.watch(probes)
            case LookAt(number, probes):
                self._begin(self._look(number, probes))
            case RunNow(number, probe):
                self._begin(self._run(number, probe))
            case Begin():
                raise TypeError("it has begun already")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _look(self, number: int, probes: tuple[str, ...]) -> None:
        for body in saying.looked(number, await self._prober.look(probes)):
            self.say(body)

    async def _run(self, number: int, probe: str) -> None:
        self.say(saying.ran(number, await self._prober.run_now(probe)))

    def _hear(self, news: Iterable[News]) -> None:
        for body in saying.news(news):
            self.say(body)
        now = time.monotonic()
        if now - self._told_vitals >= _VITALS:
            self._told_vitals = now
            self.say(saying.vitals(self._prober.vitals()))


class _Upwards(logging.Handler):
    """Sends what is logged to the supervisor, which logs it."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__()
        self._worker = worker
        self._plain = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        fields = {name: value for name, value in getattr(record, "fields", {}).items() if value is not None}
        if record.exc_info:
            fields["traceback"] = self._plain.formatException(record.exc_info)
        self._worker.say(saying.log(record.levelno, record.getMessage(), fields))
