"""PostgreSQL's protocol 3.0, as a client of simple queries speaks it (its manual, "Frontend/Backend Protocol").

After the startup message each message is a letter, a length that counts itself, and a body.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.frames import FrameReader

MAX_MESSAGE: Final = 65536
"""Bytes of one message: one row of an answer."""

SSL_REQUEST: Final = struct.pack("!II", 8, 80877103)
"""What is sent instead of the startup message: the answer is one byte, S or N."""

TERMINATE: Final = b"X\0\0\0\4"

_VERSION: Final = 3 << 16
_KINDS: Final = frozenset(b"CDEIKNRSTZv")
"""Letters of the messages that a server sends to a client that does no COPY and no prepared statements."""


@dataclass(frozen=True, slots=True)
class Message:
    """``kind`` is its letter."""

    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error of the server: SQLSTATE (appendix A of the manual) and text."""

    severity: str
    sqlstate: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity} {self.sqlstate}: {self.text}"


class MessageReader(FrameReader):
    """Bytes in, messages out; `ProtocolViolation` for what is none."""

    __slots__ = ()

    unit = "message"

    def next_event(self) -> Message | None:
        """Return the next whole message, None where more bytes are needed."""
        if self._buffer and self._buffer[0] not in _KINDS:
            raise ProtocolViolation(f"not a message of PostgreSQL: {bytes(self._buffer[:80])!r}")
        if len(self._buffer) < 5:
            return None
        length = int.from_bytes(self._buffer[1:5])
        if not 4 <= length <= MAX_MESSAGE:
            raise ProtocolViolation(
                f"a message of {length} bytes: there are 4 to {MAX_MESSAGE}; it begins {bytes(self._buffer[:20])!r}"
            )
        if len(self._buffer) <= length:
            return None
        message = Message(chr(self._buffer[0]), bytes(self._buffer[5 : length + 1]))
        del self._buffer[: length + 1]
        return message


def startup(user: str, database: str | None) -> bytes:
    """Return the first message; without ``database`` it is the one named as the user."""
    words = ["user", user, *(["database", database] if database else []), "application_name", "lvsmon"]
    body = b"".join(word.encode() + b"\0" for word in words) + b"\0"
    return struct.pack("!II", len(body) + 8, _VERSION) + body


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def query(sql: str) -> bytes:
    return message(b"Q", sql.encode() + b"\0")


def password(text: bytes) -> bytes:
    """Return the answer to a request for a password, in clear text or hashed."""
    return message(b"p", text + b"\0")


def md5(user: str, secret: str, salt: bytes) -> bytes:
    """Return the password as a request with ``salt`` wants it hashed."""
    inner = hashlib.md5(secret.encode() + user.encode(), usedforsecurity=False).hexdigest()
    outer = hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
    return b"md5" + outer.encode()


def sasl_initial(mechanism: bytes, first: bytes) -> bytes:
    return message(b"p", mechanism + b"\0" + struct.pack("!I", len(first)) + first)


def complaint(body: bytes) -> Complaint:
    """Return what an error message says: fields of a letter and a text, each ended by a zero byte."""
    found: dict[str, str] = {}
    for one in body.split(b"\0"):
        if one:
            found.setdefault(chr(one[0]), one[1:].decode("utf-8", "backslashreplace"))
    if "C" not in found or "M" not in found:
        raise ProtocolViolation(f"an error without its SQLSTATE or its text: {body[:80]!r}")
    return Complaint(found.get("V") or found.get("S", "ERROR"), found["C"], found["M"])


def row(body: bytes) -> list[bytes | None]:
    """Return the columns of a row as text; None is NULL."""
    columns: list[bytes | None] = []
    position = 2
    for _ in range(int.from_bytes(body[:2])):
        length = int.from_bytes(body[position : position + 4], signed=True)
        position += 4
        if position + max(length, 0) > len(body):
            break
        columns.append(body[position : position + length] if length >= 0 else None)
        position += max(length, 0)
    else:
        if position == len(body):
            return columns
    raise ProtocolViolation("a row that is not as long as its columns")
