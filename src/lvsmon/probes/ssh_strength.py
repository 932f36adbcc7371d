"""What an SSH client of today takes of a server's offer, and what it has given up as too weak."""

import re
from typing import Final

from lvsmon.errors import ExpectationFailed, LocalFault, ProtocolViolation
from lvsmon.probes.talk import shown
from lvsmon.wire.ssh import Offer
from lvsmon.wire.ssh_kex import HOST_KEY_ALGORITHMS, METHODS, type_of

CIPHERS: Final = (
    "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr",
    "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
)  # fmt: skip
MACS: Final = (
    "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512",
    "umac-128-etm@openssh.com", "umac-64-etm@openssh.com", "umac-128@openssh.com", "umac-64@openssh.com",
    "hmac-sha1-etm@openssh.com", "hmac-sha1",
)  # fmt: skip
"""Offered, as OpenSSH 9 offers them, and never used: nothing is said once keys are exchanged."""

_MARKERS: Final = re.compile(r"(?:ext-info|kex-strict)-[a-z0-9-]+(?:@.*)?")
"""What stands among key exchanges and is none (RFC 8308)."""

_WEAK_KEX: Final = re.compile(r".*-sha1(?:-.*)?|rsa1024-sha1")
_WEAK_KEYS: Final = re.compile(r"(?:ssh-rsa|ssh-dss|x509v3-sign-(?:rsa|dss))(?:-cert-v0[01]@openssh\.com)?")
_WEAK_CIPHERS: Final = re.compile(r".*-cbc(?:@.*)?|arcfour.*|none|des")


def agreed(theirs: Offer, ours: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    """Return the key exchange and host key algorithm agreed on, and all types of host keys it has, as far as we know.

    Raise `ExpectationFailed` where the server offers nothing but what is too weak, or no host key of ``ours``;
    `LocalFault` where it offers only what we do not speak.
    """
    methods = tuple(name for name in theirs.kex if not _MARKERS.fullmatch(name))
    method = _first("key exchange", METHODS, methods, _WEAK_KEX)
    known = tuple(name for name in theirs.host_keys if name in HOST_KEY_ALGORITHMS)
    types = tuple(dict.fromkeys(type_of(name) for name in known))
    if known and not set(known) & set(ours):
        wanted = ", ".join(dict.fromkeys(type_of(name) for name in ours))
        raise ExpectationFailed(f"it has no host key of type {wanted}, only {', '.join(types)}")
    algorithm = _first("host key", ours, theirs.host_keys, _WEAK_KEYS)
    for ciphers in (theirs.ciphers_in, theirs.ciphers_out):
        _first("cipher", CIPHERS, ciphers, _WEAK_CIPHERS)
    return method, algorithm, types


def _first(what: str, ours: tuple[str, ...], theirs: tuple[str, ...], weak: re.Pattern[str]) -> str:
    """Return the first of ours that is theirs too: so it is agreed on (RFC 4253 section 7.1)."""
    for name in ours:
        if name in theirs:
            return name
    if not theirs:
        raise ProtocolViolation(f"it offers no {what} at all")
    offered = shown(", ".join(theirs).encode(), 160)
    if all(weak.fullmatch(name) for name in theirs):
        raise ExpectationFailed(f"it offers no {what} that clients of today take, only weak ones: {offered}")
    raise LocalFault(f"it offers no {what} that lvsmon speaks, only {offered}: probe it with mode = banner")
