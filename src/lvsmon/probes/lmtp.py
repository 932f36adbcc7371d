"""lmtp: local delivery, as SMTP but for LHLO (RFC 2033)."""

from dataclasses import dataclass
from typing import ClassVar

from lvsmon.probes.smtp_dialogue import SmtpSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LmtpProbe(SmtpSettings):
    """Wait for the greeting, say LHLO, do TLS, log in and name an envelope if so set, and QUIT."""

    kind: ClassVar[str] = "lmtp"
    comparable: ClassVar[str] = "banner"
    default_port: ClassVar[int] = 24

    @property
    def hellos(self) -> tuple[str, ...]:
        return ("LHLO",)
