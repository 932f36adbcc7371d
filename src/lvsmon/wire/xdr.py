"""XDR, the external data representation (RFC 4506), as far as ONC RPC's answers need it: a bounded cursor and packers.

Everything is big-endian and a multiple of four bytes. Every read is checked against the end of the message and every
length against a limit, so that no number from the wire is trusted.
"""

import struct
from typing import Final

from lvsmon.errors import ProtocolViolation

_WORD: Final = struct.Struct(">I")


def pack_uint(*values: int) -> bytes:
    """Return unsigned integers (RFC 4506 section 4.2) one after the other."""
    return struct.pack(f">{len(values)}I", *values)


def pack_opaque(data: bytes) -> bytes:
    """Return variable-length opaque data or a string (sections 4.10 and 4.11): length, bytes, padding."""
    return _WORD.pack(len(data)) + data + bytes(-len(data) % 4)


class Cursor:
    """Reads one message from its start; every method raises `ProtocolViolation` where the message does not hold it."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def uint(self) -> int:
        """Read an unsigned integer of 32 bits."""
        end = self._at + 4
        if end > len(self._data):
            raise ProtocolViolation(f"an RPC message that ends early, after {len(self._data)} bytes")
        value: int = _WORD.unpack_from(self._data, self._at)[0]
        self._at = end
        return value

    def boolean(self) -> bool:
        """Read a bool (section 4.4): 0 or 1, nothing else."""
        value = self.uint()
        if value > 1:
            raise ProtocolViolation(f"an RPC message with {value} where only 0 or 1 may stand")
        return bool(value)

    def opaque(self, limit: int) -> bytes:
        """Read variable-length opaque data of at most ``limit`` bytes; what pads it is not looked at."""
        length = self.uint()
        if length > limit:
            raise ProtocolViolation(f"an RPC message with a text of {length} bytes, where at most {limit} may stand")
        end = self._at + length + (-length % 4)
        if end > len(self._data):
            raise ProtocolViolation(f"an RPC message that ends early, after {len(self._data)} bytes")
        value = self._data[self._at : self._at + length]
        self._at = end
        return value
