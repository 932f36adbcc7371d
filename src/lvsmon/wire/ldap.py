"""What an LDAP server answers (RFC 4511), seen from the client: BER messages of bounded size.

Only the parts of an answer that a probe judges are taken out of it; of an entry's attributes, one by its name. ldap3's
own decoder is not used: it believes every length it reads, and takes seconds for an integer of a few hundred kilobytes.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation

MAX_MESSAGE: Final = 262144
"""Bytes of one message: OpenLDAP takes as much from clients; an entry with one attribute asked for is far smaller."""

MAX_NAMES: Final = 8
"""Names of other attributes kept of an entry, to say what it has instead."""

BIND_RESPONSE: Final = 0x61
SEARCH_ENTRY: Final = 0x64
SEARCH_DONE: Final = 0x65
SEARCH_REFERENCE: Final = 0x73
EXTENDED_RESPONSE: Final = 0x78
INTERMEDIATE_RESPONSE: Final = 0x79

_MESSAGE, _INTEGER, _OCTETS, _ENUMERATED, _SEQUENCE, _SET = 0x30, 0x02, 0x04, 0x0A, 0x30, 0x31
_REFERRAL, _RESPONSE_NAME = 0xA3, 0x8A


@dataclass(frozen=True, slots=True)
class Result:
    """An LDAPResult (section 4.1.9); ``name`` is the OID that an extended response has."""

    operation: int
    code: int
    message: bytes
    referrals: tuple[bytes, ...] = ()
    name: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """A search result entry: the values of the attribute asked for, None where it has none, and other names it has."""

    dn: bytes
    values: tuple[bytes, ...] | None
    others: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Aside:
    """A search result reference or an intermediate response: it answers nothing by itself."""

    operation: int


Answer: TypeAlias = Result | Entry | Aside


@dataclass(frozen=True, slots=True)
class Message:
    """An answer to the request of the same number; number 0 is for what nobody asked."""

    number: int
    answer: Answer


class LdapReader:
    """Bytes in, messages out; `ProtocolViolation` for what is no LDAP. ``wanted`` names the attribute to take out."""

    __slots__ = ("_buffer", "_wanted")

    def __init__(self, wanted: str | None = None) -> None:
        self._buffer = bytearray()
        self._wanted = None if wanted is None else wanted.lower().encode()

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of a message" if self._buffer else "instead of an answer"

    @property
    def pending(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def feed_eof(self) -> None:
        """Nothing is completed by the end: a message says how long it is."""

    def next_event(self) -> Message | None:
        """Return the next whole message, None where more bytes are needed."""
        buffer = self._buffer
        if not buffer:
            return None
        if buffer[0] != _MESSAGE:
            raise ProtocolViolation(f"not an LDAP message: {bytes(buffer[:40])!r}")
        head = _head(buffer)
        if head is None:
            return None
        start, length = head
        if length > MAX_MESSAGE:
            raise ProtocolViolation(f"an LDAP message of {length} bytes; {MAX_MESSAGE} is the limit")
        if len(buffer) < start + length:
            return None
        body = bytes(buffer[start : start + length])
        del buffer[: start + length]
        return self._message(_Cursor(body, 0, len(body)))

    def _message(self, cursor: "_Cursor") -> Message:
        number = cursor.number(_INTEGER)
        operation, inner = cursor.any()
        cursor.skip_all()  # controls
        if operation in (BIND_RESPONSE, SEARCH_DONE, EXTENDED_RESPONSE):
            return Message(number, _result(operation, inner))
        if operation == SEARCH_ENTRY:
            return Message(number, self._entry(inner))
        if operation in (SEARCH_REFERENCE, INTERMEDIATE_RESPONSE):
            inner.skip_all()
            return Message(number, Aside(operation))
        raise ProtocolViolation(f"an LDAP message that no server sends: tag 0x{operation:02x}")

    def _entry(self, cursor: "_Cursor") -> Entry:
        dn = cursor.octets()
        values: list[bytes] | None = None
        others: list[bytes] = []
        attributes = cursor.expect(_SEQUENCE)
        cursor.skip_all()
        while attributes.more:
            attribute = attributes.expect(_SEQUENCE)
            name = attribute.octets()
            found = attribute.expect(_SET)
            attribute.skip_all()
            if self._wanted is not None and _is_called(name, self._wanted):
                values = values or []
                while found.more:
                    values.append(found.octets())
            else:
                found.skip_all()
                if len(others) < MAX_NAMES:
                    others.append(name)
        return Entry(dn, None if values is None else tuple(values), tuple(others))


def _is_called(name: bytes, wanted: bytes) -> bool:
    """Say whether ``name`` is the attribute, or that with options (section 2.5 of RFC 4512), such as cn;lang-en."""
    name = name.lower()
    return name == wanted or name.startswith(wanted + b";")


def _result(operation: int, cursor: "_Cursor") -> Result:
    code = cursor.number(_ENUMERATED)
    cursor.octets()  # matchedDN
    message = cursor.octets()
    referrals: list[bytes] = []
    name = b""
    while cursor.more:
        tag, inner = cursor.any()
        if tag == _REFERRAL:
            while inner.more:
                referrals.append(inner.octets())
        elif tag == _RESPONSE_NAME:
            name = inner.rest()
    return Result(operation, code, message, tuple(referrals[:MAX_NAMES]), name)


def _head(data: bytes | bytearray, at: int = 0) -> tuple[int, int] | None:
    """Return where the contents of the element at ``at`` begin and how long they are; None where bytes are missing.

    Lengths are definite (section 5.1); one of up to four bytes, as all servers write it.
    """
    if len(data) < at + 2:
        return None
    first = data[at + 1]
    if first < 0x80:
        return at + 2, first
    if first == 0x80 or first > 0x84:
        raise ProtocolViolation(f"no LDAP: a BER length that begins with 0x{first:02x}")
    start = at + 2 + (first & 0x7F)
    if len(data) < start:
        return None
    return start, int.from_bytes(data[at + 2 : start], "big")


class _Cursor:
    """Reads BER elements between two places; nothing reaches beyond the element it stands in."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self._at, self._end = data, at, end

    @property
    def more(self) -> bool:
        return self._at < self._end

    def any(self) -> tuple[int, "_Cursor"]:
        head = _head(self._data, self._at) if self.more else None
        if head is None or head[0] + head[1] > self._end:
            raise ProtocolViolation("a broken LDAP message: an element reaches beyond the one it stands in")
        tag = self._data[self._at]
        if tag & 0x1F == 0x1F:
            raise ProtocolViolation("a broken LDAP message: a tag of several bytes")
        self._at = head[0] + head[1]
        return tag, _Cursor(self._data, head[0], self._at)

    def expect(self, tag: int) -> "_Cursor":
        found, inner = self.any()
        if found != tag:
            raise ProtocolViolation(f"a broken LDAP message: tag 0x{found:02x} where 0x{tag:02x} belongs")
        return inner

    def octets(self) -> bytes:
        return self.expect(_OCTETS).rest()

    def number(self, tag: int) -> int:
        """Return an INTEGER or ENUMERATED from 0 to maxInt (section 4.1.1)."""
        raw = self.expect(tag).rest()
        value = int.from_bytes(raw[:9], "big", signed=True)
        if not 1 <= len(raw) <= 8 or not 0 <= value <= 0x7FFFFFFF:
            raise ProtocolViolation(f"a broken LDAP message: no number: {raw[:9].hex()}")
        return value

    def rest(self) -> bytes:
        found = self._data[self._at : self._end]
        self._at = self._end
        return found

    def skip_all(self) -> None:
        """Go to the end, element by element."""
        while self.more:
            self.any()
