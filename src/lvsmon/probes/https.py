"""https: what http does, over TLS, with the certificate judged as kind tls does (RFC 9110 section 4.2.2)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed
from lvsmon.model import Outcome, Target
from lvsmon.net.base import Stream
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.base import Context
from lvsmon.probes.certificate_facts import tls_facts
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.secure import MEMORY, TlsSettings, open_tls

_ALPN: Final = {"1.0": ("http/1.1",), "1.1": ("http/1.1",), "2": ("h2", "http/1.1")}
"""What is offered. For HTTP/2 the older version too, as clients do: so a server without it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsProbe(TlsSettings, HttpProbe):
    """Request one path, or several, over TLS; the certificate, the statuses, headers and bodies decide."""

    kind: ClassVar[str] = "https"
    default_port: ClassVar[int] = 443
    scheme: ClassVar[str] = "https"

    def __post_init__(self) -> None:
        """Raise ValueError as http and as TLS do."""
        HttpProbe.__post_init__(self)
        TlsSettings.__post_init__(self)

    @property
    def uses_hostname(self) -> bool:
        return self.host is None or self.tls_uses_hostname

    @property
    def memory_bound(self) -> int:
        # super() does not work in a dataclass with slots: the class is made anew.
        without: int = HttpProbe.memory_bound.__get__(self)
        return without + MEMORY

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        sessions: list[TlsSession] = []

        async def connect() -> Stream:
            stream, session = await open_tls(self, target, ctx, alpn=_ALPN[self.version])
            if self.version == "2" and session.alpn != "h2":
                raise _without_http2(session)
            sessions.append(session)
            return stream

        return self.graded(await self.exchange(connect, target, ctx), sessions[-1])


def _without_http2(session: TlsSession) -> ExpectationFailed:
    chosen = "nothing" if session.alpn is None else session.alpn
    return ExpectationFailed(
        f"the realserver does not speak HTTP/2: offered h2 and http/1.1 by ALPN it chose {chosen}",
        facts=tls_facts(session),
    )
