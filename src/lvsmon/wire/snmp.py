"""SNMPv2c notifications (RFC 3416, RFC 1901): traps and informs encoded, and the answer to an inform read.

BER (X.690) of a few types, by hand: what is sent is ours, and of what comes only the request's number and the error
count. A datagram that is anything else is no answer, and says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

VERSION_2C: Final = 1

_INTEGER, _OCTETS, _OID, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_UNSIGNED, _TICKS = 0x42, 0x43
_RESPONSE, _INFORM, _TRAP = 0xA2, 0xA6, 0xA7

_SYS_UP_TIME: Final = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_TRAP_OID: Final = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)

_MAX_LENGTH: Final = 65535
"""Bytes of a value that is read: a datagram has no more."""

ERRORS: Final = {
    1: "tooBig",
    2: "noSuchName",
    3: "badValue",
    4: "readOnly",
    5: "genErr",
    6: "noAccess",
    16: "authorizationError",
}
"""Names of RFC 3416 section 3, of those that an inform may meet."""

Oid: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a notification: bytes are an OCTET STRING, a number an Unsigned32."""

    name: Oid
    value: bytes | int


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: the number of the request, and the error's, 0 for none."""

    number: int
    error: int


def notification(
    community: bytes, number: int, ticks: int, trap: Oid, variables: Sequence[Variable], *, inform: bool
) -> bytes:
    """Return a trap, or an inform, which is to be answered (RFC 3416 section 4.2.6 and 4.2.7).

    ``ticks`` is sysUpTime, in hundredths of a second. ``number`` is from 0 to 2**31 - 1.
    """
    bindings = [
        _binding(_SYS_UP_TIME, _number(_TICKS, ticks % 2**32)),
        _binding(_TRAP_OID, _value(_OID, _oid(trap))),
        *(_binding(one.name, _encoded(one.value)) for one in variables),
    ]
    body = _integer(number) + _integer(0) + _integer(0) + _value(_SEQUENCE, b"".join(bindings))
    pdu = _value(_INFORM if inform else _TRAP, body)
    return _value(_SEQUENCE, _integer(VERSION_2C) + _value(_OCTETS, community) + pdu)


def response(data: bytes) -> Response | None:
    """Return the answer that a datagram holds; None where it holds none."""
    try:
        message = _Cursor(data).enter(_SEQUENCE)
        if message.integer() != VERSION_2C:
            return None
        message.take(_OCTETS)
        pdu = message.enter(_RESPONSE)
        return Response(pdu.integer(), pdu.integer())
    except ValueError:
        return None


def oid(text: str) -> Oid:
    """Return the numbers of "1.3.6.1.4.1.32473"; raise ValueError where it is no object identifier."""
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts) or not 3 <= len(parts) <= 100:
        raise ValueError(f'write an object identifier, such as "1.3.6.1.4.1.32473.1", not {text[:80]!r}')
    numbers = tuple(map(int, parts))
    if numbers[0] > 2 or (numbers[0] < 2 and numbers[1] > 39) or max(numbers) >= 2**32:
        raise ValueError(f"{text[:80]!r} is no object identifier: a number in it is too large")
    return numbers


def _binding(name: Oid, value: bytes) -> bytes:
    return _value(_SEQUENCE, _value(_OID, _oid(name)) + value)


def _encoded(value: bytes | int) -> bytes:
    return _value(_OCTETS, value) if isinstance(value, bytes) else _number(_UNSIGNED, value)


def _number(tag: int, value: int) -> bytes:
    return _value(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _integer(value: int) -> bytes:
    return _number(_INTEGER, value)


def _oid(numbers: Oid) -> bytes:
    made = bytearray()
    for number in (numbers[0] * 40 + numbers[1], *numbers[2:]):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        made += bytes(reversed(groups))
    return bytes(made)


def _value(tag: int, data: bytes) -> bytes:
    length = len(data)
    if length < 0x80:
        return bytes((tag, length)) + data
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + data


class _Cursor:
    """Reads values one after another; raises ValueError for what is none."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, tag: int) -> bytes:
        head = self._data[self._at : self._at + 2]
        if len(head) < 2 or head[0] != tag:
            raise ValueError("another type")
        start, length = self._at + 2, head[1]
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise ValueError("no length")
            length = int.from_bytes(self._data[start : start + size], "big")
            start += size
        if length > _MAX_LENGTH or start + length > len(self._data):
            raise ValueError("cut short")
        self._at = start + length
        return self._data[start : self._at]

    def enter(self, tag: int) -> "_Cursor":
        return _Cursor(self.take(tag))

    def integer(self) -> int:
        data = self.take(_INTEGER)
        if not 1 <= len(data) <= 8:
            raise ValueError("no Integer32")
        return int.from_bytes(data, "big", signed=True)
