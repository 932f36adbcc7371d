"""RADIUS from the client's side: Access-Request and Status-Server, and their replies proved (RFC 2865, 2869, 5997).

Two signatures stand in a reply, both keyed with the secret that client and server share. The Response Authenticator is
an MD5 digest, which somebody on the way can forge within minutes (CVE-2024-3596, "Blast-RADIUS"); the
Message-Authenticator is an HMAC (RFC 3579 section 3.2), which nobody can. A server drops, without a word, what comes
from a client that it does not know or what is signed with another secret.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from lvsmon.errors import ProtocolViolation

if TYPE_CHECKING:
    from _hashlib import HASH

MAX_PASSWORD: Final = 128
"""Bytes of a hidden password (RFC 2865 section 5.2)."""

MAX_VALUE: Final = 253
"""Bytes of one attribute's value: its length stands in one byte, two are its head."""

MAX_PACKET: Final = 4096
"""Bytes of a packet (RFC 2865 section 3)."""

_HEAD: Final = struct.Struct("!BBH16s")
_BLOCK: Final = 16
_NO_SIGNATURE: Final = bytes(16)


class Code(IntEnum):
    """Packets as section 3 of RFC 2865 and RFC 5997 number them."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12

    def __str__(self) -> str:
        return "-".join(word.capitalize() for word in self.name.split("_"))


class Type(IntEnum):
    """Attributes that a probe sends or looks at."""

    USER_NAME = 1
    USER_PASSWORD = 2
    NAS_IP_ADDRESS = 4
    REPLY_MESSAGE = 18
    NAS_IDENTIFIER = 32
    MESSAGE_AUTHENTICATOR = 80
    NAS_IPV6_ADDRESS = 95


Attribute: TypeAlias = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is sent, and what its reply is held against."""

    packet: bytes
    secret: bytes

    @property
    def identifier(self) -> int:
        return self.packet[1]

    @property
    def authenticator(self) -> bytes:
        return self.packet[4:20]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that whoever knows the secret has signed; ``proven`` where a Message-Authenticator says so too."""

    code: int
    attributes: tuple[Attribute, ...]
    proven: bool

    @property
    def name(self) -> str:
        return str(Code(self.code)) if self.code in _CODES else f"a packet of code {self.code}"

    @property
    def message(self) -> bytes:
        """What the server has to say to the user: its Reply-Messages, one after the other (RFC 2865 section 5.18)."""
        return b" ".join(value for number, value in self.attributes if number == Type.REPLY_MESSAGE)


_CODES: Final = frozenset(Code)


class Forged(ProtocolViolation):
    """The reply is not signed with our secret, or somebody has changed it on its way."""


def hide(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """Return ``password`` as User-Password carries it (RFC 2865 section 5.2)."""
    padded = password + bytes(-len(password) % _BLOCK) or bytes(_BLOCK)
    hidden, previous = b"", authenticator
    for at in range(0, len(padded), _BLOCK):
        key = _md5(secret + previous).digest()
        previous = bytes(one ^ other for one, other in zip(padded[at : at + _BLOCK], key, strict=True))
        hidden += previous
    return hidden


def request(
    code: Code, identifier: int, authenticator: bytes, attributes: Iterable[Attribute], secret: bytes
) -> Request:
    """Return a request signed with ``secret``; ``authenticator`` is 16 random bytes.

    Its Message-Authenticator comes first, where servers of today want it (CVE-2024-3596).
    """
    body = b"".join(bytes((number, len(value) + 2)) + value for number, value in attributes)
    head = _HEAD.pack(code, identifier, _HEAD.size + 18 + len(body), authenticator)
    start = head + bytes((Type.MESSAGE_AUTHENTICATOR, 18))
    signature = _sign(secret, start + _NO_SIGNATURE + body)
    return Request(start + signature + body, secret)


def answers(data: bytes, asked: Request) -> bool:
    """Say whether ``data`` carries the identifier of ``asked``; what does not is late, or somebody else's."""
    return len(data) >= _HEAD.size and data[1] == asked.identifier


def read(data: bytes, asked: Request) -> Reply:
    """Return the reply to ``asked``; raise `Forged` where its signatures do not hold, `ProtocolViolation` else.

    What follows the length that the packet gives is padding (RFC 2865 section 3).
    """
    if len(data) < _HEAD.size:
        raise ProtocolViolation(f"no RADIUS: {len(data)} bytes, and the head alone has {_HEAD.size}")
    code, identifier, length, signature = _HEAD.unpack_from(data)
    if code == asked.packet[0] and signature == asked.authenticator:
        raise ProtocolViolation("what came back is the request: something echoes")
    if not _HEAD.size <= length <= min(len(data), MAX_PACKET):
        raise ProtocolViolation(f"no RADIUS: {len(data)} bytes, which say to be {length}")
    if identifier != asked.identifier:
        raise ProtocolViolation(f"the reply to request {identifier}, ours was {asked.identifier}")
    body = data[_HEAD.size : length]
    expected = _md5(data[:4] + asked.authenticator + body + asked.secret).digest()
    if not hmac.compare_digest(signature, expected):
        raise Forged(
            "the reply is not signed with our secret (its Response Authenticator is wrong):"
            " it has another one, or somebody answers in its place"
        )
    attributes = _attributes(body)
    return Reply(code, tuple((number, value) for number, _, value in attributes), _proven(data, asked, attributes))


def _proven(data: bytes, asked: Request, attributes: list[tuple[int, int, bytes]]) -> bool:
    """Say whether there is a Message-Authenticator; raise `Forged` where it does not hold (RFC 3579 section 3.2)."""
    signatures = [(at, value) for number, at, value in attributes if number == Type.MESSAGE_AUTHENTICATOR]
    if not signatures:
        return False
    at, signature = signatures[0]
    length = int.from_bytes(data[2:4])
    if len(signatures) > 1 or len(signature) != len(_NO_SIGNATURE):
        raise ProtocolViolation("a Message-Authenticator of another length than 16 bytes, or more than one")
    blank = data[:4] + asked.authenticator + data[_HEAD.size : at] + _NO_SIGNATURE + data[at + 16 : length]
    if not hmac.compare_digest(signature, _sign(asked.secret, blank)):
        raise Forged("the reply's Message-Authenticator is wrong: it was changed on its way")
    return True


def _attributes(body: bytes) -> list[tuple[int, int, bytes]]:
    """Return number, place in the packet and value of each attribute."""
    found, at = [], 0
    while at < len(body):
        length = body[at + 1] if at + 1 < len(body) else 0
        if length < 2 or at + length > len(body):
            raise ProtocolViolation(f"an attribute (number {body[at]}) that does not end within the packet")
        found.append((body[at], _HEAD.size + at + 2, body[at + 2 : at + length]))
        at += length
    return found


def _md5(data: bytes = b"") -> "HASH":
    """Return MD5, which is the protocol's, also where OpenSSL is bidden to refuse it (FIPS)."""
    return hashlib.md5(data, usedforsecurity=False)


def _sign(secret: bytes, packet: bytes) -> bytes:
    return hmac.new(secret, packet, _md5).digest()
