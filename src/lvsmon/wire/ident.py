"""The Identification Protocol (RFC 1413): one question, one answer.

``113 , 40000`` asks who has the connection between these two ports; ``113 , 40000 : USERID : UNIX : name`` or
``113 , 40000 : ERROR : NO-USER`` answers.
"""

import re
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineReader

MAX_LINE: Final = 1024
"""RFC 1413 section 6 allows 1,000 characters to an answer."""

_ANSWER: Final = re.compile(
    rb"[ \t]*(\d{1,5})[ \t]*,[ \t]*(\d{1,5})[ \t]*:[ \t]*(USERID|ERROR)[ \t]*:[ \t]*([^:]{1,512}?)[ \t]*(?::(.*))?",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has the connection: ``system`` as UNIX or OTHER, ``user`` as the server calls it."""

    ports: tuple[int, int]
    system: bytes
    user: bytes


@dataclass(frozen=True, slots=True)
class NoOwner:
    """Nobody is told: ``error`` is NO-USER, HIDDEN-USER, INVALID-PORT, UNKNOWN-ERROR or X with something."""

    ports: tuple[int, int]
    error: str


def question(server_port: int, client_port: int) -> bytes:
    """Return the question for the connection from ``client_port`` to ``server_port``."""
    return b"%d , %d\r\n" % (server_port, client_port)


class IdentReader:
    """Bytes in, answers out; `ProtocolViolation` for what is none."""

    __slots__ = ("_reader",)

    def __init__(self) -> None:
        self._reader = LineReader(MAX_LINE)

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of an answer" if self._reader.pending else "instead of an answer"

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def feed_eof(self) -> None:
        """Nothing is completed by the end: an answer ends with its line."""

    def next_event(self) -> Owner | NoOwner | None:
        """Return the next answer, None where more bytes are needed."""
        line = self._reader.next_line()
        return None if line is None else _parse(line)


def _parse(line: bytes) -> Owner | NoOwner:
    found = _ANSWER.fullmatch(line)
    if found is None:
        raise ProtocolViolation(f"not an answer of ident: {line[:80]!r}")
    ports = int(found[1]), int(found[2])
    if found[3].upper() == b"ERROR":
        if found[5] is not None:
            raise ProtocolViolation(f"not an answer of ident: {line[:80]!r}")
        return NoOwner(ports, found[4].decode("ascii", "backslashreplace").upper())
    if not found[5]:
        raise ProtocolViolation(f"an answer of ident without a user: {line[:80]!r}")
    return Owner(ports, found[4], found[5].removeprefix(b" "))
