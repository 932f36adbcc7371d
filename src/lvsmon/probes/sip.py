"""sip: a proxy, registrar or user agent that answers OPTIONS (RFC 3261 section 11), over UDP, TCP or TLS."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Duration
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.datagrams import insist
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.statuses import FinalStatuses
from lvsmon.probes.talk import as_clients_say, next_event, shown
from lvsmon.wire import sip
from lvsmon.wire.messages import MessageReader
from lvsmon.wire.sip import Options, Response

_OK: Final = FinalStatuses(((200, 200),))
_T2: Final = 4.0
"""Seconds between two sendings at most (RFC 3261 section 17.1.2.2)."""

_MAX_OTHERS: Final = 64
"""Responses before the one that counts, on one connection: a proxy says 100 once, one on its way 180 now and then."""

_MAX_FORWARDS: Final = 255
_URI: Final = re.compile(r"sips?:[!#-;=?-_a-z~\[\]]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_AUTHENTICATION: Final = frozenset({401, 407})


@dataclass(frozen=True, slots=True, kw_only=True)
class SipProbe(OptionalTls):
    """Ask for its OPTIONS; the final response's status decides."""

    kind: ClassVar[str] = "sip"
    transport: ClassVar[str] = "any"
    needs_hostname: ClassVar[bool] = False

    over: Literal["udp", "tcp"] | None = None
    """What SIP is spoken over; if not given, udp, or tcp where it is spoken in TLS."""
    uri: str | None = None
    """Request-URI and To; if not given, sip: and the hostname or VIP of the virtual service, with an unusual port."""
    from_uri: str | None = None
    """Who asks, as From says; if not given, "sip:lvsmon@" and the director's own address."""
    status: FinalStatuses = _OK
    """Final statuses that pass: 200, "200-299", or a list of both."""
    max_forwards: int = 70
    """How many proxies may pass the request on; 0 keeps it at the realserver, which some then answer with 483."""
    user_agent: str = "lvsmon"
    """User-Agent header; "" to send none."""
    retransmit: Duration = 0.5
    """Over UDP, how long to wait before sending again (T1); the wait then doubles, to 4 seconds."""
    tls: Literal["none", "implicit"] = "none"
    """"implicit": TLS from the first byte, with the settings of kind tls."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or that no request can carry."""
        OptionalTls.__post_init__(self)
        if self.speaks_tls and self.over == "udp":
            raise ValueError('over: TLS is spoken over "tcp": leave over out, or tls')
        for setting, uri in (("uri", self.uri), ("from_uri", self.from_uri)):
            if uri is not None and not _URI.fullmatch(uri):
                raise ValueError(f'{setting}: write a SIP URI, such as "sip:sip.example.org", not {uri!r}')
        if _CONTROL.search(self.user_agent):
            raise ValueError(f"user_agent: no control characters, such as line ends, can be sent: {self.user_agent!r}")
        if not 0 <= self.max_forwards <= _MAX_FORWARDS:
            raise ValueError(f"max_forwards: write a number from 0 to {_MAX_FORWARDS}")
        if self.retransmit <= 0:
            raise ValueError('retransmit: write a time longer than nothing, such as "500ms"')

    @property
    def default_port(self) -> int:
        return 5061 if self.speaks_tls else 5060

    @property
    def uses_hostname(self) -> bool:
        return self.uri is None or (self.speaks_tls and self.tls_uses_hostname)

    @property
    def memory_bound(self) -> int:
        return 524288 + self.tls_memory

    @property
    def _over(self) -> str:
        return self.over or ("tcp" if self.speaks_tls else "udp")

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        if self._over == "udp":
            return self._judge(await self._over_udp(target, ctx))
        stream, session = await self.open(target, ctx)
        return self.graded(await self._exchange(stream, target, ctx), session)

    async def _over_udp(self, target: Target, ctx: Context) -> Response:
        datagram = await ctx.net.datagram(target.address, target.port)
        options = self.options(target, datagram.local)
        heard = _Heard(options, ctx)
        response = await insist(ctx, datagram, options.request(), heard.read, heard.waits(self.retransmit))
        datagram.close()
        return response

    async def _exchange(self, stream: Stream, target: Target, ctx: Context) -> Outcome:
        options = self.options(target, stream.local)
        await stream.write(options.request())
        reader = MessageReader(sip.DIALECT)
        heard = _Heard(options, ctx)
        for _ in range(_MAX_OTHERS):
            response = sip.read(await next_event(stream, reader))
            if heard.is_last(response):
                stream.close()
                return self._judge(response)
        raise ProtocolViolation(f"{_MAX_OTHERS} responses, and none is a final one")

    def options(self, target: Target, local: tuple[str, int]) -> Options:
        """Return a request that no other is like."""
        host = f"[{local[0]}]" if ":" in local[0] else local[0]
        return Options(
            uri=self.uri or f"sip:{as_clients_say(target, self.default_port)}",
            sender=self.from_uri or f"sip:lvsmon@{host}",
            local=local,
            over="TLS" if self.speaks_tls else self._over.upper(),
            branch=sip.COOKIE + secrets.token_hex(12),
            tag=secrets.token_hex(8),
            call_id=secrets.token_hex(16),
            sequence=1,
            max_forwards=self.max_forwards,
            user_agent=self.user_agent,
        )

    def _judge(self, response: Response) -> Outcome:
        facts: dict[str, FactValue] = {"status": response.status}
        for fact, field in (("server", b"server"), ("user_agent", b"user-agent"), ("allow", b"allow")):
            if (said := response.message.get(field)) is not None:
                facts[fact] = shown(said)
        detail = f"{response.status} {shown(response.reason, 60)}".rstrip()
        if response.status in self.status:
            return passed(detail, facts)
        detail = f"status {detail}, wanted {self.status}"
        if 300 <= response.status < 400 and (contact := response.message.get(b"contact")) is not None:
            detail += f"; it redirects to {shown(contact, 120)}"
        if (seconds := response.message.get(b"retry-after")) is not None:
            detail += f"; it may be asked again after {shown(seconds, 40)} s"
        if (warning := response.message.get(b"warning")) is not None:
            detail += f"; it warns: {shown(warning, 120)}"
        if response.status < 400:
            raise ExpectationFailed(detail, facts=facts)
        reason = Reason.AUTHENTICATION if response.status in _AUTHENTICATION else Reason.REJECTED
        raise Rejected(detail, reason, facts)


class _Heard:
    """What has come of the responses to one request."""

    def __init__(self, options: Options, ctx: Context) -> None:
        self._options = options
        self._ctx = ctx
        self._provisional = False

    def is_last(self, response: Response) -> bool:
        """Say whether ``response`` is the final one; raise `ProtocolViolation` where it is another request's."""
        if not self._options.is_answered_by(response):
            raise ProtocolViolation("a response to another request than ours (by its Via's branch, or its CSeq)")
        if not response.final:
            self._provisional = True
            said = f"{response.status} {shown(response.reason, 60)}".rstrip()
            self._ctx.net.awaiting(f"the final response, after {said}")
        return response.final

    def read(self, data: bytes) -> Response | None:
        """Return the final response in a datagram; None for a provisional one and for keep-alives."""
        if not data.strip(b"\r\n\0"):
            return None
        response = sip.read_datagram(data)
        return response if self.is_last(response) else None

    def waits(self, first: float) -> Iterator[float]:
        """Yield how long to listen before each sending: timer E (section 17.1.2.2)."""
        wait = first
        while True:
            yield wait
            wait = _T2 if self._provisional else min(2 * wait, max(_T2, first))
