"""The serial that a zone should have, by its primaries."""

from dataclasses import dataclass

import dns.flags
import dns.rcode

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.model import Reason
from lvsmon.probes.base import Context
from lvsmon.probes.dns_answer import soa_serial
from lvsmon.probes.dns_exchange import OwnClock, Question, ask
from lvsmon.probes.reference import Reference, Server, Unknown
from lvsmon.wire.serials import newest


@dataclass(frozen=True, slots=True)
class Known:
    """The newest serial of the primaries, and which of them has it."""

    serial: int
    primary: Server


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone's primaries and what they are asked."""

    primaries: tuple[Server, ...]
    question: Question

    async def serial(self, ctx: Context, since: float, started: float) -> tuple[Known, float]:
        """Return the newest serial that any primary has, and when it was asked for: at ``since`` or later.

        ``started`` is when this run began. Raise `LocalFault` where no primary gives a serial.
        """
        who = "the zone's primary " + ", ".join(map(str, self.primaries))

        async def ask_all(patience: float) -> Known | Unknown:
            return await self._ask_all(ctx, patience / len(self.primaries))

        return await Reference(self, who, started).ask(ctx, since, ask_all)

    async def _ask_all(self, ctx: Context, patience: float) -> Known | Unknown:
        """Ask one primary after the other, each for ``patience`` seconds at most."""
        known: dict[int, Server] = {}
        complaints = []
        for primary in self.primaries:
            try:
                serial = await ctx.net.within(patience, self._ask_one(ctx, primary))
            except (ProbeFailed, LocalFault) as error:
                complaints.append(f"primary {primary}: {error}")
                continue
            if serial is None:
                complaints.append(f"primary {primary}: no answer within {patience:.1f} s")
            else:
                known.setdefault(serial, primary)
        if not known:
            return Unknown("; ".join(complaints))
        serial = newest(list(known))
        return Known(serial, known[serial])

    async def _ask_one(self, ctx: Context, primary: Server) -> int:
        """Return the serial of a primary that answers with authority; raise `ProbeFailed` or `LocalFault`."""
        try:
            message = (await ask(ctx.net, primary, self.question)).message
        except OwnClock as error:
            raise LocalFault(str(error), Reason.REFERENCE) from error
        if message.rcode() != dns.rcode.NOERROR:
            raise ProbeFailed(f"it answers {dns.rcode.to_text(message.rcode())}", Reason.REJECTED)
        if not message.flags & dns.flags.AA:
            raise ProbeFailed("it has no authority for the zone (no AA bit)", Reason.EXPECTATION)
        return soa_serial(message, self.question.name)
