"""Host keys as people write them: fingerprints, public keys, lines of known_hosts (sshd(8), ssh-keygen(1))."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from lvsmon.wire.ssh_kex import HOST_KEY_ALGORITHMS, type_of

TYPES: Final = tuple(dict.fromkeys(type_of(algorithm) for algorithm in HOST_KEY_ALGORITHMS))
"""Types of host keys, the one that clients prefer first."""

_FINGERPRINT: Final = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")
_EXAMPLE: Final = '"SHA256:..." (ssh-keygen -lf FILE) or "ssh-ed25519 AAAA..." (the .pub file)'


@dataclass(frozen=True, slots=True)
class Wanted:
    """A host key that is expected: its fingerprint, and its type where that is known."""

    fingerprint: str
    type: str | None = None


def fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def parse_wanted(text: str) -> Wanted:
    """Return what a fingerprint or a public key stands for; raise ValueError saying what to write."""
    text = text.strip()
    if _FINGERPRINT.fullmatch(text):
        return Wanted(text.rstrip("="))
    if text.startswith("MD5:") or re.fullmatch(r"(?:[0-9a-fA-F]{2}:){15}[0-9a-fA-F]{2}", text):
        raise ValueError(f"MD5 fingerprints can be forged: write {_EXAMPLE}")
    return _public_key(text)


def _public_key(text: str) -> Wanted:
    words = text.split(None, 2)
    if len(words) < 2:
        raise ValueError(f"write {_EXAMPLE}")
    if words[0] not in TYPES:
        raise ValueError(f"a key of type {words[0][:40]!r} is none of {', '.join(TYPES)}")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the key is not in base64: write {_EXAMPLE}") from None
    name = words[0].encode()
    if not blob.startswith(len(name).to_bytes(4, "big") + name):
        raise ValueError(f"the key is cut short or not of type {words[0]}")
    return Wanted(fingerprint(blob), words[0])


def keys_in(lines: Iterable[str], name: str, port: int) -> tuple[list[Wanted], set[str]]:
    """Return the keys that a file of public keys or of known hosts has for ``name``, and fingerprints it revokes.

    A line of known_hosts counts where it names ``name`` (``[name]:port`` where the port is not 22, or else ``name``);
    a public key by itself counts for everybody. Raise ValueError with the line's number where one is broken.
    """
    exact, plain, revoked = [], [], set()
    with_port = f"[{name}]:{port}" if port != 22 else name
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        hosts = "" if words and words[0] in TYPES else (words.pop(0) if words else "")
        if marker == "@cert-authority" or (len(words) > 1 and words[0] not in TYPES):
            continue  # a key that this director cannot prove
        try:
            key = _public_key(" ".join(words))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if marker == "@revoked":
            revoked.add(key.fingerprint)
        elif not hosts or _names(hosts, with_port):
            exact.append(key)
        elif _names(hosts, name):
            plain.append(key)
    return exact or plain, revoked


def _names(hosts: str, name: str) -> bool:
    """Say whether the first field of a line of known_hosts names ``name``: patterns, negated ones, or hashed."""
    if hosts.startswith("|1|"):
        _, _, salt, digest = [*hosts.split("|", 3), "", ""][:4]
        try:
            made = hmac.digest(base64.b64decode(salt), name.lower().encode(), "sha1")
            return hmac.compare_digest(made, base64.b64decode(digest))
        except (binascii.Error, ValueError):
            return False
    found = False
    for pattern in hosts.lower().split(","):
        # Brackets stand for themselves there; only * and ? are wild.
        wild = pattern.removeprefix("!").replace("[", "[[]")
        if fnmatchcase(name.lower(), wild):
            if pattern.startswith("!"):
                return False
            found = True
    return found
