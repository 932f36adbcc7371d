"""tls: a handshake, and the certificate that clients of the VIP would be shown."""

from dataclasses import dataclass
from typing import ClassVar

from lvsmon.model import Outcome, Target
from lvsmon.probes.base import Context, passed
from lvsmon.probes.secure import MEMORY, TlsSettings, hear_out, open_tls


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProbe(TlsSettings):
    """Do a TLS handshake and judge the certificate; nothing is said within it."""

    kind: ClassVar[str] = "tls"
    default_port: ClassVar[int] = 443
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = MEMORY
    comparable: ClassVar[str] = "certificate_sha256"

    @property
    def uses_hostname(self) -> bool:
        return self.tls_uses_hostname

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream, session = await open_tls(self, target, ctx)
        await hear_out(stream, session)
        stream.close()
        return self.graded(passed(f"{session.version} with {session.cipher}"), session)
