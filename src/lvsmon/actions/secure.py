"""TLS for channels: the settings they share, and whose certificate is taken."""

import asyncio
import ssl
from dataclasses import dataclass, fields
from typing import Any

from lvsmon.actions.failing import failed, why
from lvsmon.errors import ActionFailed, LocalFault
from lvsmon.model.settings import Secret, shown
from lvsmon.net.tls.certificates import from_openssl
from lvsmon.net.tls.contexts import shared
from lvsmon.net.tls.values import TlsProfile


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """Settings of every channel that may speak TLS; they mean what they mean for probes. Without slots, to be mixed."""

    tls_verify: bool = True
    """Judge the certificate: its chain, names and dates; false takes any, and so anybody."""
    tls_name: str | None = None
    """DNS name or IP address the certificate must be for; if not given, the host that is connected to."""
    tls_ca_file: str | None = None
    """PEM file of the certificates to trust instead of the system's CAs; a self-signed one is trusted by giving it."""
    tls_client_certificate: str | None = None
    """PEM file of the certificate to show to servers that ask for one; needs tls_client_key_file."""
    tls_client_key: Secret | None = None
    """Private key of tls_client_certificate, as PEM, not encrypted."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        for setting in ("tls_ca_file", "tls_client_certificate"):
            path = getattr(self, setting)
            if path is not None and (not path.startswith("/") or "\0" in path):
                raise ValueError(
                    f'{setting}: write an absolute path, such as "/etc/lvsmon/file.pem", not {shown(path)}'
                )
        if not self.tls_verify and (self.tls_name or self.tls_ca_file):
            raise ValueError("tls_verify: while it is false, tls_name and tls_ca_file decide nothing")
        if (self.tls_client_certificate is None) != (self.tls_client_key is None):
            raise ValueError("tls_client_certificate and tls_client_key: give both or none")
        if self.tls_client_key is not None and "ENCRYPTED" in self.tls_client_key.reveal():
            raise ValueError("tls_client_key: the key is encrypted; nobody is there to be asked for its passphrase")

    def refuse_tls_settings(self, unless: str) -> None:
        """Raise ValueError where a setting of TLS is given though the channel, as it is set, does not speak it."""
        for field in fields(TlsSettings):
            if getattr(self, field.name) != field.default:
                raise ValueError(f"{field.name}: has no effect without {unless}")

    async def tls_context(self, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """Return the context for these settings; raise `ActionFailed` where one of their files cannot be used.

        It is read in a thread: the system's CAs take 50 to 90 ms.
        """
        profile = TlsProfile(
            verify=self.tls_verify,
            ca_file=self.tls_ca_file,
            client_certificate=self.tls_client_certificate,
            client_key=self.tls_client_key,
            alpn=alpn,
        )
        try:
            return await asyncio.to_thread(shared, profile)
        except LocalFault as fault:
            raise failed(self, str(fault)) from None

    def judge(self, connection: Any, host: str) -> None:
        """Raise `ActionFailed` where the certificate of a verified ``connection`` (an SSLObject) is for other names.

        The contexts look at chain and dates only. To be called before anything is said that others should not hear.
        """
        if not self.tls_verify:
            return
        certificate = from_openssl(connection.getpeercert())
        name = self.tls_name or host
        if not certificate.is_for(name, accept_cn=False):
            raise failed(self, f"the certificate of {host} is for {certificate.described()}, not for {name}")

    def tls_failed(self, error: ssl.SSLError, host: str) -> ActionFailed:
        """Return what a handshake that failed is told as."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return failed(self, f"the certificate of {host} is refused: {error.verify_message}")
        return failed(self, f"no TLS with {host}: {_words(error)}")


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLEOFError):
        return "it closed the connection in the handshake"
    words = (error.reason or "").replace("_", " ").lower()
    if words in {"wrong version number", "record layer failure", "http request", "packet length too long"}:
        return "it answers in plain text, or not in TLS"
    return words or why(error)
