"""The client protocol of MySQL and MariaDB, version 4.1 and later, as text queries need it.

Packets have a length of three bytes and a sequence number; numbers are little-endian. Sources: MySQL's internals
manual, "Client/Server Protocol", and MariaDB's knowledge base of the same name.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.frames import FrameReader

MAX_PACKET: Final = 65536
"""Bytes of one packet: one row of an answer."""

QUIT: Final = b"\1\0\0\0\1"
NATIVE: Final = "mysql_native_password"
SHA2: Final = "caching_sha2_password"
ASK_KEY: Final = b"\2"
"""What a client of caching_sha2_password says to be told the server's public key."""

MAX_KEY_BITS: Final = 8192
"""Of an RSA key: servers make 2048; much larger ones would take the director's time."""

_SALT: Final = 20
_PROTOCOL_41, _SSL, _SECURE, _WITH_DB, _PLUGIN = 0x200, 0x800, 0x8000, 0x8, 0x80000
_OURS: Final = _PROTOCOL_41 | _SECURE | _PLUGIN | 1
_UTF8MB4: Final = 45


@dataclass(frozen=True, slots=True)
class Packet:
    sequence: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server says first."""

    version: str
    capabilities: int
    salt: bytes
    plugin: str

    @property
    def offers_tls(self) -> bool:
        return bool(self.capabilities & _SSL)


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error of the server: its number and text."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"error {self.code}: {self.text}"


class PacketReader(FrameReader):
    """Bytes in, packets out; `ProtocolViolation` for what is too long to be one."""

    __slots__ = ()

    unit = "packet"

    @property
    def missing(self) -> int:
        """How many bytes the next packet, or its head, lacks: who reads no more leaves alone what follows it."""
        if len(self._buffer) < 4:
            return 4 - len(self._buffer)
        return max(0, 4 + self._length - len(self._buffer))

    @property
    def _length(self) -> int:
        return int.from_bytes(self._buffer[:3], "little")

    def next_event(self) -> Packet | None:
        """Return the next whole packet, None where more bytes are needed."""
        if len(self._buffer) < 4:
            return None
        if self._length > MAX_PACKET:
            raise ProtocolViolation(
                f"not a packet of MySQL, or one of more than {MAX_PACKET} bytes: {bytes(self._buffer[:40])!r}"
            )
        if self.missing:
            return None
        end = 4 + self._length
        packet = Packet(self._buffer[3], bytes(self._buffer[4:end]))
        del self._buffer[:end]
        return packet


class Cursor:
    """Reads the parts of a packet; raises `ProtocolViolation` at its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._body)

    def take(self, count: int) -> bytes:
        piece = self._body[self._at : self._at + count]
        if len(piece) < count:
            raise ProtocolViolation("a packet that ends too early")
        self._at += count
        return piece

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def until_zero(self) -> bytes:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise ProtocolViolation("a packet that ends within a text")
        piece = self._body[self._at : end]
        self._at = end + 1
        return piece

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)

    def text(self) -> bytes | None:
        """Return a text with its length before it; None is NULL."""
        length = self.number(1)
        if length == 0xFB:
            return None
        if length == 0xFF:
            raise ProtocolViolation("a length that is none")
        return self.take(length if length < 0xFB else self.number({0xFC: 2, 0xFD: 3, 0xFE: 8}[length]))


def greeting(body: bytes) -> Greeting:
    """Return what the first packet says; raise `ProtocolViolation`."""
    cursor = Cursor(body)
    if (version := cursor.number(1)) != 10:
        raise ProtocolViolation(f"a greeting of protocol {version}: 10 is spoken since MySQL 3.21")
    name = cursor.until_zero().decode("utf-8", "backslashreplace")
    cursor.take(4)
    salt = cursor.take(8)
    cursor.take(1)
    low = cursor.number(2)
    if cursor.at_end:
        raise ProtocolViolation("a greeting of a server older than MySQL 4.1")
    cursor.take(3)
    capabilities = low | cursor.number(2) << 16
    if not (capabilities & _PROTOCOL_41 and capabilities & _SECURE):
        raise ProtocolViolation("a greeting of a server older than MySQL 4.1")
    length = cursor.number(1)
    cursor.take(10)
    salt += cursor.take(max(13, length - 8))[: _SALT - 8]
    plugin = cursor.rest().split(b"\0", 1)[0] if capabilities & _PLUGIN else b""
    return Greeting(name, capabilities, salt, plugin.decode("ascii", "backslashreplace") or NATIVE)


def complaint(body: bytes) -> Complaint:
    """Return what an error packet says; its SQLSTATE is left out before the greeting, and is not needed."""
    cursor = Cursor(body)
    cursor.take(1)
    code = cursor.number(2)
    text = cursor.rest()
    return Complaint(code, (text[6:] if text[:1] == b"#" else text).decode("utf-8", "backslashreplace"))


def packet(sequence: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes((sequence & 0xFF,)) + body


def _head(database: str | None, *, tls: bool) -> bytes:
    flags = _OURS | (_SSL if tls else 0) | (_WITH_DB if database else 0)
    return struct.pack("<IIB23x", flags, 1 << 24, _UTF8MB4)


def tls_request(database: str | None) -> bytes:
    """Return the packet after which TLS begins."""
    return packet(1, _head(database, tls=True))


def login(user: str, database: str | None, proof: bytes, plugin: str, *, tls: bool) -> bytes:
    """Return the answer to the greeting."""
    body = _head(database, tls=tls) + user.encode() + b"\0" + bytes((len(proof),)) + proof
    body += (database.encode() + b"\0" if database else b"") + plugin.encode() + b"\0"
    return packet(2 if tls else 1, body)


def query(sql: str) -> bytes:
    return packet(0, b"\3" + sql.encode())


def proof(plugin: str, password: str, salt: bytes) -> bytes:
    """Return what shows that we know the password: nothing for none, or for a plugin that is not known here."""
    secret = password.encode()
    if not secret or plugin not in {NATIVE, SHA2}:
        return b""
    if plugin == NATIVE:
        once = hashlib.sha1(secret, usedforsecurity=False).digest()
        twice = hashlib.sha1(once, usedforsecurity=False).digest()
        mask = hashlib.sha1(salt + twice, usedforsecurity=False).digest()
    else:
        once = hashlib.sha256(secret).digest()
        mask = hashlib.sha256(hashlib.sha256(once).digest() + salt).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


def sealed(password: str, salt: bytes, key: bytes) -> bytes:
    """Return the whole password for the holder of an RSA key alone, as caching_sha2_password wants it outside of TLS.

    It is masked with the salt and encrypted by RSA-OAEP with SHA-1 (MySQL's sql-common/client_authentication.cc).
    ``key`` is the server's public key in PEM; raise `ProtocolViolation` where it is none, or of no use.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  takes time to load
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415

    try:
        public = serialization.load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        raise ProtocolViolation(f"not a public key in PEM: {key[:40]!r}") from None
    if not isinstance(public, rsa.RSAPublicKey) or public.key_size > MAX_KEY_BITS:
        raise ProtocolViolation(f"not an RSA key of up to {MAX_KEY_BITS} bits")
    if len(salt) < _SALT:
        raise ProtocolViolation("a salt that is too short")
    masked = bytes(one ^ salt[at % _SALT] for at, one in enumerate(password.encode() + b"\0"))
    try:
        return public.encrypt(masked, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303
    except ValueError:
        raise ProtocolViolation(f"an RSA key of {public.key_size} bits is too small for the password") from None


def switch(body: bytes) -> tuple[str, bytes]:
    """Return the plugin and the salt that the server wants instead."""
    cursor = Cursor(body)
    cursor.take(1)
    if cursor.at_end:
        return "mysql_old_password", b""
    plugin = cursor.until_zero().decode("ascii", "backslashreplace")
    return plugin, cursor.rest()[:_SALT]


def column_name(body: bytes) -> str:
    """Return the name in a column's definition: its fifth text."""
    cursor = Cursor(body)
    texts = [cursor.text() for _ in range(5)]
    return (texts[4] or b"").decode("utf-8", "backslashreplace")


def row(body: bytes, count: int) -> list[bytes | None]:
    cursor = Cursor(body)
    columns = [cursor.text() for _ in range(count)]
    if not cursor.at_end:
        raise ProtocolViolation("a row that is longer than its columns")
    return columns
