"""tcp: the port accepts connections; optionally it answers what is expected."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, PeerClosed
from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Hexadecimal, Pattern, Size, Text
from lvsmon.net.base import Stream
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.base import Context, passed
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.secure import hear_out, open_tls
from lvsmon.probes.steps import Hear, Say, Step, Steps
from lvsmon.probes.talk import READ, refuse_vacuous, shown

_MAX_MAX_READ: Final = 1 << 20
_NO_STEPS: Final = Steps()


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe(OptionalTls):
    """Connect; optionally send something and expect something, in TLS where told."""

    kind: ClassVar[str] = "tcp"
    needs_hostname: ClassVar[bool] = False

    send: Text = b""
    r"""Text to send once connected, with escapes (\r \n \t \0 \xNN \\)."""
    send_hex: Hexadecimal = b""
    """Bytes to send once connected, in hexadecimal; instead of send."""
    expect: Pattern | None = None
    """Regular expression that must match in what the realserver sends; searched anew whenever more has come."""
    steps: Steps = _NO_STEPS
    """A longer dialogue instead of send and expect: tables with one of send, send_hex, expect, or starttls = true."""
    max_read: Size = 16384
    """Bytes within which expect must match, counted anew for each step."""
    tls: Literal["none", "implicit"] = "none"
    """"implicit": TLS from the first byte, with the settings of kind tls; a step may start it later instead."""
    close: Literal["graceful", "reset"] = "graceful"
    """How to end: graceful (FIN), or reset (RST), which leaves no TIME_WAIT on the director but fills some logs."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        if self.send and self.send_hex:
            raise ValueError("send and send_hex: give one of them")
        if not 1 <= self.max_read <= _MAX_MAX_READ:
            raise ValueError("max_read: write a size from 1B to 1MiB")
        refuse_vacuous("expect", self.expect)
        if self.steps.steps and (self.send or self.send_hex or self.expect is not None):
            raise ValueError("steps: write send and expect as steps too, or leave steps out")
        if self.steps.starts_tls > 1 or (self.tls == "implicit" and self.steps.starts_tls):
            raise ValueError("steps: TLS can start only once")
        OptionalTls.__post_init__(self)

    @property
    def comparable(self) -> str | None:
        """The fact that should be the same on all realservers."""
        return "banner" if any(isinstance(step, Hear) for step in self._dialogue.steps) else None

    @property
    def memory_bound(self) -> int:
        return 65536 + 4 * self.max_read + self.tls_memory

    @property
    def ways_to_tls(self) -> str:
        return 'tls = "implicit", or a step with starttls'

    @property
    def speaks_tls(self) -> bool:
        return self.tls == "implicit" or bool(self.steps.starts_tls)

    @property
    def _dialogue(self) -> Steps:
        if self.steps.steps:
            return self.steps
        if not (self.send or self.send_hex or self.expect is not None):
            return _NO_STEPS
        say = (Say(self.send or self.send_hex),) if self.send or self.send_hex else ()
        return Steps((*say, Hear(self.expect))) if self.expect is not None else Steps(say)

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        before, after = self._dialogue.split()
        if not self.speaks_tls:
            stream = await ctx.net.connect(target.address, target.port)
            outcome = _told("connected", await self._talk(stream, before))
        elif self.tls == "implicit":
            stream, session = await open_tls(self, target, ctx)
            outcome = await self._within_tls(stream, session, before)
        else:

            async def prelude(stream: Stream) -> None:
                await self._talk(stream, before)

            stream, session = await open_tls(self, target, ctx, prepare=prelude)
            outcome = await self._within_tls(stream, session, after)
        if self.close == "reset":
            stream.abort()
        else:
            stream.close()
        return outcome

    async def _within_tls(self, stream: Stream, session: TlsSession, steps: tuple[Step, ...]) -> Outcome:
        seen = await self._talk(stream, steps)
        if not any(isinstance(step, Hear) for step in steps):
            await hear_out(stream, session)
        return self.graded(_told(f"connected with {session.version}", seen), session)

    async def _talk(self, stream: Stream, steps: tuple[Step, ...]) -> bytes:
        """Do the steps; return what came up to the last match."""
        rest, last = b"", b""
        for step in steps:
            if isinstance(step, Say):
                await stream.write(step.data)
            elif isinstance(step, Hear):
                last, rest = await self._hear(stream, step.expect, rest)
        return last

    async def _hear(self, stream: Stream, expect: Pattern, seen_before: bytes) -> tuple[bytes, bytes]:
        """Return what came up to the end of the first match of ``expect``, and what came after it."""
        seen = bytearray(seen_before)
        while (found := expect.search(seen)) is None:
            if len(seen) >= self.max_read:
                raise ExpectationFailed(
                    f"{self._what(expect)} did not match in the first {self.max_read} bytes, "
                    f"which begin with {shown(seen, 80)!r}"
                )
            data = await stream.read(min(READ, self.max_read - len(seen)))
            if not data:
                said = f"after {shown(seen, 80)!r}" if seen else "without a word"
                raise PeerClosed(f"the realserver closed the connection {said}, {self._what(expect)} did not match")
            seen += data
        return bytes(seen), bytes(seen[found.end() :])

    def _what(self, expect: Pattern) -> str:
        """Return what to call an expectation: which one it is matters where there are several."""
        return "expect" if expect is self.expect else f"expect {shown(expect.pattern, 60)!r}"


_CONNECTED: Final = passed("connected")


def _told(what: str, seen: bytes) -> Outcome:
    if not seen:
        return _CONNECTED if what == _CONNECTED.detail else passed(what)
    return passed(f"{what}, and it said {shown(seen, 80)!r}", {"banner": shown(seen)})
