"""OpenSSL contexts: built once per profile (reading the system's CAs takes 50 to 90 ms) and shared by all runs.

A context is built anew when one of its files has changed on disk, so that renewed CAs and client certificates are used
without a restart.
"""

import os
import ssl
from pathlib import Path
from typing import Any, Final, TypeAlias

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.model.settings import Secret
from lvsmon.net.tls.values import TlsProfile

_MAX_CONTEXTS: Final = 64
"""Contexts kept: each with the system's CAs takes some 3 MB; a configuration has a handful of profiles."""

_CERTIFICATE_REQUEST: Final = 13
"""Handshake message: the server wants a certificate of ours (RFC 8446 section 4)."""

_LEGACY_SERVER_CONNECT: Final = 0x4
"""SSL_OP_LEGACY_SERVER_CONNECT, which ssl names from Python 3.12 on: servers without RFC 5746."""

_Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]

_shared: Final[dict[TlsProfile, tuple[_Stamp, ssl.SSLContext]]] = {}


def shared(profile: TlsProfile) -> ssl.SSLContext:
    """Return the context of ``profile``; raise `LocalFault` where one of its files cannot be used."""
    stamp = tuple(_stamp(name) for name in _files(profile))
    known = _shared.get(profile)
    if known is not None and known[0] == stamp:
        return known[1]
    context = _build(profile)
    _shared.pop(profile, None)
    while len(_shared) >= _MAX_CONTEXTS:
        del _shared[next(iter(_shared))]
    _shared[profile] = stamp, context
    return context


def _files(profile: TlsProfile) -> list[str]:
    trust = (profile.ca_file or ssl.get_default_verify_paths().cafile) if profile.verify else None
    return [name for name in (trust, profile.client_certificate) if name]


def _stamp(name: str) -> tuple[int, int, int] | None:
    """Return what changes when the file does; None where it cannot be looked at, which building the context tells."""
    try:
        about = Path(name).stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


def _build(profile: TlsProfile) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # SNI and the verified name may differ: names are judged after the handshake
    context.options |= ssl.OP_NO_RENEGOTIATION
    if profile.min_version == "1.0":
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.options |= _LEGACY_SERVER_CONNECT
    else:
        context.minimum_version = getattr(ssl.TLSVersion, "TLSv" + profile.min_version.replace(".", "_"))
    ciphers = profile.ciphers or ("DEFAULT:@SECLEVEL=0" if profile.min_version == "1.0" else None)
    if ciphers:
        context.set_ciphers(ciphers)
    if profile.alpn:
        context.set_alpn_protocols(list(profile.alpn))
    if profile.verify:
        _trust(context, profile.ca_file)
    else:
        context.verify_mode = ssl.CERT_NONE
    if profile.client_certificate and profile.client_key:
        _identify(context, profile.client_certificate, profile.client_key)
    # There is no public way to learn that the server asked for a certificate of ours.
    context._msg_callback = _note_request  # type: ignore[attr-defined]  # noqa: SLF001
    return context


def _trust(context: ssl.SSLContext, ca_file: str | None) -> None:
    """Trust the CAs of ``ca_file``, or the system's.

    A certificate in the file is trusted even where it is not a root, as curl does.
    """
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if ca_file is None:
        context.load_default_certs()
        folder = ssl.get_default_verify_paths().capath  # OpenSSL looks into it at each handshake
        if not context.cert_store_stats()["x509"] and not (folder and any(Path(folder).iterdir())):
            raise LocalFault(
                "the director has no CA certificates to verify with: install ca-certificates, or set tls_ca_file"
            )
        return
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # an SSLError is one
        raise LocalFault(f"tls_ca_file {ca_file} cannot be used: {_why(error)}", _reason(error)) from None


def _identify(context: ssl.SSLContext, certificate: str, key: Secret) -> None:
    handle = os.memfd_create("lvsmon-client-key")  # ssl takes a key from a file only; this one is never on a disk
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key.reveal().encode())
            file.flush()
            context.load_cert_chain(certificate, f"/proc/self/fd/{handle}", password=_no_password)
    except OSError as error:
        text = f"tls_client_certificate {certificate} cannot be used with its key: {_why(error)}"
        raise LocalFault(text, _reason(error)) from None


def _no_password() -> bytes:
    """An encrypted key is refused; without this OpenSSL would ask at the terminal."""
    return b""


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        words = (error.reason or "").replace("_", " ").lower()
        known = {
            "key values mismatch": "the key is not this certificate's; was one of them renewed? then reload",
            "no certificate or crl found": "there is no PEM certificate in it",
            "no start line": "there is no PEM certificate in it",
            "pem lib": "it does not hold a PEM certificate and its key, unencrypted",
        }
        return known.get(words, words) or str(error)
    return (error.strerror or str(error)).lower()


def _reason(error: OSError) -> Reason:
    return Reason.LOCAL_PERMISSION if isinstance(error, PermissionError) else Reason.LOCAL_FAULT


def _note_request(connection: Any, direction: str, *message: Any) -> None:
    """Mark the connection; ``message`` is its version, type of record, type of message, and bytes."""
    if direction == "read" and message[2] == _CERTIFICATE_REQUEST:
        connection.asked_for_certificate = True
