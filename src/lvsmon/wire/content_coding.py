"""Content codings of HTTP bodies (RFC 9110 section 8.4.1): gzip and deflate, decoded into bounded pieces.

A few kilobytes can hold gigabytes of zeros, so a caller says how many bytes it has room for and gets no more.
"""

import zlib

from lvsmon.errors import ProtocolViolation

_GZIP = 16 + zlib.MAX_WBITS


class Decoder:
    """Decodes one body. "deflate" is zlib's format, or the raw one that some servers send under that name."""

    __slots__ = ("_coding", "_machine", "_started", "_tail")

    def __init__(self, coding: str) -> None:
        """Raise ValueError for a coding other than gzip, x-gzip and deflate."""
        if coding not in {"gzip", "x-gzip", "deflate"}:
            raise ValueError(coding)
        self._coding = "gzip" if coding == "x-gzip" else coding
        self._machine = zlib.decompressobj(_GZIP if self._coding == "gzip" else zlib.MAX_WBITS)
        self._started = False
        self._tail = b""

    @property
    def whole(self) -> bool:
        """Whether the compressed data has come to its own end."""
        return self._machine.eof

    def decode(self, data: bytes, room: int) -> bytes:
        """Return what ``data`` decodes to, at most ``room`` bytes (1 or more); the rest waits for the next call.

        Raise `ProtocolViolation` where the data is not of this coding.
        """
        if self._machine.eof:  # zlib would keep what follows
            return b""
        data = self._tail + data
        if not self._started and self._coding == "deflate":
            if len(data) < 2:
                self._tail = data
                return b""
            if data[0] & 0x0F != 8 or (data[0] << 8 | data[1]) % 31:  # RFC 1950: no zlib header, so raw
                self._machine = zlib.decompressobj(-zlib.MAX_WBITS)
        self._started = True
        try:
            text = self._machine.decompress(data, room)
        except zlib.error:
            raise ProtocolViolation(f"the body is not {self._coding}, though its Content-Encoding says so") from None
        self._tail = self._machine.unconsumed_tail
        return text
