"""RESP2, the protocol of Redis and its kin, as far as commands need it that are answered by one value.

A command is an array of bulk strings. An answer begins with a byte for its type: ``+`` a line, ``-`` an error, ``:`` a
number, ``$`` a length and so many bytes (redis.io, "Redis serialization protocol specification"). Arrays, and the types
of RESP3, come only where they were asked for: here they are a violation.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import Counted, LineCodec

MAX_LINE: Final = 1024
"""Bytes of a status or error line; Redis cuts what it quotes of a command to 128."""

MAX_BULK: Final = 65536
"""Bytes of one value: INFO replication tells some 100 bytes of each replica."""

_LENGTH: Final = re.compile(rb"-1|[0-9]{1,9}")
_NUMBER: Final = re.compile(rb"[+-]?[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Status:
    """A line, such as PONG or OK."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error: ``code`` is its first word where that is one in capitals (ERR, NOAUTH), "" where not."""

    text: bytes

    @property
    def code(self) -> str:
        word = self.text.split(b" ", 1)[0]
        return word.decode("ascii") if re.fullmatch(rb"[A-Z]+", word) else ""


@dataclass(frozen=True, slots=True)
class Number:
    value: int


@dataclass(frozen=True, slots=True)
class Bulk:
    """A value; None where there is none."""

    data: bytes | None


Reply: TypeAlias = Status | Refusal | Number | Bulk


def command(*words: bytes) -> bytes:
    """Return a command with its arguments."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


class ReplyReader(LineCodec):
    """Bytes in, replies out; `ProtocolViolation` for what is no RESP2 reply of one value."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        super().__init__(MAX_LINE)
        self._value = Counted(self._reader, MAX_BULK)

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of a reply" if self._value.begun or self.pending else "instead of a reply"

    def next_event(self) -> Reply | None:
        """Return the next whole reply, None where more bytes are needed."""
        if not self._value.begun:
            line = self._reader.next_line()
            if line is None:
                self._refuse_early()
                return None
            reply = self._begin(line)
            if reply is not None:
                return reply
        data = self._value.next_value()
        return None if data is None else Bulk(data)

    def _refuse_early(self) -> None:
        """Refuse what begins as no reply does, without waiting for the end of its line."""
        if (first := self.pending[:1]) and first not in b"+-:$":
            raise _not_resp(self.pending)

    def _begin(self, line: bytes) -> Reply | None:
        """Return the reply that is whole with its line, None where it is a bulk string."""
        mark, rest = line[:1], line[1:]
        if mark == b"+":
            return Status(rest)
        if mark == b"-":
            return Refusal(rest)
        if mark == b":" and _NUMBER.fullmatch(rest):
            return Number(int(rest))
        if mark == b"$" and _LENGTH.fullmatch(rest):
            if int(rest) < 0:
                return Bulk(None)
            self._value.begin(int(rest))
            return None
        raise _not_resp(line)


def _not_resp(seen: bytes) -> ProtocolViolation:
    return ProtocolViolation(f"not an answer of Redis: {seen[:80]!r}")


def fields(info: bytes) -> dict[str, str]:
    """Return the fields of an answer to INFO; lines without a colon and headings (``# Replication``) are no fields."""
    found = {}
    for line in info.decode("utf-8", "backslashreplace").splitlines():
        name, colon, value = line.partition(":")
        if colon and not name.startswith("#"):
            found[name] = value
    return found
