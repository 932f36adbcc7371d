"""Datagrams and echo requests, answered by a script."""

import errno
from collections.abc import Sequence
from math import inf
from operator import itemgetter
from typing import Final

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.net import faults
from lvsmon.net.base import Arrival, Trace
from lvsmon.testing.network.script import (
    EPHEMERAL,
    LISTENING,
    Close,
    Expect,
    Fate,
    Hang,
    Reset,
    Script,
    ScriptError,
    Send,
    Wait,
)
from lvsmon.testing.network.virtual_time import ScriptedClock, Sleep

_ECHO_REPLIES: Final = {8: 0, 128: 129}


class ScriptedDatagram:
    """A datagram socket whose peer follows a script: each `Send` is one datagram, each `Expect` wants one."""

    def __init__(self, script: Script, trace: Trace, address: str = LISTENING[0]) -> None:
        self._steps = list(script.steps)
        self._trace = trace
        self._local = address, EPHEMERAL
        self.sent: list[bytes] = []
        self.ended = ""

    @property
    def local(self) -> tuple[str, int]:
        return self._local

    async def send(self, data: bytes, /) -> None:
        self._trace.sent(data)
        self.sent.append(data)
        if self._steps and isinstance(wanted := self._steps[0], Expect):
            if wanted.data != data:
                raise ScriptError(f"the peer wanted {wanted.data!r} and got {data!r}")
            del self._steps[0]

    async def receive(self, limit: int = 65536, /) -> bytes:
        while True:
            match self._steps[0] if self._steps else Hang():
                case Send(data):
                    del self._steps[0]
                    self._trace.received(data[:limit])
                    return data[:limit]
                case Wait(seconds):
                    sleep = Sleep(seconds)
                    try:
                        await sleep
                    finally:
                        left = seconds - sleep.passed
                        self._steps[:1] = [Wait(left)] if left > 0 else []
                case Reset() | Close():
                    raise faults.later(errno.ECONNREFUSED)
                case _:
                    await Sleep(inf)

    def close(self) -> None:
        self.ended = "closed"


class ScriptedEcho:
    """An echo socket whose host answers each request as the next of ``fates`` says; after the last it is silent.

    A number is the seconds until the answer, None loses the request, an error comes back at once.
    """

    def __init__(self, fates: Sequence[Fate], clock: ScriptedClock) -> None:
        self._fates = list(fates)
        self._clock = clock
        self._coming: list[tuple[float, bytes | ProbeFailed | LocalFault]] = []

    async def send(self, message: bytes, /) -> None:
        fate = self._fates.pop(0) if self._fates else None
        if isinstance(fate, ProbeFailed | LocalFault):
            self._coming.append((self._clock.now, fate))
        elif fate is not None:
            answer = bytes([_ECHO_REPLIES[message[0]]]) + message[1:]
            self._coming.append((self._clock.now + fate, answer))

    async def receive(self) -> Arrival:
        while True:
            first = min(self._coming, key=itemgetter(0), default=None)
            if first is None:
                await Sleep(inf)
                continue
            if first[0] > self._clock.now:
                await Sleep(first[0] - self._clock.now)
                continue
            self._coming.remove(first)
            at, what = first
            if not isinstance(what, bytes):
                raise what
            return Arrival(what, at)

    def close(self) -> None:
        self._coming.clear()
