"""Bounded lines, as the text protocols send them.

A line ends in CRLF; a bare LF is tolerated, because servers and the people who configure their banners write it and
every client reads it. A CR elsewhere is data.
"""

from lvsmon.errors import ProtocolViolation


class LineReader:
    """Bytes in, lines out; holds at most ``limit`` bytes beyond what it was last fed."""

    __slots__ = ("_buffer", "_limit", "_start")

    def __init__(self, limit: int) -> None:
        """``limit`` is the longest line in bytes, its end included, as RFC 5321 counts."""
        self._limit = limit
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data: bytes) -> None:
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def next_line(self) -> bytes | None:
        """Return the next line without its end, None where it is not whole yet; raise `ProtocolViolation`."""
        start = self._start
        end = self._buffer.find(b"\n", start, start + self._limit)
        if end < 0:
            if len(self._buffer) - start >= self._limit:
                raise ProtocolViolation(f"a line longer than {self._limit} bytes")
            return None
        self._start = end + 1
        if end > start and self._buffer[end - 1] == 0x0D:
            end -= 1
        return bytes(self._buffer[start:end])

    @property
    def pending(self) -> bytes:
        """What was fed and not yet read."""
        return bytes(self._buffer[self._start :])

    def take(self, count: int) -> bytes:
        """Return and consume up to ``count`` bytes that follow the last line: for protocols that count bytes."""
        piece = bytes(self._buffer[self._start : self._start + count])
        self._start += len(piece)
        return piece
