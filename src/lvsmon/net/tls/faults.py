"""The one table from OpenSSL's errors to ours, in words for people.

OpenSSL gives alerts (RFC 8446 section 6) and failed verifications as names and numbers of its own; a sentence says what
was seen and what usually causes it.
"""

import re
import ssl
import time
from collections.abc import Mapping
from typing import Final

from lvsmon.errors import CertificateRefused, LocalFault, LvsmonError, PeerClosed, TlsFailed
from lvsmon.net.tls.values import TlsProfile

_ALERT: Final = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?([A-Z_]+)")
_RECORD_TYPES: Final = frozenset(range(20, 24))
"""First bytes of TLS records: change_cipher_spec, alert, handshake, application_data (RFC 8446 section 5.1)."""

_QUOTED: Final = 60
"""Bytes quoted of a realserver that answers in plain text: its status line or banner."""

_CLOCK_IS_SANE: Final = 1_767_225_600
"""2026-01-01: a wall clock before the day lvsmon was written is one that was never set."""

_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10

_VERIFICATION: Final[Mapping[int, str]] = {
    2: "the certificate of who signed it was not sent and is not trusted",
    _NOT_YET_VALID: "a certificate that is not valid yet",
    _EXPIRED: "a certificate that has expired",
    18: "a self-signed certificate that is not trusted (to trust it, give it as tls_ca_file)",
    19: "the chain ends in a root certificate that is not trusted",
    20: "who signed it is not trusted, or an intermediate certificate is missing from what is sent",
    21: "who signed it is not trusted, or an intermediate certificate is missing from what is sent",
    23: "a certificate that has been revoked",
    24: "it was signed with a certificate that is no CA's",
    25: "the chain is longer than a CA in it allows",
    26: "a certificate that is not for servers (extended key usage)",
    47: "a CA in the chain may not sign for its names (name constraints)",
    66: "a certificate whose key is too weak",
    67: "a CA in the chain whose key is too weak",
    68: "a CA in the chain whose signature algorithm is too weak",
}
"""X509_V_ERR numbers of OpenSSL, in words that finish "certificate refused: "."""

_REASONS: Final[Mapping[str, str]] = {
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS version of {min_version} or newer",
    "WRONG_SSL_VERSION": "it speaks no TLS version of {min_version} or newer",
    "DH_KEY_TOO_SMALL": "its Diffie-Hellman parameters are too weak",
    "BAD_ECPOINT": "its key exchange is broken",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": "it knows no secure renegotiation (RFC 5746), which clients demand",
    "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED": "it signs with an algorithm that is too weak",
    "NO_SHARED_SIGNATURE_ALGORITHMS": "it has no signature algorithm in common with us",
    "BAD_SIGNATURE": "its signature is wrong: its key is not the certificate's",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": "its records do not decrypt",
    "BAD_RECORD_MAC": "its records do not decrypt",
}

_ALERTS: Final[Mapping[str, str]] = {
    "HANDSHAKE_FAILURE": "nothing in common (version, cipher, kind of key), or it demands a certificate of ours",
    "PROTOCOL_VERSION": "it speaks no TLS version of {min_version} or newer",
    "INSUFFICIENT_SECURITY": "it wants stronger ciphers than it was offered",
    "UNRECOGNIZED_NAME": "it does not know the server name {sni}",
    "INTERNAL_ERROR": "trouble of its own; often it has no certificate for the server name {sni}",
    "NO_APPLICATION_PROTOCOL": "it speaks none of the protocols offered ({alpn})",
    "CERTIFICATE_REQUIRED": "it demands a certificate of ours (tls_client_certificate)",
}

_ABOUT_OUR_CERTIFICATE: Final = frozenset(
    {
        "ACCESS_DENIED",
        "BAD_CERTIFICATE",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_UNKNOWN",
        "UNKNOWN_CA",
        "UNSUPPORTED_CERTIFICATE",
    }
)

_OUR_OWN: Final = frozenset({"NO_CIPHERS_AVAILABLE", "NO_PROTOCOLS_AVAILABLE"})


def in_handshake(error: ssl.SSLError, first: bytes, profile: TlsProfile, sni: str | None) -> LvsmonError:
    """Return the error for a handshake that failed; ``first`` is how what the realserver sent begins."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _refused(error)
    if first and first[0] not in _RECORD_TYPES:
        quoted = first[:_QUOTED].decode("utf-8", "backslashreplace").strip()
        return TlsFailed(f"the realserver speaks no TLS on this port, but plain text: {quoted!r}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        where = "in the middle of the TLS handshake" if first else "instead of answering the TLS handshake"
        return PeerClosed(f"the realserver closed the connection {where}")
    return afterwards(error, profile, sni, "TLS handshake failed")


def afterwards(
    error: ssl.SSLError, profile: TlsProfile, sni: str | None, what: str = "TLS connection broken"
) -> LvsmonError:
    """Return the error for a connection that was up: under TLS 1.3 a server refuses our certificate only then."""
    reason = getattr(error, "reason", None) or ""
    if reason in _OUR_OWN:
        return LocalFault("the director's OpenSSL allows no TLS version or cipher that the settings ask for")
    known = {
        "min_version": profile.min_version,
        "sni": sni or "(none was sent)",
        "alpn": ", ".join(profile.alpn),
    }
    if alert := _ALERT.fullmatch(reason):
        words = alert[1].replace("_", " ").lower()
        if alert[1] in _ABOUT_OUR_CERTIFICATE:
            ours = profile.client_certificate
            cause = f"it refuses our certificate {ours}" if ours else "it demands a certificate of ours"
        else:
            cause = _ALERTS.get(alert[1], "").format(**known)
        return TlsFailed(f'{what}: the realserver says "{words}"' + (f": {cause}" if cause else ""))
    said = _REASONS.get(reason, "").format(**known)
    return TlsFailed(f"{what}: " + (said or reason.replace("_", " ").lower() or str(error)))


def _refused(error: ssl.SSLCertVerificationError) -> LvsmonError:
    if error.verify_code == _NOT_YET_VALID and time.time() < _CLOCK_IS_SANE:
        return LocalFault("the director's clock is wrong: it is set to a day before this lvsmon was made")
    words = _VERIFICATION.get(error.verify_code, error.verify_message)
    return CertificateRefused(f"certificate refused: {words}", expired=error.verify_code == _EXPIRED)
