r"""IMAP responses (RFC 9051, RFC 3501), seen from the client.

A response begins with ``*`` (untagged), ``+`` (go on) or the tag of the command that it ends. Its text may hold
literals, ``{5}\r\nhello``: so many bytes that are no lines. What they carry is counted and left out here: no probe
needs a mailbox's odd name, and a server cannot make us hold what it announces.
"""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineCodec

MAX_LINE: Final = 8192
"""RFC 2683 section 3.2.1.5 asks servers to take 8,000 bytes; a capability line has some 1,000."""

MAX_ANSWER: Final = 1 << 20
"""Bytes of everything that is said until a command is answered, literals included: a login and EXAMINE take some 3 kB,
and a busy mailbox may chat in between."""

_STATUSES: Final = frozenset({"OK", "NO", "BAD", "BYE", "PREAUTH"})
_TAGGED: Final = frozenset({"OK", "NO", "BAD"})
_LITERAL: Final = re.compile(rb"~?\{(\d{1,10})\+?\}\Z")
_RESPONSE: Final = re.compile(rb"(\*|\+|[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+)(?: (.*))?", re.DOTALL)
_CODE: Final = re.compile(rb"\[([A-Za-z0-9-]+)(?: ([^\]]*))?\]")


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response. ``tag`` is "*" or "+" too; ``status`` is OK, NO, BAD, BYE, PREAUTH, or "" for data.

    ``text`` is what follows the tag, and the status if there is one; ``code`` the response code in capitals and
    ``argument`` what stands behind it in the brackets.
    """

    tag: str
    status: str
    text: bytes
    code: str = ""
    argument: bytes = b""

    def __str__(self) -> str:
        """For people: in one line, without the tag."""
        return f"{self.status} {self.text.decode('utf-8', 'backslashreplace')}".strip()


class ImapReader(LineCodec):
    """Bytes in, responses out; `ProtocolViolation` for what is no IMAP response."""

    __slots__ = ("_head", "_left", "_size")

    def __init__(self) -> None:
        super().__init__(MAX_LINE)
        self._head = b""
        self._left = 0
        self._size = 0

    @property
    def where(self) -> str:
        """What the peer owes."""
        unfinished = self._head or self._left or self._reader.pending
        return "in the middle of a response" if unfinished else "instead of a response"

    def next_event(self) -> Response | None:
        """Return the next whole response, None where more bytes are needed."""
        while True:
            if self._left:
                self._left -= len(self._reader.take(self._left))
                if self._left:
                    return None
            line = self._reader.next_line()
            if line is None:
                return None
            self._count(len(line) + 2)
            whole = self._head + line
            if len(whole) > MAX_LINE:
                raise ProtocolViolation(f"a response longer than {MAX_LINE} bytes, without its literals")
            literal = _LITERAL.search(line)
            if literal is not None and _may_hold_literals(whole):
                self._left = int(literal[1])
                self._count(self._left)
                self._head = whole
                continue
            self._head = b""
            response = _parse(whole)
            if response.tag not in {"*", "+"}:
                self._size = 0
            return response

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_ANSWER:
            raise ProtocolViolation(f"more than {MAX_ANSWER} bytes without answering the command")


def _may_hold_literals(line: bytes) -> bool:
    """Whether braces at the end of ``line`` announce a literal: in the text for people of a status they do not."""
    _, _, rest = line.partition(b" ")
    if line.startswith(b"+"):
        return False
    status, _, text = rest.partition(b" ")
    if status.decode("ascii", "replace").upper() not in _STATUSES:
        return True
    return text.startswith(b"[") and b"]" not in text


def _parse(line: bytes) -> Response:
    found = _RESPONSE.fullmatch(line)
    if found is None:
        raise ProtocolViolation(f"not an IMAP response: {line[:80]!r}")
    tag, rest = found[1].decode(), found[2] or b""
    if tag == "+":
        return Response(tag, "", rest)
    word, _, text = rest.partition(b" ")
    status = word.decode("ascii", "replace").upper()
    if status not in (_STATUSES if tag == "*" else _TAGGED):
        if tag != "*" or not word:
            raise ProtocolViolation(f"not an IMAP response: {line[:80]!r}")
        return Response(tag, "", rest)
    code = _CODE.match(text)
    if code is None:
        return Response(tag, status, text)
    return Response(tag, status, text, code[1].decode().upper(), code[2] or b"")
