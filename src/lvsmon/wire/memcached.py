"""memcached's text protocol (protocol.txt in its source), as far as a client needs it that reads.

An answer is a line that begins with one of a few words; ``VALUE key flags bytes`` is followed by so many bytes and
CRLF.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import Counted, LineCodec

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


class AnswerReader(LineCodec):
    """Bytes in, answers out; `ProtocolViolation` for what is none."""

    __slots__ = ("_key", "_value")

    def __init__(self) -> None:
        super().__init__(MAX_LINE)
        self._value = Counted(self._reader, MAX_VALUE)
        self._key = b""

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of an answer" if self._value.begun or self.pending else "instead of an answer"

    def next_event(self) -> Answer | None:
        """Return the next whole answer, None where more bytes are needed."""
        if not self._value.begun:
            line = self._reader.next_line()
            if line is None:
                return None
            if (found := _LINE.fullmatch(line)) is not None:
                return Line(found[1].decode("ascii"), found[2] or b"")
            if (found := _VALUE.fullmatch(line)) is None:
                raise ProtocolViolation(f"not an answer of memcached: {line[:80]!r}")
            self._key = found[1]
            self._value.begin(int(found[2]))
        data = self._value.next_value()
        return None if data is None else Value(self._key, data)
