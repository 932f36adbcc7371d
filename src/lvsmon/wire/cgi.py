"""A CGI response: header lines, an empty line, a body (RFC 3875 section 6); what an application answers by FastCGI.

Lines end in LF or CRLF. ``Status: 404 Not Found`` is no status line but a header; without it the status is 200, or 302
where there is a ``Location`` (section 6.2.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineReader

MAX_HEAD: Final = 32768
"""Bytes of all header lines: web servers take 4 to 32 kB."""

MAX_HEADERS: Final = 200
"""Header lines: more than applications set cookies."""

_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_STATUS: Final = re.compile(rb"([1-5][0-9]{2})(?:[ \t]+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer; names of headers in lower case."""

    status: int
    reason: bytes
    headers: Sequence[tuple[bytes, bytes]]

    def get(self, name: bytes) -> bytes | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of the body."""

    data: bytes


Event: TypeAlias = Answer | Data


class CgiReader:
    """Bytes in, the head and pieces of the body out."""

    __slots__ = ("_headers", "_in_body", "_lines", "_room")

    def __init__(self) -> None:
        self._lines = LineReader(MAX_HEAD)
        self._headers: list[tuple[bytes, bytes]] = []
        self._room = MAX_HEAD
        self._in_body = False

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def feed_eof(self) -> None:
        """Nothing is completed by the end; raise `ProtocolViolation` where the head has not come whole."""
        if not self._in_body:
            raise ProtocolViolation("the answer ends before its headers do")

    def next_event(self) -> Event | None:
        """Return the head, then what there is of the body; raise `ProtocolViolation`."""
        while not self._in_body:
            line = self._lines.next_line()
            if line is None:
                return None
            self._room -= len(line) + 1
            if self._room < 0 or len(self._headers) >= MAX_HEADERS:
                raise ProtocolViolation(f"headers of more than {MAX_HEAD} bytes or {MAX_HEADERS} lines")
            if not line:
                return self._head()
            found = _HEADER.fullmatch(line)
            if found is None:
                raise ProtocolViolation(f"not a header of a CGI response: {line[:80]!r}")
            self._headers.append((found[1].lower(), found[2].rstrip()))
        data = self._lines.take(1 << 30)
        return Data(data) if data else None

    def _head(self) -> Answer:
        if not self._headers:
            raise ProtocolViolation("the answer has no headers: a CGI response has at least one (RFC 3875 section 6.2)")
        self._in_body = True
        head = Answer(200, b"", tuple(self._headers))
        status = head.get(b"status")
        if status is None:
            return head if head.get(b"location") is None else Answer(302, b"", head.headers)
        found = _STATUS.fullmatch(status)
        if found is None:
            raise ProtocolViolation(f"not a status: {status[:80]!r}")
        return Answer(int(found[1]), found[2] or b"", head.headers)
