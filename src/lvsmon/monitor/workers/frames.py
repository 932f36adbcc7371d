"""Frames on the stream between supervisor and worker: four bytes of length, then so many bytes. Pure."""

import struct
from typing import Final

MOST_UP: Final = 1 << 18
"""Bytes of a frame from a worker: a hundred probes' news, or one run with its whole dialogue."""

MOST_DOWN: Final = 1 << 28
"""Bytes of a frame to a worker: the definitions of 100,000 probes, of 2 kB each, fit."""

_LENGTH: Final = struct.Struct("!I")


class TooLong(ValueError):
    """A frame is longer than it may be."""


def framed(body: bytes) -> bytes:
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Bytes in, whole frames out; keeps at most one frame and what was fed last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> bytes | None:
        """Return the next whole frame, None if there is none; raise `TooLong`."""
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > self._most:
            raise TooLong(f"a frame of {length} bytes: at most {self._most} are allowed")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        frame = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return frame
