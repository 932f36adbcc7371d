"""What a TLS handshake needs and what it comes to."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lvsmon.model import Certificate, Revocation
from lvsmon.model.settings import Secret

MinVersion: TypeAlias = Literal["1.0", "1.2", "1.3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProfile:
    """How a handshake is done, besides the name that is asked for; equal profiles share one context.

    ``ca_file`` None is the system's CAs. ``client_certificate`` is the path of a PEM file, ``client_key`` the PEM text
    of its key. ``ciphers`` is in OpenSSL's notation and is for TLS 1.2 and older.
    """

    verify: bool = True
    ca_file: str | None = None
    min_version: MinVersion = "1.2"
    ciphers: str | None = None
    client_certificate: str | None = None
    client_key: Secret | None = None
    alpn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSession:
    """A handshake that has succeeded.

    ``version`` and ``cipher`` are OpenSSL's names. ``certificate`` is None where it cannot be read, which only happens
    where it was not verified. ``asked_for_certificate``: the server wanted to see a certificate of ours, and under
    TLS 1.3 its answer to that comes only with the first read. ``resumed``: the server took the session that it was
    offered, and showed no certificate anew: ``certificate`` is the earlier one. ``at`` is the director's wall clock, in
    seconds since the epoch: what the certificate's dates are held against. ``der`` is the certificate as it was sent.
    ``chain`` holds the others that were sent, as far as the certificate was verified by them; all, where nobody
    verified.
    ``revocation`` is None where nobody has looked.
    """

    version: str
    cipher: str
    alpn: str | None = None
    certificate: Certificate | None
    asked_for_certificate: bool = False
    resumed: bool = False
    at: float
    der: bytes = b""
    chain: tuple[Certificate, ...] = ()
    revocation: Revocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stapled:
    """What a server sent that was asked for a stapled OCSP answer; nothing of it has been verified.

    ``certificate`` is its own, as DER; ``others`` are those that it sent beside it, and those that the director trusts:
    the issuer is among them.
    """

    staple: bytes | None
    certificate: bytes
    others: tuple[bytes, ...]
