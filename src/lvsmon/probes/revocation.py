"""Whether a certificate was revoked, as the staple tells that its server sends (OCSP, RFC 6066 section 8)."""

from collections.abc import Coroutine
from typing import Any, Final, TypeAlias

from lvsmon.errors import CertificateRefused, ProbeFailed
from lvsmon.model import Revocation
from lvsmon.net.tls.values import Stapled, TlsSession
from lvsmon.probes.base import Context
from lvsmon.probes.certificate_facts import tls_facts

Look: TypeAlias = Stapled | str
"""What was seen, or why nothing was."""

_SHARE: Final = 0.5
"""Share of what is left of the run for the look: a realserver that hangs in it alone is not down for that."""


async def look(looking: Coroutine[Any, Any, Stapled], ctx: Context) -> Look:
    """Return what ``looking`` sees on a connection of its own.

    Python's TLS cannot ask for a staple, and what can is not what judges. The connection is closed before the next one
    is opened: there are realservers that serve one at a time.
    """
    patience = _SHARE * (ctx.deadline.at - ctx.clock.monotonic())
    try:
        return await ctx.net.within(patience, looking) or "no handshake in time"
    except ProbeFailed as error:
        return str(error)  # where it is down, the next connection tells


def revocation_of(session: TlsSession, looked: Look) -> Revocation:
    """Return what the staple that was seen says of the certificate of ``session``."""
    from lvsmon.wire import ocsp  # noqa: PLC0415  cryptography takes 0.2 s to load

    if isinstance(looked, str):
        return Revocation("unusable", f"the revocation staple cannot be seen: {looked}")
    if looked.certificate != session.der:
        return Revocation("unusable", "the revocation staple came with another certificate than the one judged")
    return ocsp.judge(looked.staple, session.der, looked.others, session.at)


def refuse_revoked(session: TlsSession, *, required: bool) -> None:
    """Raise `CertificateRefused` where the certificate was revoked, or the staple that there must be is not there."""
    from lvsmon.wire import ocsp  # noqa: PLC0415

    seen = session.revocation
    if seen is None or seen.status == "good":
        return
    facts = tls_facts(session)
    if seen.status == "revoked":
        raise CertificateRefused(seen.text, facts=facts)
    if required:
        raise CertificateRefused(f"{seen.text}, and tls_staple demands a good one", facts=facts)
    if seen.status == "none" and ocsp.must_be_stapled(session.der):
        text = f"{seen.text}, and the certificate itself demands one (must-staple): clients refuse it without"
        raise CertificateRefused(text, facts=facts)
