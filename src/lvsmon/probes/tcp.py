"""tcp: the port accepts connections; optionally it answers what is expected."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, PeerClosed
from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Hexadecimal, Pattern, Size, Text
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.talk import READ, refuse_vacuous, shown

_MAX_MAX_READ: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """Connect; optionally send something and expect something."""

    kind: ClassVar[str] = "tcp"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False

    send: Text = b""
    r"""Text to send once connected, with escapes (\r \n \t \0 \xNN \\)."""
    send_hex: Hexadecimal = b""
    """Bytes to send once connected, in hexadecimal; instead of send."""
    expect: Pattern | None = None
    """Regular expression that must match in what the realserver sends; searched anew whenever more has come."""
    max_read: Size = 16384
    """Bytes within which expect must match."""
    close: Literal["graceful", "reset"] = "graceful"
    """How to end: graceful (FIN), or reset (RST), which leaves no TIME_WAIT on the director but fills some logs."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        if self.send and self.send_hex:
            raise ValueError("send and send_hex: give one of them")
        if not 1 <= self.max_read <= _MAX_MAX_READ:
            raise ValueError("max_read: write a size from 1B to 1MiB")
        refuse_vacuous("expect", self.expect)

    @property
    def memory_bound(self) -> int:
        return 65536 + 3 * self.max_read

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        if self.send or self.send_hex:
            await stream.write(self.send or self.send_hex)
        outcome = passed("connected")
        if self.expect is not None:
            seen = await self._read_until(stream, self.expect)
            outcome = passed(f"connected, and it said {shown(seen, 80)!r}", {"banner": shown(seen)})
        if self.close == "reset":
            stream.abort()
        else:
            stream.close()
        return outcome

    async def _read_until(self, stream: Stream, expect: Pattern) -> bytes:
        """Return what came up to the first match of ``expect``."""
        seen = bytearray()
        while len(seen) < self.max_read:
            data = await stream.read(min(READ, self.max_read - len(seen)))
            if not data:
                said = f"after {shown(seen, 80)!r}" if seen else "without a word"
                raise PeerClosed(f"the realserver closed the connection {said}, expect did not match")
            seen += data
            if expect.search(seen):
                return bytes(seen)
        raise ExpectationFailed(
            f"expect did not match in the first {self.max_read} bytes, which begin with {shown(seen, 80)!r}"
        )
