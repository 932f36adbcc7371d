"""What is told of a handshake and its certificate: facts, and dates in words."""

import hashlib
from datetime import UTC, datetime
from math import floor
from typing import Final

from lvsmon.errors import CertificateRefused
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
        if (first := first_to_expire(certificate, session)) is not certificate:
            facts["chain_first"] = name_of_ca(first)
            facts["chain_not_after"] = date(first.not_after)
            facts["chain_days"] = days_left(first, session)
    if (seen := session.revocation) is not None:
        facts["revocation"] = seen.status
        if seen.until is not None:
            facts["revocation_until"] = date(seen.until)
    return facts


def days_left(certificate: Certificate, session: TlsSession) -> int:
    """Return the whole days until the certificate expires; 0 on its last day, negative after it."""
    return floor(min((certificate.not_after - session.at) / DAY, 1e9))


def first_to_expire(certificate: Certificate, session: TlsSession) -> Certificate:
    """Return ``certificate``, or the one of its chain that expires sooner: with it, clients refuse both."""
    return min((certificate, *session.chain), key=lambda one: one.not_after)


def name_of_ca(certificate: Certificate) -> str:
    return certificate.common_name[:MAX_FACT] or "without a name"


def plural(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):  # beyond the year 9999
        return "the end of time"


def whose(first: Certificate, certificate: Certificate) -> str:
    """Return whose expiry it is, as the subject of a sentence."""
    return "its certificate" if first is certificate else f"the certificate of the CA {name_of_ca(first)} in its chain"


def why_refused(
    refused: CertificateRefused, certificate: Certificate, session: TlsSession, name: str, *, accept_cn: bool
) -> str:
    """Return in words why ``certificate`` was refused, and whom it is for, as a second look showed it."""
    at, chain = session.at, session.chain
    for_whom = f"it is for {certificate.described()}"
    if not certificate.is_for(name, accept_cn=accept_cn):
        for_whom += f", clients ask for {name}"
    if certificate.not_after < at:
        days = floor((at - certificate.not_after) / DAY)
        return f"certificate expired {plural(days)} ago, on {date(certificate.not_after)}; {for_whom}"
    if certificate.not_before > at:
        return (
            f"certificate is not valid before {date(certificate.not_before)}, "
            f"and the director's clock says {date(at)}; {for_whom}"
        )
    if refused.expired:
        expired = min(chain, key=lambda one: one.not_after, default=None)
        which = f", {name_of_ca(expired)}," if expired is not None and expired.not_after < at else ""
        return (
            f"certificate refused: that of a CA in its chain{which} has expired, "
            f"itself it is good until {date(certificate.not_after)}; {for_whom}"
        )
    return f"{refused}; {for_whom}, issued by {certificate.issuer or 'nobody named'}"
