"""NNTP answers (RFC 3977 section 3), seen from the client: ``200 text``, and what may follow."""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.listing import Listed, ListingReader

_LINE: Final = re.compile(rb"([1-5][0-9]{2})(?:[ \t](.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer(Listed):
    """A whole answer."""

    code: int
    text: bytes

    def __str__(self) -> str:
        """For people: the first line as it came."""
        return f"{self.code} {self.text.decode('utf-8', 'backslashreplace')}".rstrip()


class NntpReader(ListingReader[Answer]):
    """Bytes in, answers out; `ProtocolViolation` for what is no NNTP answer."""

    __slots__ = ("_long",)

    def __init__(self) -> None:
        super().__init__()
        self._long = 0

    def expect_block(self, code: int) -> None:
        """Take the next answer for one with further lines, if it is ``code``."""
        self._long = code

    def read_first(self, line: bytes) -> tuple[Answer, bool]:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ProtocolViolation(f"not an NNTP answer: {line[:80]!r}")
        answer = Answer(int(found[1]), found[2] or b"")
        goes_on, self._long = answer.code == self._long, 0
        return answer, goes_on
