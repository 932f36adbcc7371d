"""What codecs share whose messages say at their beginning how long they are."""

from typing import ClassVar


class FrameReader:
    """Keeps what was fed until it is a whole message; the codec's `next_event` takes it from ``_buffer``."""

    __slots__ = ("_buffer",)

    unit: ClassVar[str]
    """What a message is called."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def where(self) -> str:
        """What the peer owes."""
        return f"in the middle of a {self.unit}" if self._buffer else f"instead of a {self.unit}"

    @property
    def pending(self) -> bytes:
        """What was fed and is not part of a message yet."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def feed_eof(self) -> None:
        """Nothing is completed by the end: a message says how long it is."""
