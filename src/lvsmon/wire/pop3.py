"""POP3 answers (RFC 1939, RFC 2449), seen from the client.

An answer is one line, ``+OK text`` or ``-ERR text``; what some commands are answered with goes on in further lines up
to a line with a single dot. That cannot be seen from the first line, so the reader is told what has been asked.
"""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineReader

MAX_LINE: Final = 2048
"""RFC 2449 section 4 allows 512 bytes; four times that, as for SMTP, because servers quote what they were sent."""

MAX_LISTING: Final = 32768
"""Bytes of one answer's further lines: a CAPA answer has some 15 short ones."""

MAX_LINES: Final = 500
"""Lines of one answer: each takes some 50 bytes of memory, however short it is."""

_STATUS: Final = re.compile(rb"(\+OK|-ERR)(?:[ \t](.*))?", re.DOTALL)
_CODE: Final = re.compile(rb"\[([A-Za-z0-9/_.-]{1,64})(?:[ \t][^\]]*)?\]")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``code`` is the response code in capitals ("IN-USE"), "" without one (RFC 2449 section 8)."""

    ok: bool
    text: bytes
    code: str = ""
    lines: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        """For people: the first line as it came."""
        return f"{'+OK' if self.ok else '-ERR'} {self.text.decode('utf-8', 'backslashreplace')}".rstrip()


class Pop3Reader:
    """Bytes in, answers out; `ProtocolViolation` for what is no POP3 answer."""

    __slots__ = ("_first", "_lines", "_listing", "_reader", "_size")

    def __init__(self) -> None:
        self._reader = LineReader(MAX_LINE)
        self._listing = False
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

    def expect_listing(self) -> None:
        """Take the next answer for one with further lines, if it is +OK."""
        self._listing = True

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def feed_eof(self) -> None:
        """Nothing is completed by the end: an answer ends with its last line."""

    def next_event(self) -> Answer | None:
        """Return the next whole answer, None where more bytes are needed."""
        while (line := self._reader.next_line()) is not None:
            if self._first is None:
                answer = _first_line(line)
                if not (answer.ok and self._listing):
                    self._listing = False
                    return answer
                self._first = answer
            elif line == b".":
                whole = Answer(ok=True, text=self._first.text, code=self._first.code, lines=tuple(self._lines))
                self._first, self._listing, self._size = None, False, 0
                self._lines.clear()
                return whole
            else:
                self._size += len(line) + 2
                if self._size > MAX_LISTING or len(self._lines) == MAX_LINES:
                    raise ProtocolViolation(f"an answer longer than {MAX_LISTING} bytes or {MAX_LINES} lines")
                self._lines.append(line.removeprefix(b"."))
        return None


def _first_line(line: bytes) -> Answer:
    found = _STATUS.fullmatch(line)
    if found is None:
        raise ProtocolViolation(f"not a POP3 answer: {line[:80]!r}")
    status, text = found[1], found[2] or b""
    code = _CODE.match(text)
    return Answer(ok=status == b"+OK", text=text, code=code[1].decode().upper() if code else "")
