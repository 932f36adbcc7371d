"""ping: the host answers ICMP or ICMPv6 echo requests, often enough and soon enough."""

import secrets
from dataclasses import dataclass, field
from typing import ClassVar, Final

from lvsmon.errors import ConnectFailed, LocalFault, ProtocolViolation
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Duration, Size
from lvsmon.net.base import Arrival, Echo
from lvsmon.probes.base import Context, passed
from lvsmon.wire import icmp

_TOKEN: Final = 16
"""Random bytes in every request: an answer that brings them back has seen the request."""

_MAX_COUNT: Final = 100
_MAX_SIZE: Final = 65507
"""Bytes: an IPv4 packet of 65535 without its headers (20 + 8)."""

_MARGIN: Final = 0.05
"""Seconds before the deadline at which counting ends, so that a few answers of many are a result."""


@dataclass(slots=True)
class _Count:
    """What came back: the seconds each answered request took, and what else was seen."""

    ip_version: int
    data: bytes
    sent: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    altered: int = 0
    error: ConnectFailed | None = None

    def take(self, arrival: Arrival) -> None:
        """Count an answer; a second one to the same request counts for nothing."""
        try:
            reply = icmp.parse_reply(self.ip_version, arrival.message)
        except ProtocolViolation:
            self.altered += 1
            return
        if reply.data != self.data or reply.sequence not in self.sent:
            self.altered += 1
        elif reply.sequence not in self.answered:
            self.answered[reply.sequence] = max(0.0, arrival.at - self.sent[reply.sequence])

    @property
    def lost(self) -> int:
        """Percent of the requests without an answer, never rounded up to 100."""
        return (len(self.sent) - len(self.answered)) * 100 // len(self.sent)

    @property
    def average(self) -> float:
        """Seconds; 0 where nothing was answered."""
        return sum(self.answered.values()) / len(self.answered) if self.answered else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PingProbe:
    """Send echo requests and count the answers; the port plays no part."""

    kind: ClassVar[str] = "ping"
    only_rip: ClassVar[bool] = True
    transport: ClassVar[str] = "any"
    uses_port: ClassVar[bool] = False
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 4 * 65536

    count: int = 3
    """Echo requests of one run. Where no other limit is set the first answer ends it, so the others are only spares."""
    spacing: Duration = 0.2
    """Time from one request to the next."""
    wait: Duration = 1.0
    """How long the answer to the last request is waited for."""
    size: Size = 56
    """Bytes of data in each request; packets are 28 bytes longer with IPv4, 48 with IPv6."""
    fail_loss: int = 100
    """The probe fails where so many percent of the requests, or more, get no answer."""
    warn_loss: int | None = None
    """The probe warns where so many percent of the requests, or more, get no answer."""
    fail_rtt: Duration | None = None
    """The probe fails where answers take longer than this on average."""
    warn_rtt: Duration | None = None
    """The probe warns where answers take longer than this on average."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that decide nothing."""
        if not 1 <= self.count <= _MAX_COUNT:
            raise ValueError(f"count: write a number of requests from 1 to {_MAX_COUNT}")
        if not 0.01 <= self.spacing <= 60:
            raise ValueError('spacing: write a duration from "10ms" to "1m"')
        if not 0 < self.wait <= 60:
            raise ValueError('wait: write a duration of at most "1m"')
        if not _TOKEN <= self.size <= _MAX_SIZE:
            raise ValueError(f'size: write a size from "{_TOKEN}B" to "{_MAX_SIZE}B"')
        for name, percent in (("fail_loss", self.fail_loss), ("warn_loss", self.warn_loss)):
            if percent is not None and not 1 <= percent <= 100:
                raise ValueError(f"{name}: write a share from 1 to 100 (percent): 0 is reached where nothing is lost")
        for name, seconds in (("fail_rtt", self.fail_rtt), ("warn_rtt", self.warn_rtt)):
            if seconds is not None and seconds <= 0:
                raise ValueError(f"{name}: every answer takes longer than that, so the limit would always be passed")
        if self.warn_loss is not None and self.warn_loss >= self.fail_loss:
            raise ValueError("warn_loss: it must be less than fail_loss, or the probe fails before it can warn")
        if self.warn_rtt is not None and self.fail_rtt is not None and self.warn_rtt >= self.fail_rtt:
            raise ValueError("warn_rtt: it must be less than fail_rtt, or the probe fails before it can warn")

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        needed = (self.count - 1) * self.spacing + _MARGIN
        left = ctx.deadline.at - ctx.clock.monotonic()
        if needed >= left:
            raise LocalFault(
                f"{self.count} requests every {self.spacing:g} s do not fit into the run's timeout: raise it"
            )
        token = secrets.token_bytes(_TOKEN)
        data = (token * (self.size // _TOKEN + 1))[: self.size]
        echo = await ctx.net.echo(target.address)
        seen = _Count(6 if ":" in target.address else 4, data)
        for sequence in range(1, self.count + 1):
            seen.sent[sequence] = ctx.clock.monotonic()
            await echo.send(icmp.pack_request(seen.ip_version, sequence, data))
            last = sequence == self.count
            until = seen.sent[sequence] + (min(self.wait, left - needed) if last else self.spacing)
            if await self._collect(echo, ctx, seen, until):
                break
        return self._judge(seen)

    async def _collect(self, echo: Echo, ctx: Context, seen: _Count, until: float) -> bool:
        """Take answers until that time; return whether there is nothing left to wait for."""
        while not self._decided(seen):
            left = until - ctx.clock.monotonic()
            try:
                arrival = await ctx.net.within(max(left, 0.0), echo.receive())
            except ConnectFailed as error:
                seen.error = error
                continue
            if arrival is None:
                return False
            seen.take(arrival)
        return True

    def _decided(self, seen: _Count) -> bool:
        if len(seen.answered) == self.count:
            return True
        only_an_answer = self.fail_loss == 100 and self.warn_loss is self.warn_rtt is self.fail_rtt is None
        return only_an_answer and bool(seen.answered)

    def _judge(self, seen: _Count) -> Outcome:
        facts: dict[str, FactValue] = {"sent": len(seen.sent), "answered": len(seen.answered), "loss": seen.lost}
        if seen.altered:
            facts["altered"] = seen.altered
        if seen.answered:
            facts["rtt"] = seen.average
            facts["rtt_max"] = max(seen.answered.values())
        said = f"{len(seen.answered)} of {len(seen.sent)} echo requests answered"
        if seen.answered:
            said += f", {seen.average * 1000:.3g} ms on average"
        if seen.error is not None:
            said += f"; {seen.error}"
        if seen.altered:
            said += f"; {seen.altered} answers were not what was sent"
        if seen.lost >= self.fail_loss:
            return Outcome(verdict=Verdict.FAIL, reason=_loss_reason(seen), detail=said, facts=facts)
        if self.fail_rtt is not None and seen.average > self.fail_rtt:
            limit = f"{said}, more than {self.fail_rtt * 1000:g} ms"
            return Outcome(verdict=Verdict.FAIL, reason=Reason.EXPECTATION, detail=limit, facts=facts)
        if self.warn_loss is not None and seen.lost >= self.warn_loss:
            return Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=said, facts=facts)
        if self.warn_rtt is not None and seen.average > self.warn_rtt:
            limit = f"{said}, more than {self.warn_rtt * 1000:g} ms"
            return Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=limit, facts=facts)
        return passed(said, facts)


def _loss_reason(seen: _Count) -> Reason:
    if seen.answered:
        return Reason.EXPECTATION
    if seen.error is not None:
        return seen.error.reason
    return Reason.PROTOCOL if seen.altered else Reason.DEADLINE
