"""One TLS connection between two buffers: what came from the network goes in, what is to be sent comes out.

No socket, no waiting: `lvsmon.net.sockets` moves the bytes. RFC 8446 (TLS 1.3), RFC 5246 (TLS 1.2).
"""

import ssl
import time
from typing import Final

from lvsmon.errors import LocalFault
from lvsmon.model import Certificate
from lvsmon.net.tls import certificates, contexts, faults
from lvsmon.net.tls.values import TlsProfile, TlsSession

_FIRST: Final = 64
"""Bytes kept of how the realserver's answer begins, to tell plain text."""

_MAX_CHAIN: Final = 10
"""Certificates looked at of a chain that nobody verified; real ones have four at most."""


class TlsPipe:
    """The client's side of one connection, under the profile's shared context."""

    _tls: ssl.SSLObject

    __slots__ = ("_first", "_incoming", "_outgoing", "_profile", "_sni", "_tls")

    def __init__(self, profile: TlsProfile, sni: str | None, resume: "TlsPipe | None" = None) -> None:
        """Raise `LocalFault` where the profile's files or the server name cannot be used.

        The session of ``resume`` is offered anew, as far as its server has given one.
        """
        self._profile = profile
        self._sni = sni
        self._first = b""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        # A session belongs to its context, even where the profile's files have changed since.
        context = contexts.shared(profile) if resume is None else resume._tls.context  # noqa: SLF001
        session = None if resume is None else resume._tls.session  # noqa: SLF001
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=sni, session=session)
        except ValueError as error:
            raise LocalFault(f"the server name {sni!r} cannot be sent: {error}") from None

    def feed(self, data: bytes) -> None:
        """Take what came from the network; b"" is its end."""
        if data:
            self._first += data[: _FIRST - len(self._first)]
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def pending(self) -> bytes:
        """Return and forget what is to be sent."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Go as far as what came allows; True once it is done. Raise what `faults.in_handshake` says."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise faults.in_handshake(error, self._first, self._profile, self._sni) from None
        return True

    def session(self) -> TlsSession:
        """Return what the handshake came to."""
        cipher = self._tls.cipher()
        return TlsSession(
            version=self._tls.version() or "",
            cipher=cipher[0] if cipher else "",
            alpn=self._tls.selected_alpn_protocol(),
            certificate=self._certificate(),
            asked_for_certificate=getattr(self._tls, "asked_for_certificate", False),
            resumed=bool(self._tls.session_reused),
            at=time.time(),
            der=self._tls.getpeercert(binary_form=True) or b"",
            chain=self._chain(),
        )

    def _certificate(self) -> Certificate | None:
        if self._profile.verify:
            return certificates.from_openssl(self._tls.getpeercert() or {})
        return certificates.from_der(self._tls.getpeercert(binary_form=True) or b"")

    def _chain(self) -> tuple[Certificate, ...]:
        """Return what was sent beside the certificate; of a verified one, only what its verification went by.

        Servers send old cross-signed CAs, too, past which every client goes: that they expire means nothing.
        """
        connection = self._tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  public from Python 3.13 on
        sent = connection.get_unverified_chain() or []
        if self._profile.verify:
            used = connection.get_verified_chain() or []
            return tuple(certificates.from_openssl(one.get_info()) for one in used[1:] if one in sent)
        found = (certificates.from_der(ssl.PEM_cert_to_DER_cert(one.public_bytes())) for one in sent[1:_MAX_CHAIN])
        return tuple(one for one in found if one is not None)

    def read(self, limit: int) -> bytes | None:
        """Return what the peer said, None where more must come first, b"" at its end.

        Many servers end without close_notify; that is taken as an end, as clients do, since a protocol that cares says
        itself how long its answers are.
        """
        try:
            return self._tls.read(limit)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise faults.afterwards(error, self._profile, self._sni) from None

    def write(self, data: memoryview) -> int:
        """Encrypt the beginning of ``data``, at most one record, and return its length."""
        try:
            return self._tls.write(data)
        except ssl.SSLError as error:
            raise faults.afterwards(error, self._profile, self._sni) from None

    def end(self) -> None:
        """Say that no more will come from us (close_notify); nothing where the connection is broken already."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            # Nearly always: it wants to hear the peer's own close_notify, for which nobody waits. A broken connection
            # has nothing to be said on.
            return
