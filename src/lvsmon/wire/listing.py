"""Answers of one line that may go on in further lines up to a single dot, as POP3 and NNTP have them.

Whether an answer goes on cannot be seen from its first line, so the reader is told what has been asked.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineCodec

MAX_LINE: Final = 2048
"""RFC 2449 section 4 and RFC 3977 section 3.1 allow 512 bytes to the first line of an answer; four times that, as for
SMTP, because servers quote what they were sent."""

MAX_LISTING: Final = 32768
"""Bytes of one answer's further lines: capabilities take some 500, in some 15 short lines."""

MAX_LINES: Final = 500
"""Lines of one answer: each takes some 50 bytes of memory, however short it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An answer's further lines."""

    lines: tuple[bytes, ...] = ()


_Answer = TypeVar("_Answer", bound=Listed)


class ListingReader(LineCodec, ABC, Generic[_Answer]):
    """Bytes in, answers out; `ProtocolViolation` for what is none."""

    __slots__ = ("_first", "_lines", "_size")

    def __init__(self) -> None:
        super().__init__(MAX_LINE)
        self._first: _Answer | None = None
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of an answer" if self._first or self._reader.pending else "instead of an answer"

    @abstractmethod
    def read_first(self, line: bytes) -> tuple[_Answer, bool]:
        """Return the answer that begins with ``line`` and whether it goes on; raise `ProtocolViolation`."""

    def next_event(self) -> _Answer | None:
        """Return the next whole answer, None where more bytes are needed."""
        while (line := self._reader.next_line()) is not None:
            if self._first is None:
                answer, goes_on = self.read_first(line)
                if not goes_on:
                    return answer
                self._first = answer
            elif line == b".":
                whole = replace(self._first, lines=tuple(self._lines))
                self._first, self._size = None, 0
                self._lines.clear()
                return whole
            else:
                self._size += len(line) + 2
                if self._size > MAX_LISTING or len(self._lines) == MAX_LINES:
                    raise ProtocolViolation(f"an answer longer than {MAX_LISTING} bytes or {MAX_LINES} lines")
                self._lines.append(line.removeprefix(b"."))
        return None
