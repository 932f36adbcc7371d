"""SMTP replies (RFC 5321 section 4.2), seen from the client.

A reply is one or more lines: ``250-text`` while more follow, ``250 text`` (or a bare ``250``) at the end. Every line
of one reply has the same code (section 4.2.1).
"""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineCodec

MAX_LINE: Final = 2048
"""RFC 5321 section 4.5.3.1.5 allows 512 bytes and asks for no limit; Postfix's client takes 2,048."""

MAX_REPLY: Final = 32768
"""Bytes of one reply: an EHLO answer has some 20 lines; a legal notice in a greeting some 50."""

MAX_LINES: Final = 1000
"""Lines of one reply: each takes some 50 bytes of memory, however short it is."""

_LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; ``lines`` are the texts without the codes."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> bytes:
        return b"\n".join(self.lines)

    def __str__(self) -> str:
        """For people: the code and the texts in one line."""
        return f"{self.code} {b' '.join(self.lines).decode('utf-8', 'backslashreplace')}".rstrip()


class SmtpReader(LineCodec):
    """Bytes in, replies out; `ProtocolViolation` for what is no SMTP reply."""

    __slots__ = ("_code", "_lines", "_size")

    def __init__(self) -> None:
        super().__init__(MAX_LINE)
        self._lines: list[bytes] = []
        self._code = b""
        self._size = 0

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of a reply" if self._lines or self._reader.pending else "instead of a reply"

    def next_event(self) -> Reply | None:
        """Return the next whole reply, None where more bytes are needed."""
        while (line := self._reader.next_line()) is not None:
            found = _LINE.fullmatch(line)
            if found is None:
                raise ProtocolViolation(f"not an SMTP reply: {line[:80]!r}")
            code, separator, text = found.groups()
            if self._lines and code != self._code:
                raise ProtocolViolation(f"a reply that begins with {self._code.decode()} goes on with {code.decode()}")
            self._size += len(line)
            if self._size > MAX_REPLY or len(self._lines) == MAX_LINES:
                raise ProtocolViolation(f"a reply longer than {MAX_REPLY} bytes or {MAX_LINES} lines")
            self._code = code
            self._lines.append(text or b"")
            if separator != b"-":
                reply = Reply(int(code), tuple(self._lines))
                self._lines.clear()
                self._size = 0
                return reply
        return None
