"""A handshake that asks for a stapled OCSP answer (RFC 6066 section 8, RFC 8446 section 4.4.2.1).

Python's ssl cannot ask for one, pyOpenSSL can. It brings an OpenSSL of its own, of another version and with other
defaults, so nothing is judged by it and nothing is said in it: it shows what the server sends, and that is all.
"""

from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from lvsmon.errors import LocalFault, LvsmonError, PeerClosed, TlsFailed
from lvsmon.net.tls import contexts
from lvsmon.net.tls.values import Stapled, TlsProfile

_VERSIONS: Final = {"1.0": SSL.TLS1_VERSION, "1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_LEGACY_SERVER_CONNECT: Final = 0x4
"""SSL_OP_LEGACY_SERVER_CONNECT: servers without RFC 5746."""

_PIECE: Final = 16384


class StaplePipe:
    """The client's side of one handshake between two buffers."""

    __slots__ = ("_connection", "_profile", "_seen", "_staple")

    def __init__(self, profile: TlsProfile, sni: str | None) -> None:
        """Raise `LocalFault` where this OpenSSL knows none of the profile's ciphers."""
        self._profile = profile
        self._staple: bytes | None = None
        self._seen = False
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_verify(SSL.VERIFY_NONE)
        context.set_min_proto_version(_VERSIONS[profile.min_version])
        if profile.min_version == "1.0":
            context.set_options(_LEGACY_SERVER_CONNECT)
            context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
        if profile.ciphers:
            try:
                context.set_cipher_list(profile.ciphers.encode())
            except SSL.Error:
                text = f"tls_ciphers {profile.ciphers!r}: the OpenSSL that asks for a staple knows none of them"
                raise LocalFault(text) from None
        context.set_ocsp_client_callback(self._note)
        self._connection = SSL.Connection(context, None)
        if sni is not None:
            self._connection.set_tlsext_host_name(sni.encode())
        if profile.alpn:
            self._connection.set_alpn_protos([name.encode() for name in profile.alpn])
        self._connection.request_ocsp()
        self._connection.set_connect_state()

    def _note(self, connection: SSL.Connection, staple: bytes, data: object) -> bool:  # noqa: ARG002
        self._staple = staple or None
        self._seen = True
        return True

    def feed(self, data: bytes) -> None:
        """Take what came from the network; raise `PeerClosed` at its end."""
        if not data:
            raise PeerClosed("the realserver closed the connection in the TLS handshake")
        self._connection.bio_write(data)

    def pending(self) -> bytes:
        """Return and forget what is to be sent."""
        pieces = []
        try:
            while True:
                pieces.append(self._connection.bio_read(_PIECE))
        except SSL.WantReadError:
            return b"".join(pieces)

    def handshake(self) -> bool:
        """Go as far as what came allows; True once all has been seen. Raise `TlsFailed`.

        A server that refuses us later, for want of a certificate of ours, has shown its own by then.
        """
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            if self._seen:
                return True
            raise _failed(error) from None
        return True

    def stapled(self) -> Stapled:
        """Return what the server has sent."""
        chain = self._connection.get_peer_cert_chain(as_cryptography=True) or []
        sent = [link.public_bytes(Encoding.DER) for link in chain] or [b""]
        trusted = contexts.shared(self._profile).get_ca_certs(binary_form=True)
        return Stapled(staple=self._staple, certificate=sent[0], others=(*sent[1:], *trusted))


def _failed(error: SSL.Error) -> LvsmonError:
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return TlsFailed("TLS handshake failed: " + (", ".join(part[2] for part in parts) or "no reason is known"))
