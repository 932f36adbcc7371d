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


class LineCodec:
    """What every codec has that reads answers in lines; what they mean is its own business."""

    __slots__ = ("_reader",)

    def __init__(self, limit: int) -> None:
        """``limit`` is as for `LineReader`."""
        self._reader = LineReader(limit)

    @property
    def pending(self) -> bytes:
        """What was fed and belongs to no answer yet."""
        return self._reader.pending

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def feed_eof(self) -> None:
        """Nothing is completed by the end: an answer says by itself where it ends."""


class Counted:
    """A value of so many bytes as a line has announced, and the CRLF behind them."""

    __slots__ = ("_left", "_limit", "_parts", "_reader", "_size")

    def __init__(self, reader: LineReader, limit: int) -> None:
        """``limit`` is the longest value in bytes."""
        self._reader = reader
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = self._left = 0

    @property
    def begun(self) -> bool:
        """Whether a value has been announced and is not whole yet."""
        return self._left > 0

    def begin(self, size: int) -> None:
        """Take what follows the last line for a value of ``size`` bytes; raise `ProtocolViolation`."""
        if size > self._limit:
            raise ProtocolViolation(f"a value of {size} bytes: the most that is read is {self._limit}")
        self._size, self._left = size, size + 2

    def next_value(self) -> bytes | None:
        """Return the value, None where it is not whole yet; raise `ProtocolViolation`."""
        piece = self._reader.take(self._left)
        self._left -= len(piece)
        self._parts.append(piece)
        if self._left:
            return None
        data = b"".join(self._parts)
        self._parts.clear()
        if data[self._size :] != b"\r\n":
            raise ProtocolViolation(f"a value of {self._size} bytes that goes on after them")
        return data[: self._size]
