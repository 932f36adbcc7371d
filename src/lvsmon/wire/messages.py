"""Messages of a start line, header fields and a body of known length, as SIP (RFC 3261 section 7) and RTSP have them.

Read is what clients take: any case of names, space before a colon, fields folded over several lines, lines that end in
a bare LF, empty lines before a message. Refused is what leaves a client guessing where a message ends: lengths that
differ, a line that is no field, NUL bytes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation

MAX_HEAD: Final = 32768
"""Bytes of a start line and its fields: a datagram of SIP has room for twice that, a proxied answer some 2 kB."""

MAX_FIELDS: Final = 256
"""Fields of one head: many proxies on the way make some forty."""

MAX_BODY: Final = 65536
"""Bytes of a body: a session description is some 500, one of many media some thousand."""

MAX_BLANK: Final = 1024
"""Bytes of empty lines before a message: keep-alives (RFC 5626 section 3.5.1) are two or four."""

MAX_MEDIA: Final = 1 << 20
"""Bytes of interleaved media before an answer: a second of video, while we have asked for none."""

_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH: Final = re.compile(rb"[0-9]{1,9}")
_FRAME_HEAD: Final = 4


@dataclass(frozen=True, slots=True)
class Message:
    """A message; names of fields in lower case and never in their short form, in the order sent."""

    start: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key == name]

    def get(self, name: bytes) -> bytes | None:
        """Return the values of ``name`` joined with commas, None where there is none."""
        found = self.all(name)
        return b", ".join(found) if found else None


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one protocol's messages begin with, and what else sets them apart.

    ``aliases`` are the short forms of names. ``needs_length``: a message without Content-Length is refused, where
    others take it as one without a body. ``frames``: media may come between messages (RFC 2326 section 10.12).
    """

    prefix: bytes
    aliases: Mapping[bytes, bytes]
    needs_length: bool = False
    frames: bool = False


class MessageReader:
    """Bytes of a stream in, messages out; `ProtocolViolation` for what is none."""

    __slots__ = ("_blank", "_buffer", "_dialect", "_head", "_length", "_media", "_searched", "_skip")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._buffer = bytearray()
        self._head: Message | None = None
        self._length = 0
        self._blank = 0
        self._media = 0
        self._skip = 0
        self._searched = 0

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of its answer" if self._head is not None or self._buffer else "without an answer"

    @property
    def pending(self) -> bytes:
        """The beginning of what was fed and not yet understood."""
        return bytes(self._buffer[:256])

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def feed_eof(self) -> None:
        """Nothing is completed by the end: a message says how long it is."""

    def next_event(self) -> Message | None:
        """Return the next whole message, None where more bytes are needed."""
        while self._head is None:
            if not self._begin():
                return None
        if len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        message = Message(self._head.start, self._head.fields, body)
        self._head = None
        return message

    def _begin(self) -> bool:
        """Take a head, or what stands before it; say whether anything was taken."""
        buffer = self._buffer
        if self._skip:
            taken = min(self._skip, len(buffer))
            self._skip -= taken
            del buffer[:taken]
            return taken > 0
        if buffer.startswith((b"\r", b"\n")):
            self._blank += 1
            if self._blank > MAX_BLANK:
                raise ProtocolViolation(f"more than {MAX_BLANK} bytes of empty lines and no message")
            del buffer[:1]
            return True
        if self._dialect.frames and buffer.startswith(b"$"):
            return self._begin_frame()
        refuse_other(buffer, self._dialect.prefix)
        end = end_of_head(buffer, self._searched)
        if end is None:
            self._searched = max(0, len(buffer) - 3)
            return False
        self._head = parse_head(bytes(buffer[:end]), self._dialect.aliases)
        self._length = body_length(self._head, needed=self._dialect.needs_length) or 0
        del buffer[:end]
        self._searched = self._blank = 0
        return True

    def _begin_frame(self) -> bool:
        """Take the head of a frame of media; what it holds is passed over."""
        if len(self._buffer) < _FRAME_HEAD:
            return False
        self._skip = int.from_bytes(self._buffer[2:_FRAME_HEAD])
        del self._buffer[:_FRAME_HEAD]
        self._media += self._skip + _FRAME_HEAD
        if self._media > MAX_MEDIA:
            raise ProtocolViolation(f"more than {MAX_MEDIA} bytes of media, and no answer")
        return True


def refuse_other(data: bytes | bytearray, prefix: bytes) -> None:
    """Raise `ProtocolViolation` as soon as ``data`` cannot begin with ``prefix``, in any case of its letters."""
    begun = bytes(data[: len(prefix)])
    if begun.upper() != prefix[: len(begun)]:
        raise ProtocolViolation(f"not an answer of {prefix.partition(b'/')[0].decode()}: {bytes(data[:60])!r}")


def end_of_head(buffer: bytes | bytearray, start: int = 0) -> int | None:
    """Return where the first empty line ends, None where there is none yet; raise where the head is too long."""
    ends = [
        found + len(mark) for mark in (b"\n\r\n", b"\n\n") if (found := buffer.find(mark, start, MAX_HEAD + 1)) >= 0
    ]
    end = min(ends, default=len(buffer) if len(buffer) > MAX_HEAD else None)
    if end is not None and end > MAX_HEAD:
        raise ProtocolViolation(f"a head longer than {MAX_HEAD} bytes")
    return end


def parse_head(block: bytes, aliases: Mapping[bytes, bytes]) -> Message:
    """Return the message, without its body, that ``block`` begins: a head with its empty line."""
    if b"\0" in block:
        raise ProtocolViolation("a NUL byte in the head of the answer")
    start, *lines = [line.removesuffix(b"\r") for line in block.split(b"\n")[:-2]]
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"}:
            if not fields:
                raise ProtocolViolation("the first header line is folded")
            name, value = fields[-1]
            fields[-1] = name, (value + b" " + line.strip()).strip()
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t").lower()
        if not colon or not _NAME.fullmatch(name):
            raise ProtocolViolation(f"not a header line: {line[:80]!r}")
        if len(fields) == MAX_FIELDS:
            raise ProtocolViolation(f"more than {MAX_FIELDS} header fields")
        fields.append((aliases.get(name, name), value.strip()))
    return Message(start, tuple(fields))


def body_length(head: Message, *, needed: bool = False) -> int | None:
    """Return the bytes of the body, None where the head does not say; raise where it says several or too many."""
    said = head.get(b"content-length")
    if said is None:
        if needed:
            raise ProtocolViolation("no Content-Length, without which nobody knows where the answer ends")
        return None
    lengths = {part.strip() for part in said.split(b",")}
    if len(lengths) > 1 or not _LENGTH.fullmatch(length := lengths.pop()):
        raise ProtocolViolation(f"not one length of the body: {said[:80]!r}")
    if int(length) > MAX_BODY:
        raise ProtocolViolation(f"a body of {int(length)} bytes: the most that is read is {MAX_BODY}")
    return int(length)
