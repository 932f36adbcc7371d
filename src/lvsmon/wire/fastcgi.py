"""FastCGI 1.0 as a web server speaks it to an application (the specification of 1996, FastCGI_Specification.html).

Everything is a record: version, type, request id, length of content and of padding, one reserved byte (section 3.3).
Records of request 0 are about the application itself (section 4). A request is BEGIN_REQUEST, PARAMS and STDIN; both
streams end in an empty record. What comes back are STDOUT and STDERR, and END_REQUEST at the end (section 5).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.frames import FrameReader

HEADER: Final = struct.Struct(">BBHHBx")
_VERSION: Final = 1
_RESPONDER: Final = 1
_PADDING: Final = 8
REQUEST: Final = 1
"""The id of our request: the only one on its connection."""

MAX_RECORD: Final = HEADER.size + 0xFFFF + 0xFF
"""Bytes of the longest record that there can be: its lengths have 16 and 8 bits."""


class Type(IntEnum):
    """Types of records (section 8); others may come from servers of a later version."""

    BEGIN_REQUEST = 1
    ABORT_REQUEST = 2
    END_REQUEST = 3
    PARAMS = 4
    STDIN = 5
    STDOUT = 6
    STDERR = 7
    DATA = 8
    GET_VALUES = 9
    GET_VALUES_RESULT = 10
    UNKNOWN_TYPE = 11


class Ending(IntEnum):
    """What END_REQUEST says of the request (section 5.5)."""

    COMPLETE = 0
    CANT_MPX_CONN = 1
    OVERLOADED = 2
    UNKNOWN_ROLE = 3


@dataclass(frozen=True, slots=True)
class Record:
    """One record, without its padding."""

    type: int
    request: int
    content: bytes


class RecordReader(FrameReader):
    """Bytes in, records out; holds one record beyond what it was last fed."""

    __slots__ = ()

    unit = "record"

    def next_event(self) -> Record | None:
        """Return the next record, None where more bytes are needed; raise `ProtocolViolation`."""
        if self._buffer and self._buffer[0] != _VERSION:
            raise ProtocolViolation(f"not a FastCGI record: it begins with byte {self._buffer[0]:#04x}, not 0x01")
        if len(self._buffer) < HEADER.size:
            return None
        _, kind, request, length, padding = HEADER.unpack_from(self._buffer)
        end = HEADER.size + length
        if len(self._buffer) < end + padding:
            return None
        content = bytes(self._buffer[HEADER.size : end])
        del self._buffer[: end + padding]
        return Record(kind, request, content)


def record(kind: Type, content: bytes = b"") -> bytes:
    """Return a record of our request, of at most 65,535 bytes of content."""
    return HEADER.pack(_VERSION, kind, REQUEST, len(content), 0) + content


def get_values() -> bytes:
    """Return the question that every application answers (section 4.1).

    It is padded: libfcgi answers only when it has read beyond the content.
    """
    names = (b"FCGI_MAX_CONNS", b"FCGI_MAX_REQS", b"FCGI_MPXS_CONNS")
    content = b"".join(_pair(name, b"") for name in names)
    return HEADER.pack(_VERSION, Type.GET_VALUES, 0, len(content), _PADDING) + content + bytes(_PADDING)


def responder(params: Iterable[tuple[str, str]]) -> bytes:
    """Return a whole request without a body; the connection is to be closed after it (no FCGI_KEEP_CONN)."""
    pairs = b"".join(_pair(name.encode(), value.encode()) for name, value in params)
    pieces = [pairs[start : start + 0xFFFF] for start in range(0, len(pairs), 0xFFFF)]
    return b"".join(
        [
            record(Type.BEGIN_REQUEST, struct.pack(">HB5x", _RESPONDER, 0)),
            *(record(Type.PARAMS, piece) for piece in pieces),
            record(Type.PARAMS),
            record(Type.STDIN),
        ]
    )


def _pair(name: bytes, value: bytes) -> bytes:
    """Return a name-value pair (section 3.4)."""
    return _length(len(name)) + _length(len(value)) + name + value


def _length(count: int) -> bytes:
    return bytes([count]) if count < 0x80 else struct.pack(">I", count | 1 << 31)


def pairs(content: bytes) -> dict[bytes, bytes]:
    """Return the name-value pairs of a record; raise `ProtocolViolation`."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        lengths = []
        for _ in range(2):
            wide = at < len(content) and content[at] >> 7
            end = at + (4 if wide else 1)
            if end > len(content):
                raise ProtocolViolation("a name-value pair that ends early")
            lengths.append(int.from_bytes(content[at:end]) & ((1 << 31) - 1 if wide else 0x7F))
            at = end
        middle, end = at + lengths[0], at + sum(lengths)
        if end > len(content):
            raise ProtocolViolation("a name-value pair that is longer than its record")
        found[content[at:middle]] = content[middle:end]
        at = end
    return found


def ending(content: bytes) -> tuple[int, int]:
    """Return the exit status of the application and how the request ended; raise `ProtocolViolation`."""
    if len(content) < 5:
        raise ProtocolViolation(f"an END_REQUEST of {len(content)} bytes, not 8")
    status, how = struct.unpack_from(">IB", content)
    return status, how
