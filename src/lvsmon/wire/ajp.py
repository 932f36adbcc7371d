"""AJP13, what Apache's and other web servers speak to Tomcat (tomcat.apache.org, "The AJP Protocol, AJPv13").

A packet to the container begins with 0x1234, one from it with "AB"; then its length in two bytes, and a first byte for
what it is. A string is its length in two bytes, its bytes, and a NUL. CPing is answered by CPong, a request by headers,
pieces of the body, and an end.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.cgi import Answer, Data
from lvsmon.wire.frames import FrameReader

MAX_PACKET: Final = 4 + 0xFFFF
"""Bytes of the longest packet that there can be; containers send 8 kB unless set otherwise, 64 kB at most."""

MAX_HEADERS: Final = 200
"""Headers of an answer: more than applications set cookies."""

_CPING: Final = b"\x12\x34\x00\x01\x0a"
NO_BODY: Final = b"\x12\x34\x00\x00"
"""What a container gets that asks for more of a body."""

_METHODS: Final[Mapping[str, int]] = {"OPTIONS": 1, "GET": 2, "HEAD": 3, "POST": 4}
_QUERY, _SECRET, _DONE = 0x05, 0x0C, 0xFF
_SENT: Final[Mapping[str, int]] = {
    "accept": 0xA001,
    "accept-charset": 0xA002,
    "accept-encoding": 0xA003,
    "accept-language": 0xA004,
    "authorization": 0xA005,
    "connection": 0xA006,
    "content-type": 0xA007,
    "content-length": 0xA008,
    "cookie": 0xA009,
    "cookie2": 0xA00A,
    "host": 0xA00B,
    "pragma": 0xA00C,
    "referer": 0xA00D,
    "user-agent": 0xA00E,
}
"""Names of request headers that are sent as numbers: a container need not know them as strings."""

_RECEIVED: Final = (
    b"content-type", b"content-language", b"content-length", b"date", b"last-modified", b"location", b"set-cookie",
    b"set-cookie2", b"servlet-engine", b"status", b"www-authenticate",
)  # fmt: skip
"""Names of response headers from 0xA001 on."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to CPing."""


@dataclass(frozen=True, slots=True)
class WantsBody:
    """The container asks for more of the request's body."""


@dataclass(frozen=True, slots=True)
class End:
    """The answer is whole; ``reuse`` says whether the container keeps the connection."""

    reuse: bool


Event: TypeAlias = Pong | Answer | Data | WantsBody | End


class PacketReader(FrameReader):
    """Bytes from the container in, what they say out; holds one packet beyond what it was last fed."""

    __slots__ = ()

    unit = "packet"

    def next_event(self) -> Event | None:
        """Return what the next packet says, None where more bytes are needed; raise `ProtocolViolation`."""
        begins = bytes(self._buffer[:2])
        if not b"AB".startswith(begins):
            raise ProtocolViolation(f"not a packet of an AJP container: it begins with {begins!r}, not b'AB'")
        if len(self._buffer) < 4:
            return None
        end = 4 + int.from_bytes(self._buffer[2:4])
        if len(self._buffer) < end:
            return None
        packet = bytes(self._buffer[4:end])
        del self._buffer[:end]
        return _told(packet)


def _told(packet: bytes) -> Event:
    cursor = _Cursor(packet)
    match cursor.byte():
        case 3:
            return Data(cursor.piece())
        case 4:
            return _head(cursor)
        case 5:
            return End(bool(cursor.byte()))
        case 6:
            cursor.number()
            return WantsBody()
        case 9:
            return Pong()
        case kind:
            raise ProtocolViolation(f"an AJP packet of type {kind}, which no container sends")


def _head(cursor: "_Cursor") -> Answer:
    status, reason = cursor.number(), cursor.text()
    if not 100 <= status <= 599:
        raise ProtocolViolation(f"not a status: {status}")
    count = cursor.number()
    if count > MAX_HEADERS:
        raise ProtocolViolation(f"{count} headers: the most that are read are {MAX_HEADERS}")
    return Answer(status, reason, tuple((cursor.name(), cursor.text()) for _ in range(count)))


class _Cursor:
    """Reads one packet from its start; raises `ProtocolViolation` where the packet does not hold it."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise ProtocolViolation(f"an AJP packet that ends early, after {len(self._data)} bytes")
        self._at += count
        return piece

    def byte(self) -> int:
        return self._take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self._take(2))

    def piece(self) -> bytes:
        """Read a piece of a body; the NUL behind it is there in all containers, and no promise."""
        return self._take(self.number())

    def text(self) -> bytes:
        """Read a string; a length of 0xFFFF is none."""
        length = self.number()
        return b"" if length == 0xFFFF else self._take(length + 1)[:-1]

    def name(self) -> bytes:
        """Read the name of a header: a string, or 0xA0 and a number."""
        if self._data[self._at : self._at + 1] != b"\xa0":
            return self.text().lower()
        code = self.number() & 0xFF
        if not 1 <= code <= len(_RECEIVED):
            raise ProtocolViolation(f"an AJP header of the number {code}, which is none")
        return _RECEIVED[code - 1]


def cping() -> bytes:
    """Return the question whether the container answers (CPing)."""
    return _CPING


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request without a body, as a web server hands it on for a client."""

    method: str
    path: str
    query: str | None
    server_name: str
    server_port: int
    headers: tuple[tuple[str, str], ...]
    client: str = "127.0.0.1"
    over_tls: bool = False
    secret: str | None = None

    def encode(self) -> bytes:
        """Return the packet; raise ValueError where it is longer than the 8 kB that every container takes."""
        attributes = [(_QUERY, self.query), (_SECRET, self.secret)]
        payload = b"".join(
            [
                bytes([2, _METHODS[self.method]]),
                *map(_string, ("HTTP/1.1", self.path, self.client, self.client, self.server_name)),
                struct.pack(">HBH", self.server_port, self.over_tls, len(self.headers)),
                *(_name(name) + _string(value) for name, value in self.headers),
                *(bytes([code]) + _string(value) for code, value in attributes if value is not None),
                bytes([_DONE]),
            ]
        )
        if len(payload) > MAX_REQUEST:
            raise ValueError(f"the request is longer than the {MAX_REQUEST} bytes that an AJP packet holds")
        return struct.pack(">HH", 0x1234, len(payload)) + payload


MAX_REQUEST: Final = 8192 - 4
"""Bytes of a request, without its first four: the size of packets that every container takes."""


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data + b"\0"


def _name(name: str) -> bytes:
    code = _SENT.get(name.lower())
    return _string(name) if code is None else struct.pack(">H", code)
