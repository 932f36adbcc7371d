"""udp: the port is not closed; optionally it answers what is expected (RFC 768, RFC 1122 section 4.1.3.3)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed
from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Duration, Hexadecimal, Pattern, Text
from lvsmon.net.base import Datagram
from lvsmon.probes.base import Context, passed
from lvsmon.probes.talk import refuse_vacuous, shown

_MAX_RETRIES: Final = 10
_MAX_DATA: Final = 1232
"""Bytes that pass every network in one datagram (1280, the least of IPv6, without its headers)."""

_SHARE: Final = 0.8
"""Share of what is left of the run for which a reply is waited for: silence is no fault where none is required, and a
wrong reply is told as such, however short the timeout."""

_MAX_REPLIES: Final = 64
"""Datagrams looked at: a protocol may say first that it is trying, none says so this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpProbe:
    """Send a datagram; a port that is closed says so, one that must reply replies."""

    kind: ClassVar[str] = "udp"
    transport: ClassVar[str] = "udp"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 262144

    send: Text = b""
    r"""Text of the datagram, with escapes (\r \n \t \0 \xNN \\); empty for an empty datagram."""
    send_hex: Hexadecimal = b""
    """The datagram in hexadecimal; instead of send."""
    expect: Pattern | None = None
    """Regular expression that must match in one datagram of the reply."""
    reply: bool | None = None
    """Whether a reply is required; as set, or else where expect is. Without, only a closed port fails."""
    wait: Duration = 0.5
    """How long to wait for a closed port to say so, where no reply is required; cut where the timeout is nearer."""
    retries: int = 2
    """How often to send again where no reply comes."""
    retransmit: Duration = 1.0
    """How long to wait for a reply before sending again."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        if self.send and self.send_hex:
            raise ValueError("send and send_hex: give one of them")
        if len(self.send or self.send_hex) > _MAX_DATA:
            raise ValueError(f"send: at most {_MAX_DATA} bytes fit into a datagram on every network")
        refuse_vacuous("expect", self.expect)
        if self.wait <= 0 or self.retransmit <= 0:
            raise ValueError('wait, retransmit: write a time longer than nothing, such as "1s"')
        if not 0 <= self.retries <= _MAX_RETRIES:
            raise ValueError(f"retries: write a number from 0 to {_MAX_RETRIES}")

    @property
    def comparable(self) -> str | None:
        """The fact that should be the same on all realservers."""
        return "reply" if self._required else None

    @property
    def _required(self) -> bool:
        return self.expect is not None if self.reply is None else self.reply

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        datagram = await ctx.net.datagram(target.address, target.port)
        data = self.send or self.send_hex
        await datagram.send(data)
        ear = _Ear(datagram, self.expect)
        if not self._required:
            reply = await ctx.net.within(_at_most(self.wait, ctx), ear.hear())
            if reply is None:
                ear.complain()
                return passed("no reply, and none is required; the port is not said to be closed", {"replied": False})
        else:
            reply = await self._insist(ctx, datagram, ear, data)
        datagram.close()
        return passed(f"it replied {shown(reply, 80)!r}", {"replied": True, "reply": shown(reply)})

    async def _insist(self, ctx: Context, datagram: Datagram, ear: "_Ear", data: bytes) -> bytes:
        """Send until there is a reply, then wait for it to the end of the run."""
        for _ in range(self.retries):
            reply = await ctx.net.within(_at_most(self.retransmit, ctx), ear.hear())
            if reply is not None:
                return reply
            ear.complain()
            await datagram.send(data)
        reply = await ctx.net.within(_at_most(self.retransmit, ctx), ear.hear())
        if reply is not None:
            return reply
        ear.complain()
        return await ear.hear(patient=False)


def _at_most(seconds: float, ctx: Context) -> float:
    return min(seconds, _SHARE * (ctx.deadline.at - ctx.clock.monotonic()))


class _Ear:
    """Listens for a datagram that matches."""

    def __init__(self, datagram: Datagram, expect: Pattern | None) -> None:
        self._datagram = datagram
        self._expect = expect
        self._other: bytes | None = None
        self._count = 0

    async def hear(self, *, patient: bool = True) -> bytes:
        """Return the datagram that matches; one that does not is complained of at once if not ``patient``."""
        while True:
            data = await self._datagram.receive()
            if self._expect is None or self._expect.search(data):
                return data
            self._other = data if self._other is None else self._other
            self._count += 1
            if not patient or self._count >= _MAX_REPLIES:
                self.complain()

    def complain(self) -> None:
        """Raise `ExpectationFailed` where something came that does not match."""
        if self._other is not None:
            more = f" (nor in {self._count - 1} more)" if self._count > 1 else ""
            raise ExpectationFailed(f"expect does not match in the reply {shown(self._other, 80)!r}{more}")
