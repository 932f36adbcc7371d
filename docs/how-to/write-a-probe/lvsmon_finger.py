"""finger: ask who is there, and hold the answer against what is expected (RFC 1288)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed, PeerClosed
from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Pattern, Size
from lvsmon.probes.base import Context, passed
from lvsmon.probes.talk import READ, refuse_vacuous, shown

_MOST: Final = 1 << 20  # bytes: an answer is for people to read


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerProbe:
    """Ask a finger server for a user, or for everybody; the answer decides."""

    kind: ClassVar[str] = "finger"
    default_port: ClassVar[int] = 79
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False

    user: str = ""
    """Whom to ask for; everybody who is logged in, where it is not given."""
    expect: Pattern | None = None
    """Regular expression that must match in the answer."""
    max_read: Size = 16384
    """Bytes of the answer that are read."""

    def __post_init__(self) -> None:
        """Raise ValueError, in words for users, for settings that no request can carry or that decide nothing."""
        if not self.user.isprintable():
            raise ValueError("user: no control characters, such as line ends, can be sent")
        if not 1 <= self.max_read <= _MOST:
            raise ValueError("max_read: write a size from 1B to 1MiB")
        refuse_vacuous("expect", self.expect)

    @property
    def memory_bound(self) -> int:
        return 65536 + 3 * self.max_read

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        await stream.write(self.user.encode() + b"\r\n")
        seen = bytearray()
        while len(seen) < self.max_read and (data := await stream.read(min(READ, self.max_read - len(seen)))):
            seen += data
        if not seen:
            raise PeerClosed("the realserver closed the connection without a word")
        if self.expect is not None and not self.expect.search(seen):
            raise ExpectationFailed(f"expect does not match in the answer, which begins with {shown(seen, 80)!r}")
        stream.close()
        return passed(f"{len(seen)} bytes", {"answer": shown(seen)})
