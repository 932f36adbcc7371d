"""POP3 answers (RFC 1939, RFC 2449), seen from the client: ``+OK text`` or ``-ERR text``, and what may follow."""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.listing import Listed, ListingReader

_STATUS: Final = re.compile(rb"(\+OK|-ERR)(?:[ \t](.*))?", re.DOTALL)
_CODE: Final = re.compile(rb"\[([A-Za-z0-9/_.-]{1,64})(?:[ \t][^\]]*)?\]")


@dataclass(frozen=True, slots=True)
class Answer(Listed):
    """A whole answer. ``code`` is the response code in capitals ("IN-USE"), "" without one (RFC 2449 section 8)."""

    ok: bool
    text: bytes
    code: str = ""

    def __str__(self) -> str:
        """For people: the first line as it came."""
        return f"{'+OK' if self.ok else '-ERR'} {self.text.decode('utf-8', 'backslashreplace')}".rstrip()


class Pop3Reader(ListingReader[Answer]):
    """Bytes in, answers out; `ProtocolViolation` for what is no POP3 answer."""

    __slots__ = ("_listing",)

    def __init__(self) -> None:
        super().__init__()
        self._listing = False

    def expect_listing(self) -> None:
        """Take the next answer for one with further lines, if it is +OK."""
        self._listing = True

    def read_first(self, line: bytes) -> tuple[Answer, bool]:
        found = _STATUS.fullmatch(line)
        if found is None:
            raise ProtocolViolation(f"not a POP3 answer: {line[:80]!r}")
        status, text = found[1], found[2] or b""
        code = _CODE.match(text)
        answer = Answer(ok=status == b"+OK", text=text, code=code[1].decode().upper() if code else "")
        goes_on, self._listing = answer.ok and self._listing, False
        return answer, goes_on
