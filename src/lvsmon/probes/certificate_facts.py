"""What is told of a handshake and its certificate: facts, and dates in words."""

import hashlib
from datetime import UTC, datetime
from math import floor
from typing import Final

from lvsmon.model import Certificate, FactValue
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.talk import MAX_FACT

DAY: Final = 86400.0


def tls_facts(session: TlsSession) -> dict[str, FactValue]:
    """Return the facts of a handshake and of the certificate seen."""
    facts: dict[str, FactValue] = {"tls_version": session.version, "tls_cipher": session.cipher}
    if session.alpn is not None:
        facts["tls_alpn"] = session.alpn
    if session.asked_for_certificate:
        facts["tls_client_certificate_asked"] = True
    if (certificate := session.certificate) is not None:
        if session.der:
            facts["certificate_sha256"] = hashlib.sha256(session.der).hexdigest()
        facts["certificate_names"] = certificate.described()[:MAX_FACT]
        facts["certificate_cn"] = certificate.common_name[:MAX_FACT]
        facts["certificate_issuer"] = certificate.issuer[:MAX_FACT]
        facts["certificate_not_after"] = date(certificate.not_after)
        facts["certificate_days"] = days_left(certificate, session)
    if (seen := session.revocation) is not None:
        facts["revocation"] = seen.status
        if seen.until is not None:
            facts["revocation_until"] = date(seen.until)
    return facts


def days_left(certificate: Certificate, session: TlsSession) -> int:
    """Return the whole days until the certificate expires; 0 on its last day, negative after it."""
    return floor(min((certificate.not_after - session.at) / DAY, 1e9))


def plural(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):  # beyond the year 9999
        return "the end of time"
