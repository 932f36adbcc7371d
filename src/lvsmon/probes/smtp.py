"""smtp: a mail server that greets, answers EHLO or HELO and says goodbye (RFC 5321)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from lvsmon.probes.smtp_dialogue import SmtpSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpProbe(SmtpSettings):
    """Wait for the greeting, say EHLO or HELO, do TLS, log in and name an envelope if so set, and QUIT."""

    kind: ClassVar[str] = "smtp"
    comparable: ClassVar[str] = "banner"
    default_port: ClassVar[int] = 25

    command: Literal["EHLO", "HELO"] = "EHLO"
    """EHLO, which falls back to HELO where the server refuses it for good (5xx), as clients do; or HELO alone."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        SmtpSettings.__post_init__(self)
        if self.command == "HELO" and (self.tls == "starttls" or self.extensions or self.auth or self.username):
            raise ValueError("command: after HELO nothing is offered, no TLS, no extension and no login; use EHLO")

    @property
    def hellos(self) -> tuple[str, ...]:
        return ("EHLO", "HELO") if self.command == "EHLO" else ("HELO",)
