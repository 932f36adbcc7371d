"""ntp: a time server that is synchronised, near enough to the source of its time, and right (RFC 5905)."""

import secrets
from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed, LocalFault, ProbeFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Duration, format_duration
from lvsmon.probes.base import Context, passed
from lvsmon.probes.clocks import differ
from lvsmon.probes.reference import Reference, Server, Unknown
from lvsmon.wire import ntp

_MAX_RETRIES: Final = 10

_MAX_DISTANCE: Final = 16.0
"""Seconds: a server that is farther from its source counts as not synchronised (MAXDISP)."""

_IMPOSSIBLE: Final = -0.1
"""Seconds of round trip: a server cannot have worked longer than we have waited; less is a clock being slewed."""

_KISSES: Final = {
    "DENY": "it denies the director access",
    "RSTR": "it denies the director access by policy",
    "INIT": "it has only just started and has no time yet",
    "STEP": "its clock was just stepped and it has no time yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpProbe:
    """Ask for the time; hold the answer, and the server's own account of it, against limits."""

    kind: ClassVar[str] = "ntp"
    default_port: ClassVar[int] = 123
    transport: ClassVar[str] = "udp"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 262144

    max_stratum: int = 15
    """Highest stratum that passes; 1 is a server with a clock of its own."""
    max_offset: Duration = 1.0
    """How far the time may be off the reference's, or the director's own; 0s to leave it out."""
    max_root_distance: Duration = 1.5
    """By how much the server may be wrong by its own account (half its root delay, and its root dispersion)."""
    reference: str = ""
    """Address of a time server, with :port where it is not 123, that is right; without, the director's clock is."""
    trust_director: bool = False
    """Hold the time against the director's own clock even while its kernel says that nothing keeps it right."""
    retries: int = 2
    """How often to ask again where nothing comes."""
    retransmit: Duration = 1.0
    """How long to wait for an answer before asking again."""

    def __post_init__(self) -> None:
        """Raise ValueError for limits that nothing or everything meets."""
        if not 1 <= self.max_stratum < ntp.UNSYNCHRONISED:
            raise ValueError("max_stratum: write a number from 1 to 15; 16 is a server that has no time")
        if not 0 < self.max_root_distance <= _MAX_DISTANCE:
            raise ValueError('max_root_distance: write a time up to "16s"; beyond it a server has no time')
        if not 0 <= self.retries <= _MAX_RETRIES:
            raise ValueError(f"retries: write a number from 0 to {_MAX_RETRIES}")
        if self.retransmit <= 0:
            raise ValueError('retransmit: write a time longer than nothing, such as "1s"')
        if self.reference:
            Server.read("reference", self.reference, 123)
            if not self.max_offset:
                raise ValueError("reference is what max_offset compares with: leave out one or give both")

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        started = ctx.clock.monotonic()
        seen = await self._measure(ctx, Server(target.address, target.port))
        self._judge(seen.answer)
        facts = seen.facts()
        if not self.max_offset:
            return passed(f"stratum {seen.answer.stratum}", facts)
        if self.reference:
            seen = await self._compare(ctx, seen, started)
            facts["offset"] = round(seen.offset, 6)
        return self._judge_offset(ctx, seen, facts)

    async def _measure(self, ctx: Context, server: Server) -> "_Seen":
        """Return the answer of ``server``; asks again, then waits to the end of the run."""
        datagram = await ctx.net.datagram(server.address, server.port)
        asked: dict[int, tuple[float, float]] = {}

        async def hear() -> _Seen:
            while True:
                data = await datagram.receive()
                heard = ctx.clock.monotonic()
                cookie = ntp.cookie(data)
                if cookie in asked:
                    utc, monotonic = asked[cookie]
                    return _Seen.of(ntp.read(data), utc, monotonic, heard)
                ctx.net.awaiting("an answer: what came does not repeat the time stamp of a question, late or forged")

        for last in [False] * self.retries + [True]:
            cookie = secrets.randbits(64)
            asked[cookie] = (ctx.clock.utc(), ctx.clock.monotonic())
            await datagram.send(ntp.request(cookie))
            seen = await hear() if last else await ctx.net.within(self.retransmit, hear())
            if seen is not None:
                break
        datagram.close()
        assert seen is not None  # noqa: S101  the last wait has no end but an answer
        return seen

    def _judge(self, answer: ntp.Answer) -> None:
        """Raise where the server has no time to give, or is not near enough to where it has it from."""
        if answer.kiss == "RATE":
            raise LocalFault("it asks the director to ask less often (RATE): raise the probe's interval")
        if answer.kiss in _KISSES:
            raise Rejected(f"{_KISSES[answer.kiss]} (kiss code {answer.kiss})")
        if answer.leap == ntp.ALARM or not 1 <= answer.stratum < ntp.UNSYNCHRONISED:
            code = f", code {answer.kiss}" if answer.kiss else ""
            raise ExpectationFailed(
                f"its clock is not synchronised (leap indicator {answer.leap}, stratum {answer.stratum}{code})"
            )
        if not answer.received or not answer.sent:
            raise ProtocolViolation("its answer does not say what time it is")
        if answer.reference and ntp.seconds_between(answer.reference, answer.sent) < 0:
            raise ProtocolViolation("it was set, by its own account, at a time that is still to come")
        if answer.stratum > self.max_stratum:
            raise ExpectationFailed(f"stratum {answer.stratum} is above {self.max_stratum}")
        if answer.root_distance > self.max_root_distance:
            raise ExpectationFailed(
                f"it may be off by {answer.root_distance:.3f} s by its own account,"
                f" {format_duration(self.max_root_distance)} are allowed"
            )

    async def _compare(self, ctx: Context, seen: "_Seen", started: float) -> "_Seen":
        """Return ``seen`` with its offset to the reference; raise `LocalFault` where that gives no time."""
        server = Server.read("reference", self.reference, 123)

        async def ask(patience: float) -> _Seen | Unknown:
            try:
                found = await ctx.net.within(patience, self._measure(ctx, server))
                if found is not None:
                    self._judge(found.answer)
                    return found
            except (ProbeFailed, LocalFault) as error:
                return Unknown(f"the reference {server}: {error}")
            return Unknown(f"the reference {server}: no answer within {patience:.1f} s")

        # Limits and retransmissions decide what the reference is good for, so they are part of what is shared.
        reference = Reference(self, f"the reference {server}", started)
        other, _ = await reference.ask(ctx, ctx.clock.monotonic() - ctx.interval, ask)
        return seen.against(other)

    def _judge_offset(self, ctx: Context, seen: "_Seen", facts: dict[str, FactValue]) -> Outcome:
        whose = "the reference" if self.reference else "the director"
        detail = f"stratum {seen.answer.stratum}, {abs(seen.offset):.6f} s {seen.side} {whose}"
        facts["error"] = round(seen.error, 6)
        if abs(seen.offset) <= self.max_offset:
            return passed(detail, facts)
        detail += f", {format_duration(self.max_offset)} allowed"
        if abs(seen.offset) <= self.max_offset + seen.error:
            detail += f"; but measured only to {seen.error:.3f} s"
            return Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=detail, facts=facts)
        if self.reference or self.trust_director:
            raise ExpectationFailed(detail)
        raise differ(ctx.clock, detail, Reason.EXPECTATION, abs(seen.offset))


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer and what it says about a clock, in seconds.

    ``ahead`` is the server's time less our monotonic clock's: two servers are compared by it, whatever is done to the
    director's own time in between.
    """

    answer: ntp.Answer
    offset: float
    error: float
    ahead: float

    @classmethod
    def of(cls, answer: ntp.Answer, utc: float, asked: float, heard: float) -> "_Seen":
        """Return what ``answer`` means, asked for at ``utc``; the wait is measured by the monotonic clock."""
        offset, trip = answer.offset(ntp.timestamp(utc), ntp.timestamp(utc + heard - asked))
        if trip < _IMPOSSIBLE:
            raise ProtocolViolation(f"it says that it worked {-trip:.3f} s longer than the answer took")
        return cls(answer, offset, max(trip, 0.0) / 2, utc - asked + offset)

    def against(self, other: "_Seen") -> "_Seen":
        return _Seen(self.answer, self.ahead - other.ahead, self.error + other.error, self.ahead)

    @property
    def side(self) -> str:
        return "ahead of" if self.offset >= 0 else "behind"

    def facts(self) -> dict[str, FactValue]:
        return {
            "stratum": self.answer.stratum,
            "source": self.answer.source,
            "leap": self.answer.leap,
            "version": self.answer.version,
            "offset": round(self.offset, 6),
            "round_trip": round(2 * self.error, 6),
            "root_delay": round(self.answer.root_delay, 6),
            "root_dispersion": round(self.answer.root_dispersion, 6),
        }
