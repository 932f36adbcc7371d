"""A server's certificate as a `Certificate`: from OpenSSL where it was verified, else parsed by ``cryptography``.

OpenSSL hands out the fields of verified certificates only. ``cryptography`` is slow to load, so that is left to the
moment when there is something to be told about a certificate that nobody trusts.
"""

import ssl
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from math import inf
from typing import Any

from lvsmon.model import Certificate

MAX_NAME = 256
"""Characters kept of a common name or issuer; a DNS name has at most 253."""


def from_openssl(fields: Mapping[str, Any]) -> Certificate:
    """Return the certificate that ``SSLObject.getpeercert()`` tells of."""
    alternatives = fields.get("subjectAltName", ())
    return Certificate(
        names=tuple(value for kind, value in alternatives if kind == "DNS"),
        addresses=_addresses(value for kind, value in alternatives if kind == "IP Address"),
        common_name=_part(fields.get("subject", ()), "commonName"),
        issuer=_part(fields.get("issuer", ()), "commonName", "organizationName", "organizationalUnitName"),
        not_before=_time(fields.get("notBefore"), -inf),
        not_after=_time(fields.get("notAfter"), inf),
    )


def _addresses(values: Iterable[str]) -> tuple[str, ...]:
    found = []
    for value in values:
        try:
            found.append(str(ip_address(value.strip())))
        except ValueError:  # of a length that no address has: OpenSSL shows "<invalid>", and no client matches it
            continue
    return tuple(found)


def _part(name: Iterable[Iterable[tuple[str, str]]], *kinds: str) -> str:
    """Return the first part of ``name`` that is of the first of ``kinds`` it has."""
    parts = [part for group in name for part in group]
    return next((value[:MAX_NAME] for wanted in kinds for kind, value in parts if kind == wanted), "")


def _time(text: str | None, otherwise: float) -> float:
    """Return the epoch's seconds; a date that Python cannot read has been read by OpenSSL, which decides by it."""
    try:
        return float(ssl.cert_time_to_seconds(text)) if text else otherwise
    except ValueError:
        return otherwise


def from_der(der: bytes) -> Certificate | None:
    """Return the certificate encoded in ``der``; None where it cannot be read."""
    from cryptography import x509  # noqa: PLC0415  takes 0.2 s to load
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    try:
        parsed = x509.load_der_x509_certificate(der)
        return Certificate(
            names=tuple(_alternatives(parsed, x509.DNSName)),
            addresses=tuple(str(address) for address in _alternatives(parsed, x509.IPAddress)),
            common_name=_attribute(parsed.subject, NameOID.COMMON_NAME),
            issuer=_attribute(parsed.issuer, NameOID.COMMON_NAME)
            or _attribute(parsed.issuer, NameOID.ORGANIZATION_NAME)
            or _attribute(parsed.issuer, NameOID.ORGANIZATIONAL_UNIT_NAME),
            not_before=parsed.not_valid_before_utc.timestamp(),
            not_after=parsed.not_valid_after_utc.timestamp(),
        )
    except (ValueError, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        return None


def _alternatives(parsed: Any, kind: Any) -> list[Any]:
    from cryptography import x509  # noqa: PLC0415

    try:
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    found: list[Any] = extension.value.get_values_for_type(kind)
    return found


def _attribute(name: Any, oid: Any) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value)[:MAX_NAME] if found else ""
