"""Whose word a proxy's answer is: the origin's, or the proxy's own; and then why.

RFC 9209 (Proxy-Status) says it, Squid says it in X-Squid-Error; 502 and 504 are a gateway's word by what they mean
(RFC 9110 sections 15.6.3 and 15.6.5).
"""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.model import FactValue
from lvsmon.probes.talk import shown
from lvsmon.wire.http1 import Head

_ERROR: Final = re.compile(rb";[ \t]*error[ \t]*=[ \t]*([a-z_]{1,60})")
_DENIED: Final = re.compile("ACCESS_DENIED|FORWARDING_DENIED|http_request_denied|BLOCKED_BY|TOO_BIG")
_LOGIN: Final = re.compile("CACHE_ACCESS_DENIED|CACHE_MGR_ACCESS_DENIED")
_ORIGIN: Final = re.compile(
    "CONNECT_FAIL|CANNOT_FORWARD|DNS_FAIL|READ_TIMEOUT|READ_ERROR|WRITE_ERROR|ZERO_SIZE_OBJECT|LIFETIME_EXP|INVALID_RESP"
    "|GATEWAY_FAILURE|^dns_|^destination_|^connection_|^tls_|^http_response_|^http_protocol_error|^http_upgrade_failed"
)


@dataclass(frozen=True, slots=True)
class Blame:
    """``because`` finishes "status 503, ..."; "" where nothing is known. ``facts`` say the same for programs."""

    because: str
    facts: dict[str, FactValue]


def blame(head: Head, origin: str) -> Blame:
    """Return whose word an answer is that was not wanted; ``origin`` is what was asked for."""
    error = _error(head)
    if error is None and head.status not in {407, 502, 504}:
        return Blame("", {})
    told = "" if error is None else f" ({error})"
    facts: dict[str, FactValue] = {"said_by": "proxy"}
    if error is not None:
        facts["proxy_error"] = error
    if head.status == 407 or (error is not None and _LOGIN.search(error)):
        return Blame(f"the proxy wants a login, or does not take this one{told}", facts)
    if error is not None and _DENIED.search(error):
        return Blame(f"the proxy does not allow it{told}", facts)
    if head.status in {502, 504} or (error is not None and _ORIGIN.search(error)):
        return Blame(f"the proxy answers, but cannot get anything from the origin {origin}{told}", facts)
    return Blame(f"that is the proxy's own word{told}", facts)


def _error(head: Head) -> str | None:
    """Return what the proxy calls its trouble, None where it speaks of none."""
    squid = head.get(b"x-squid-error")
    if squid is not None:
        return shown(squid, 60)
    found = _ERROR.search(head.get(b"proxy-status") or b"")
    return shown(found[1], 60) if found else None
