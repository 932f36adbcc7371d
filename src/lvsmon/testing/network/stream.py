"""A connection to a peer that follows a script."""

import errno
from math import inf

from lvsmon.errors import ProbeFailed
from lvsmon.net import faults
from lvsmon.net.base import Stream, Trace
from lvsmon.net.tls.values import Stapled, TlsProfile, TlsSession
from lvsmon.testing.network.script import (
    EPHEMERAL,
    LISTENING,
    Close,
    Expect,
    Hang,
    Reset,
    Script,
    ScriptError,
    Secure,
    Send,
    Staple,
    Until,
    UntilEnd,
    Wait,
)
from lvsmon.testing.network.virtual_time import Sleep


class ScriptedStream:
    """A stream whose peer follows a script.

    ``written`` is all that the probe wrote, ``secured`` each handshake's profile and server name, ``resumes`` the
    stream whose session was offered in it, ``ended`` how it closed.
    """

    def __init__(self, script: Script, trace: Trace, address: str = LISTENING[0]) -> None:
        self._steps = list(script.steps)
        self._trace = trace
        self._local = address, EPHEMERAL
        self._pending = bytearray()
        self._finished = False
        self.secured: list[tuple[TlsProfile, str | None]] = []
        self.resumes: Stream | None = None
        self.written = b""
        self.ended = ""

    @property
    def local(self) -> tuple[str, int]:
        return self._local

    async def read(self, limit: int = 65536, /) -> bytes:
        while True:
            self._take_expected()
            match self._steps[0] if self._steps else Hang():
                case Send(data, chunk):
                    piece = data[: min(limit, chunk)]
                    rest = data[len(piece) :]
                    self._steps[:1] = [Send(rest, chunk)] if rest else []
                    if piece:
                        self._trace.received(piece)
                        return piece
                case Wait(seconds):
                    sleep = Sleep(seconds)
                    try:
                        await sleep
                    finally:
                        left = seconds - sleep.passed
                        self._steps[:1] = [Wait(left)] if left > 0 else []
                case Close():
                    self._trace.ended()
                    return b""
                case Reset():
                    raise faults.later(errno.ECONNRESET)
                case Hang():
                    await Sleep(inf)
                case Expect(data) | Until(data):
                    raise ScriptError(f"the probe reads, but the peer still waits for {data!r}; got {self._pending!r}")
                case UntilEnd() | Secure() | Staple() as step:
                    raise ScriptError(f"the probe reads, but the peer waits for {step}")

    async def start_tls(
        self, profile: TlsProfile, sni: str | None = None, /, *, resume: Stream | None = None
    ) -> TlsSession:
        self.resumes = resume
        self._trace.securing()
        while True:
            match self._steps[0] if self._steps else Hang():
                case Secure(result):
                    del self._steps[0]
                    self.secured.append((profile, sni))
                    if not isinstance(result, TlsSession):
                        raise result
                    self._trace.secured()
                    return result
                case Wait(seconds):
                    await Sleep(seconds)
                    del self._steps[0]
                case Hang():
                    await Sleep(inf)
                case step:
                    raise ScriptError(f"the probe starts TLS, but the peer's next step is {step}")

    async def see_staple(self, profile: TlsProfile, sni: str | None = None, /) -> Stapled:
        self.secured.append((profile, sni))
        match self._steps.pop(0) if self._steps else Hang():
            case Staple(Stapled() as result):
                return result
            case Staple(ProbeFailed() as error):
                raise error
            case Hang():
                await Sleep(inf)
        raise ScriptError("the probe asks for a stapled answer, but the peer does not expect that")

    async def finish(self) -> None:
        self._finished = True
        self._take_expected()

    async def write(self, data: bytes, /) -> None:
        if self._steps and isinstance(self._steps[0], Reset):
            raise faults.later(errno.ECONNRESET)
        self._trace.sent(data)
        self.written += data
        self._pending += data
        self._take_expected()

    def due_in(self) -> float:
        """Return the virtual seconds until the peer does the next thing of its own accord."""
        self._take_expected()
        match self._steps[0] if self._steps else Hang():
            case Wait(seconds):
                return seconds
            case Hang() | Expect() | Until() | UntilEnd() | Secure() | Staple():
                return inf
            case _:
                return 0

    @property
    def waits(self) -> bool:
        """Whether the peer's next step is a `Wait`."""
        return bool(self._steps) and isinstance(self._steps[0], Wait)

    def can_be_read(self) -> bool:
        """Return whether a read would come back at once."""
        return self.due_in() == 0

    def let_pass(self, seconds: float) -> None:
        """Let virtual time go by for the peer."""
        if self._steps and isinstance(step := self._steps[0], Wait):
            left = step.seconds - seconds
            self._steps[:1] = [Wait(left)] if left > 0 else []

    def _take_expected(self) -> None:
        """Go past the steps that what was written has satisfied."""
        while self._steps:
            match self._steps[0]:
                case Expect(data):
                    common = min(len(data), len(self._pending))
                    if self._pending[:common] != data[:common]:
                        raise ScriptError(f"the peer wanted {data!r} and got {bytes(self._pending)!r}")
                    if common < len(data):
                        return
                    del self._pending[: len(data)]
                case Until(data):
                    found = self._pending.find(data)
                    if found < 0:
                        return
                    del self._pending[: found + len(data)]
                case UntilEnd():
                    if not self._finished:
                        return
                case _:
                    return
            del self._steps[0]

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = self.ended or "reset"
