"""submission: where people's mail programs hand in mail: TLS, then a login offered (RFC 6409, RFC 8314)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from lvsmon.probes.smtp_dialogue import SmtpSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionProbe(SmtpSettings):
    """Do what smtp does; unless set otherwise, by STARTTLS, and with some AUTH mechanism offered."""

    kind: ClassVar[str] = "submission"
    comparable: ClassVar[str] = "banner"

    tls: Literal["none", "starttls", "implicit"] = "starttls"
    """"starttls" (the realserver must offer it), "implicit" for port 465, or "none"."""
    auth: tuple[str, ...] = ("ANY",)
    """SASL mechanisms that must be offered, such as "PLAIN"; "ANY" is met by any, [] asks for none."""

    @property
    def default_port(self) -> int:
        return 465 if self.tls == "implicit" else 587

    @property
    def hellos(self) -> tuple[str, ...]:
        return ("EHLO",)
