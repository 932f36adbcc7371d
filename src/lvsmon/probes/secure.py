"""TLS for kinds: the settings they share, and opening a connection whose certificate is judged as clients judge it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Final, Literal

from lvsmon.errors import CertificateRefused, LocalFault, ProbeFailed, clip
from lvsmon.model import Outcome, Reason, Target, Verdict
from lvsmon.model.certificate import as_address
from lvsmon.model.settings import Secret
from lvsmon.net.base import Stream
from lvsmon.net.tls.values import MinVersion, Stapled, TlsProfile, TlsSession
from lvsmon.probes.base import Context
from lvsmon.probes.certificate_facts import (
    date,
    days_left,
    first_to_expire,
    name_of_ca,
    plural,
    tls_facts,
    whose,
    why_refused,
)
from lvsmon.probes.revocation import Look, look, refuse_revoked, revocation_of

MEMORY: Final = 1 << 20
"""Bytes that TLS adds to what a run holds: OpenSSL takes at most 100 kB of certificates, which are held several times
while they are parsed, and a record each way."""

_SHARE: Final = 0.8
"""Share of what is left of the run for describing a certificate: the deadline must not cover up why it was refused."""

_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_OF_A_JUDGEMENT: Final = ("tls_name", "tls_ca_file", "tls_accept_cn", "tls_warn_days", "tls_fail_days", "tls_staple")


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """Settings of every kind that speaks TLS. Without slots, so that a kind may have another base beside it."""

    tls_verify: bool = True
    """Judge the certificate: its chain, names and dates; false takes any."""
    tls_name: str | None = None
    """DNS name or IP address the certificate must be for; if not given, the virtual service's hostname or VIP."""
    tls_sni: str | None = None
    """Server name to ask for (SNI), where it is not the name the certificate must be for; "" to ask for none."""
    tls_ca_file: str | None = None
    """PEM file of the certificates to trust instead of the system's CAs; a self-signed one is trusted by giving it."""
    tls_accept_cn: bool = False
    """Take the common name (CN) where the certificate has no alternative names, as clients did long ago."""
    tls_warn_days: int = 14
    """Days before the certificate, or a CA's that is sent with it, expires from which the verdict is WARN; 0: never."""
    tls_fail_days: int = 0
    """Days before the certificate or such a CA's expires from which the verdict is FAIL; 0: not before it has."""
    tls_staple: Literal["ignore", "check", "require"] = "ignore"
    """Look at the revocation staple (OCSP): "check" judges one that is sent, "require" demands a good one."""
    tls_min_version: MinVersion = "1.2"
    """Oldest TLS version to offer; "1.0" also offers the weak ciphers that servers of its time need."""
    tls_ciphers: str | None = None
    """Ciphers to offer for TLS 1.2 and older, in OpenSSL's notation."""
    tls_client_certificate: str | None = None
    """PEM file of the certificate to show to servers that ask for one; needs tls_client_key_file."""
    tls_client_key: Secret | None = None
    """Private key of tls_client_certificate, as PEM, not encrypted."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        for setting, name in (("tls_name", self.tls_name), ("tls_sni", self.tls_sni or None)):
            if name is not None and not _is_name(name, address=setting == "tls_name"):
                allowed = "a host name or an IP address" if setting == "tls_name" else "a host name"
                raise ValueError(f"{setting}: write {allowed} in ASCII, not {name!r}")
        for setting, path in (
            ("tls_ca_file", self.tls_ca_file),
            ("tls_client_certificate", self.tls_client_certificate),
        ):
            if path is not None and (not path.startswith("/") or "\0" in path):
                raise ValueError(f'{setting}: write an absolute path, such as "/etc/lvsmon/file.pem", not {path!r}')
        if self.tls_warn_days < 0 or self.tls_fail_days < 0:
            raise ValueError("tls_warn_days and tls_fail_days: write a number of days, or 0")
        if 0 < self.tls_warn_days <= self.tls_fail_days:
            raise ValueError(
                f"tls_warn_days: within tls_fail_days ({self.tls_fail_days}) it would never warn; "
                f"set it higher than that, or to 0 (it is {self.tls_warn_days})"
            )
        if not self.tls_verify:
            _refuse_changed(self, _OF_A_JUDGEMENT, "decides nothing while tls_verify is false")
        if (self.tls_client_certificate is None) != (self.tls_client_key is None):
            raise ValueError("tls_client_certificate and tls_client_key: give both or none")
        if self.tls_client_key is not None and "ENCRYPTED" in self.tls_client_key.reveal():
            raise ValueError("tls_client_key: the key is encrypted; a probe cannot ask for its passphrase")
        if self.tls_ciphers is not None:
            _check_ciphers(self.tls_ciphers)
            if self.tls_min_version == "1.3":
                raise ValueError('tls_ciphers: they are of TLS 1.2 and older, which tls_min_version = "1.3" leaves out')

    def refuse_tls_settings(self, unless: str) -> None:
        """Raise ValueError where a setting of TLS is given though the kind, as it is set, does not speak it."""
        names = [field.name for field in fields(TlsSettings)]
        _refuse_changed(self, names, f"has no effect without {unless}")

    @property
    def speaks_tls(self) -> bool:
        """Whether the kind, as it is set, speaks TLS."""
        return True

    @property
    def needs_name(self) -> bool:
        return self.speaks_tls and self.tls_verify and self.tls_name is None

    @property
    def tls_uses_hostname(self) -> bool:
        return self.tls_name is None and (self.tls_verify or self.tls_sni is None)

    def name_asked_for(self, target: Target) -> str:
        """Return the name that clients hold the certificate against: the one they connect by."""
        return self.tls_name or target.hostname or target.vip or target.address

    def server_name(self, target: Target) -> str | None:
        """Return the SNI to send: never an address (RFC 6066 section 3)."""
        if self.tls_sni is not None:
            return self.tls_sni or None
        name = self.name_asked_for(target)
        return None if as_address(name) else name.removesuffix(".")

    def profile(self, alpn: tuple[str, ...] = ()) -> TlsProfile:
        """Return how a handshake is done with these settings."""
        return TlsProfile(
            verify=self.tls_verify,
            ca_file=self.tls_ca_file,
            min_version=self.tls_min_version,
            ciphers=self.tls_ciphers,
            client_certificate=self.tls_client_certificate,
            client_key=self.tls_client_key,
            alpn=alpn,
        )

    def graded(self, outcome: Outcome, session: TlsSession) -> Outcome:
        """Return ``outcome`` with what TLS adds: facts, and WARN where the certificate expires soon."""
        certificate = session.certificate
        facts = {**outcome.facts, **tls_facts(session)}
        if certificate is None:
            return replace(outcome, facts=facts)
        if not self.tls_verify:
            detail = f"{outcome.detail}, certificate for {certificate.described()} not judged"
            return replace(outcome, detail=clip(detail), facts=facts)
        first = first_to_expire(certificate, session)
        days = days_left(first, session)
        if (seen := session.revocation) is not None and seen.status == "unusable" and outcome.verdict is Verdict.PASS:
            detail = f"{outcome.detail}, but {seen.text}"
            return replace(outcome, verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=clip(detail), facts=facts)
        if days >= self.tls_warn_days or outcome.verdict is not Verdict.PASS:
            until = "" if first is certificate else f", when that of the CA {name_of_ca(first)} expires"
            detail = f"{outcome.detail}, certificate good for {plural(days)}{until}"
            return replace(outcome, detail=clip(detail), facts=facts)
        detail = (
            f"{outcome.detail}, but {whose(first, certificate)} expires in {plural(days)}, on {date(first.not_after)}"
        )
        return replace(outcome, verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=clip(detail), facts=facts)

    def judge(self, session: TlsSession, name: str) -> None:
        """Raise `CertificateRefused` where the verified certificate is for other names or expires too soon."""
        certificate = session.certificate
        if certificate is None or not self.tls_verify:
            return
        if not certificate.is_for(name, accept_cn=self.tls_accept_cn):
            detail = f"certificate is for {certificate.described()}, clients ask for {name}"
            if name in certificate.names:
                detail += ": it has that as a DNS name, and clients take only an IP address entry for an address"
            if not self.tls_accept_cn and certificate.is_for(name, accept_cn=True):
                detail += ", and clients of today look at alternative names only (tls_accept_cn takes the CN)"
            raise CertificateRefused(detail, facts=tls_facts(session))
        first = first_to_expire(certificate, session)
        days = days_left(first, session)
        if days < self.tls_fail_days:
            raise CertificateRefused(
                f"{whose(first, certificate)} expires in {plural(days)}, on {date(first.not_after)}: "
                f"tls_fail_days is {self.tls_fail_days}",
                facts=tls_facts(session),
            )


async def open_tls(
    settings: TlsSettings,
    target: Target,
    ctx: Context,
    *,
    alpn: tuple[str, ...] = (),
    prepare: Callable[[Stream], Awaitable[None]] | None = None,
) -> tuple[Stream, TlsSession]:
    """Connect, do the TLS handshake and judge the certificate; raise `CertificateRefused` or what connecting raises.

    ``prepare`` talks in clear text before the handshake, for STARTTLS. Where the chain is refused, a second connection,
    unverified, looks at the certificate so that the detail can say which one it is; where its staple is wanted, one
    before all others asks for that; otherwise there is only one.
    """
    profile = settings.profile(alpn)
    looked: Look | None = None
    if settings.tls_staple != "ignore":
        looked = await look(_see_staple(target, ctx, profile, settings.server_name(target), prepare), ctx)
    try:
        stream, session = await _open(target, ctx, profile, settings.server_name(target), prepare)
    except CertificateRefused as refused:
        raise await _described(refused, settings, target, ctx, prepare) from None
    settings.judge(session, settings.name_asked_for(target))
    if looked is not None:
        session = replace(session, revocation=revocation_of(session, looked))
        refuse_revoked(session, required=settings.tls_staple == "require")
    return stream, session


async def hear_out(stream: Stream, session: TlsSession) -> None:
    """Wait for the realserver's word on our certificate, or on its absence, where it asked for one.

    For a run that has nothing more to say: under TLS 1.3 that word comes only after the handshake, by an alert.
    """
    if session.asked_for_certificate:
        await stream.finish()
        await stream.read()


async def _open(
    target: Target,
    ctx: Context,
    profile: TlsProfile,
    sni: str | None,
    prepare: Callable[[Stream], Awaitable[None]] | None,
) -> tuple[Stream, TlsSession]:
    stream = await _connect(target, ctx, prepare)
    return stream, await stream.start_tls(profile, sni)


async def _connect(target: Target, ctx: Context, prepare: Callable[[Stream], Awaitable[None]] | None) -> Stream:
    stream = await ctx.net.connect(target.address, target.port)
    if prepare is not None:
        await prepare(stream)
    return stream


async def _see_staple(
    target: Target,
    ctx: Context,
    profile: TlsProfile,
    sni: str | None,
    prepare: Callable[[Stream], Awaitable[None]] | None,
) -> Stapled:
    stream = await _connect(target, ctx, prepare)
    stapled = await stream.see_staple(profile, sni)
    stream.close()
    return stapled


async def _described(
    refused: CertificateRefused,
    settings: TlsSettings,
    target: Target,
    ctx: Context,
    prepare: Callable[[Stream], Awaitable[None]] | None,
) -> CertificateRefused:
    """Return ``refused`` with what the certificate says of itself, as far as a second look shows it."""
    profile = replace(settings.profile(), verify=False)
    patience = _SHARE * (ctx.deadline.at - ctx.clock.monotonic())
    try:
        opened = await ctx.net.within(patience, _open(target, ctx, profile, settings.server_name(target), prepare))
    except (ProbeFailed, LocalFault):
        return refused  # the first finding stands; only its description is shorter
    if opened is None:
        return refused
    stream, session = opened
    stream.close()
    if session.certificate is None:
        return refused
    name = settings.name_asked_for(target)
    return CertificateRefused(
        why_refused(refused, session.certificate, session, name, accept_cn=settings.tls_accept_cn),
        facts=tls_facts(session),
    )


def _is_name(name: str, *, address: bool) -> bool:
    if as_address(name) is not None:
        return address
    bare = name.removesuffix(".")
    return len(bare) <= 253 and all(_LABEL.fullmatch(label) for label in bare.split("."))


def _refuse_changed(settings: TlsSettings, names: list[str] | tuple[str, ...], why: str) -> None:
    defaults: dict[str, Any] = {field.name: field.default for field in fields(TlsSettings)}
    for name in names:
        if defaults[name] is not MISSING and getattr(settings, name) != defaults[name]:
            raise ValueError(f"{name}: {why}")


def _check_ciphers(ciphers: str) -> None:
    import ssl  # noqa: PLC0415  only where somebody sets ciphers

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(ciphers)
    except ssl.SSLError:
        raise ValueError(f"tls_ciphers: OpenSSL knows no cipher in {ciphers!r}") from None
