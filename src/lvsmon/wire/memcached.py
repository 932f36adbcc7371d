"""memcached's text protocol (protocol.txt in its source), as far as a client needs it that reads.

An answer is a line that begins with one of a few words; ``VALUE key flags bytes`` is followed by so many bytes and
CRLF.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineReader

MAX_LINE: Final = 2048
"""The server's own limit for a command line; its answers are shorter."""

MAX_VALUE: Final = 65536
"""Bytes of one value: one that tells of health is a word."""

_LINE: Final = re.compile(rb"(VERSION|STAT|END|STORED|ERROR|CLIENT_ERROR|SERVER_ERROR)(?: (.*))?", re.DOTALL)
_VALUE: Final = re.compile(rb"VALUE ([^\x00-\x20\x7f]{1,250}) [0-9]{1,10} ([0-9]{1,10})(?: [0-9]{1,20})?")


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its first word, and the rest."""

    word: str
    text: bytes

    @property
    def is_error(self) -> bool:
        return self.word.endswith("ERROR")


@dataclass(frozen=True, slots=True)
class Value:
    key: bytes
    data: bytes


Answer: TypeAlias = Line | Value


class AnswerReader:
    """Bytes in, answers out; `ProtocolViolation` for what is none."""

    __slots__ = ("_awaited", "_key", "_lines", "_parts")

    def __init__(self) -> None:
        self._lines = LineReader(MAX_LINE)
        self._parts: list[bytes] = []
        self._key: bytes | None = None
        self._awaited = 0  # bytes of a value still to come, with its CRLF

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of an answer" if self._key is not None or self.pending else "instead of an answer"

    @property
    def pending(self) -> bytes:
        """What was fed and is not part of an answer yet."""
        return self._lines.pending

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def feed_eof(self) -> None:
        """Nothing is completed by the end."""

    def next_event(self) -> Answer | None:
        """Return the next whole answer, None where more bytes are needed."""
        if self._key is None:
            line = self._lines.next_line()
            if line is None:
                return None
            if (found := _LINE.fullmatch(line)) is not None:
                return Line(found[1].decode("ascii"), found[2] or b"")
            if (found := _VALUE.fullmatch(line)) is None:
                raise ProtocolViolation(f"not an answer of memcached: {line[:80]!r}")
            if int(found[2]) > MAX_VALUE:
                raise ProtocolViolation(f"a value of {int(found[2])} bytes: the most that is read is {MAX_VALUE}")
            self._key = found[1]
            self._awaited = int(found[2]) + 2
        return self._value(self._key)

    def _value(self, key: bytes) -> Value | None:
        piece = self._lines.take(self._awaited)
        self._awaited -= len(piece)
        self._parts.append(piece)
        if self._awaited:
            return None
        data = b"".join(self._parts)
        self._parts.clear()
        self._key = None
        if not data.endswith(b"\r\n"):
            raise ProtocolViolation("a value that goes on after its length")
        return Value(key, data[:-2])
