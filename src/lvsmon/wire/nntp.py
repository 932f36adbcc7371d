"""NNTP answers (RFC 3977 section 3), seen from the client.

An answer is one line, ``200 text``. Some commands are answered with further lines up to a line with a single dot; that
follows from the command and the code, so the reader is told which code goes on.
"""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineReader

MAX_LINE: Final = 2048
"""RFC 3977 section 3.1 allows 512 bytes to an answer's first line; four times that, as for SMTP."""

MAX_BLOCK: Final = 32768
"""Bytes of one answer's further lines: capabilities take some 500."""

MAX_LINES: Final = 500
"""Lines of one answer: each takes some 50 bytes of memory, however short it is."""

_LINE: Final = re.compile(rb"([1-5][0-9]{2})(?:[ \t](.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; ``lines`` are the further ones."""

    code: int
    text: bytes
    lines: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        """For people: the first line as it came."""
        return f"{self.code} {self.text.decode('utf-8', 'backslashreplace')}".rstrip()


class NntpReader:
    """Bytes in, answers out; `ProtocolViolation` for what is no NNTP answer."""

    __slots__ = ("_first", "_lines", "_long", "_reader", "_size")

    def __init__(self) -> None:
        self._reader = LineReader(MAX_LINE)
        self._long = 0
        self._first: Answer | None = None
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of an answer" if self._first or self._reader.pending else "instead of an answer"

    @property
    def pending(self) -> bytes:
        """What has come beyond the last answer."""
        return self._reader.pending

    def expect_block(self, code: int) -> None:
        """Take the next answer for one with further lines, if it is ``code``."""
        self._long = code

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def feed_eof(self) -> None:
        """Nothing is completed by the end: an answer ends with its last line."""

    def next_event(self) -> Answer | None:
        """Return the next whole answer, None where more bytes are needed."""
        while (line := self._reader.next_line()) is not None:
            if self._first is None:
                answer = _first_line(line)
                goes_on, self._long = answer.code == self._long, 0
                if not goes_on:
                    return answer
                self._first = answer
            elif line == b".":
                whole = Answer(self._first.code, self._first.text, tuple(self._lines))
                self._first, self._size = None, 0
                self._lines.clear()
                return whole
            else:
                self._size += len(line) + 2
                if self._size > MAX_BLOCK or len(self._lines) == MAX_LINES:
                    raise ProtocolViolation(f"an answer longer than {MAX_BLOCK} bytes or {MAX_LINES} lines")
                self._lines.append(line.removeprefix(b"."))
        return None


def _first_line(line: bytes) -> Answer:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ProtocolViolation(f"not an NNTP answer: {line[:80]!r}")
    return Answer(int(found[1]), found[2] or b"")
