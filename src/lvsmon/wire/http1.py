"""HTTP/1.0 and HTTP/1.1 from the client's side: a request's bytes, and a response reader (RFC 9112).

The reader accepts what the usual clients accept and no more:

- heads whose lines end in a bare LF, space before a header's colon, folded header lines (joined with a space);
- ``HTTP/1.x`` of any x, a status line without a reason;
- 1xx answers, which are skipped (101 is the end: nothing was asked to be upgraded);
- a body framed by Transfer-Encoding: chunked, else by Content-Length, else by the end of the connection (section 6.3).
  A Content-Length said several times must be the same each time.

It refuses what makes a client guess where the answer ends: unlike lengths, a transfer coding that nobody asked for, a
header line without a colon, NUL bytes. h11 agrees on well-formed answers (tests/fuzz holds the two against each
other); it is not used here because its limit on a head depends on how the bytes were cut, and because one exchange
with it takes 4.5 times the CPU (benchmarks/http_codec.py).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation

MAX_HEAD: Final = 65536
"""Bytes of one head, and of the trailers: curl takes 300 kB and nginx as a proxy 4 to 64 kB; answers with many cookies
have some 20 kB."""

MAX_INFORMATIONAL: Final = 16
"""1xx answers before the real one: 100 and 103 come a few times at most, an endless row is an attack."""

MAX_CHUNK_LINE: Final = 4096
"""Bytes of the line before a chunk: 16 hexadecimal digits and extensions, which nobody uses."""

_SHOWN: Final = 256
"""Bytes of what is not understood yet that `pending` shows."""

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.(\d) +(\d{3})(?: (.*))?", re.DOTALL)
_PREFIX: Final = b"HTTP/1."
TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADERS: Final = re.compile(rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([^\r\n]*)\r?\n", re.MULTILINE)
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)
_NO_BODY: Final = frozenset({101, 204, 304})


def request(method: str, target: str, version: str, headers: Iterable[tuple[str, str]], content: bytes = b"") -> bytes:
    """Return the bytes of a request; the caller has checked that nothing holds CR or LF, and says the length."""
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + content


@dataclass(frozen=True, slots=True)
class Head:
    """The final status line and headers; names in lower case, in the order sent."""

    minor: int
    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes | None:
        """Return the values of ``name`` (in lower case) joined with commas, None where there is none."""
        found = [value for key, value in self.headers if key == name]
        return b", ".join(found) if found else None


@dataclass(frozen=True, slots=True)
class Body:
    """Some of the body. How a body is cut into events follows how it arrived; its bytes do not."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The answer is whole."""


Event: TypeAlias = Head | Body | End


class _State(Enum):
    HEAD = auto()
    LENGTH = auto()
    UNTIL_CLOSE = auto()
    CHUNK_LINE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILERS = auto()
    ENDED = auto()


_IN_CHUNKS: Final = frozenset({_State.CHUNK_LINE, _State.CHUNK, _State.CHUNK_END})

_WHERE: Final = {
    _State.HEAD: "in the middle of the head of its answer",
    _State.LENGTH: "before the end of the body: it is truncated",
    _State.UNTIL_CLOSE: "at the end of the body",
    _State.CHUNK_LINE: "before the last chunk of the body: it is truncated",
    _State.CHUNK: "in the middle of a chunk of the body: it is truncated",
    _State.CHUNK_END: "in the middle of a chunk of the body: it is truncated",
    _State.TRAILERS: "in the middle of the trailers",
    _State.ENDED: "after its answer",
}


class ResponseReader:
    """Bytes in, `Head`, `Body` ... and `End` out; `ProtocolViolation` for what is no HTTP/1 answer."""

    __slots__ = (
        "_buffer", "_closed", "_head", "_informational", "_method", "_rest", "_searched", "_state", "begun",
    )  # fmt: skip

    def __init__(self, method: str) -> None:
        self._method = method
        self._buffer = bytearray()
        self._state = _State.HEAD
        self._searched = 0
        self._rest = 0
        self._informational = 0
        self._closed = False
        self._head: Head | None = None  # of an answer that says where it ends
        self.begun = False
        """Whether anything has come."""

    @property
    def reusable(self) -> bool:
        """Whether the answer is whole, has said nothing against another on its connection, and nothing follows it."""
        if self._state is not _State.ENDED or self._head is None or self._buffer or self._closed:
            return False
        return _persists(self._head)

    @property
    def where(self) -> str:
        """What the peer owes."""
        if self._state is _State.HEAD and not self._buffer:
            return "without an answer"
        return _WHERE[self._state]

    @property
    def pending(self) -> bytes:
        """The beginning of what was fed and not yet understood."""
        return bytes(self._buffer[:_SHOWN])

    def feed(self, data: bytes) -> None:
        """Take bytes; of what comes after the end no more is kept than `pending` shows."""
        self.begun = True
        self._buffer += data if self._state is not _State.ENDED else data[: max(0, _SHOWN - len(self._buffer))]

    def feed_eof(self) -> None:
        self._closed = True

    def next_event(self) -> Event | None:
        """Return the next event; None where more bytes are needed, for ever after the end or a truncation."""
        while True:
            match self._state:
                case _State.HEAD:
                    block = self._take_block()
                    if block is None:
                        return None
                    head = _parse_head(block)
                    if 100 <= head.status < 200 and head.status != 101:
                        self._informational += 1
                        if self._informational > MAX_INFORMATIONAL:
                            raise ProtocolViolation(f"more than {MAX_INFORMATIONAL} informational answers (1xx)")
                        continue
                    self._state, self._rest = self._framing(head)
                    self._head = None if self._state is _State.UNTIL_CLOSE else head
                    return head
                case _State.LENGTH:
                    if self._rest:
                        return self._take_body()
                    self._state = _State.ENDED
                    return End()
                case _State.UNTIL_CLOSE:
                    if not self._buffer and self._closed:
                        self._state = _State.ENDED
                        return End()
                    self._rest = len(self._buffer)
                    return self._take_body()
                case _State.CHUNK_LINE | _State.CHUNK | _State.CHUNK_END:
                    body = self._take_chunks()
                    if body is not None or self._state in _IN_CHUNKS:
                        return body
                case _State.TRAILERS:
                    line = self._take_line(MAX_HEAD)
                    if line is None:
                        return None
                    self._rest += len(line) + 1
                    if self._rest > MAX_HEAD:
                        raise ProtocolViolation(f"trailers longer than {MAX_HEAD} bytes")
                    if not line:
                        self._state = _State.ENDED
                        return End()
                case _State.ENDED:
                    return None

    def _take_block(self) -> bytes | None:
        """Return a head with its empty line, once it is whole; raise as soon as it cannot be one."""
        buffer = self._buffer
        if not buffer.startswith(_PREFIX[: len(buffer)]):
            raise ProtocolViolation("the answer is not HTTP/1: it does not begin with HTTP/1.")
        end = _end_of_head(buffer, self._searched)
        if end < 0 and len(buffer) < MAX_HEAD:
            self._searched = max(0, len(buffer) - 3)
            return None
        if end < 0 or end > MAX_HEAD:
            raise ProtocolViolation(f"a head longer than {MAX_HEAD} bytes")
        block = bytes(buffer[:end])
        del buffer[:end]
        self._searched = 0
        return block

    def _take_line(self, limit: int) -> bytes | None:
        """Return a line without its end; ``limit`` counts the end too."""
        end = self._buffer.find(b"\n", 0, limit)
        if end < 0:
            if len(self._buffer) >= limit:
                raise ProtocolViolation("a trailer without an end")
            return None
        line = bytes(self._buffer[: end - 1 if end and self._buffer[end - 1] == 0x0D else end])
        del self._buffer[: end + 1]
        return line

    def _take_body(self) -> Body | None:
        if not self._buffer:
            return None
        data = bytes(self._buffer[: self._rest])
        del self._buffer[: len(data)]
        self._rest -= len(data)
        return Body(data)

    def _take_chunks(self) -> Body | None:
        """Return what the chunks at hand hold, as one piece: a flood of one-byte chunks must not cost much each.

        What cannot be a chunk is raised only when nothing good comes before it, so that the split does not matter.
        """
        buffer, state, rest, at = self._buffer, self._state, self._rest, 0
        data = bytearray()
        trouble = ""
        while True:
            if state is _State.CHUNK:
                piece = buffer[at : at + rest]
                data += piece
                at += len(piece)
                rest -= len(piece)
                if rest:
                    break
                state = _State.CHUNK_END
            limit = 2 if state is _State.CHUNK_END else MAX_CHUNK_LINE
            end = buffer.find(b"\n", at, at + limit)
            if end < 0:
                if len(buffer) - at >= limit:
                    trouble = "a chunk is longer than its size says, or the line before it has no end"
                break
            line_end = end - 1 if end > at and buffer[end - 1] == 0x0D else end
            if state is _State.CHUNK_END:
                if line_end > at:
                    trouble = "a chunk is longer than its size says"
                    break
                state = _State.CHUNK_LINE
            else:
                found = _CHUNK.fullmatch(buffer, at, line_end)
                if found is None:
                    trouble = f"not the size of a chunk: {bytes(buffer[at : min(line_end, at + 40)])!r}"
                    break
                rest = int(found[1], 16)
                state = _State.CHUNK if rest else _State.TRAILERS
            at = end + 1
            if state is _State.TRAILERS:
                break
        found = None  # a match holds on to the buffer, which could not be cut then
        del buffer[:at]
        self._state, self._rest = state, rest
        if trouble and not data:
            raise ProtocolViolation(trouble)
        return Body(bytes(data)) if data else None

    def _framing(self, head: Head) -> tuple[_State, int]:
        """RFC 9112 section 6.3: how the body of this answer ends."""
        tunnel = self._method == "CONNECT" and 200 <= head.status < 300
        if tunnel or self._method == "HEAD" or head.status in _NO_BODY:
            return _State.LENGTH, 0
        codings = head.get(b"transfer-encoding")
        if codings is not None:
            names = [name for part in codings.lower().split(b",") if (name := part.strip()) not in {b"", b"identity"}]
            if names == [b"chunked"]:
                return _State.CHUNK_LINE, 0
            if names:
                raise ProtocolViolation(f"a transfer coding that was not asked for: {codings[:80]!r}")
        said = head.get(b"content-length")
        if said is None:
            return _State.UNTIL_CLOSE, 0
        lengths = {part.strip() for part in said.split(b",")}
        if len(lengths) > 1 or not _LENGTH.fullmatch(length := lengths.pop()):
            raise ProtocolViolation(f"not one length of the body: {said[:80]!r}")
        return _State.LENGTH, int(length)


def _persists(head: Head) -> bool:
    """Say whether the connection may carry another answer (RFC 9112 sections 9.3 and 6.3)."""
    options = {option.strip() for option in (head.get(b"connection") or b"").lower().split(b",")}
    framed_twice = head.get(b"transfer-encoding") is not None and (
        head.minor == 0 or head.get(b"content-length") is not None
    )
    if head.status == 101 or b"close" in options or framed_twice:
        return False
    return head.minor > 0 or b"keep-alive" in options


def _end_of_head(buffer: bytearray, start: int) -> int:
    """Return where the first empty line ends, -1 where there is none; lines may end in CRLF or LF, mixed."""
    ends = [
        found + len(mark) for mark in (b"\n\r\n", b"\n\n") if (found := buffer.find(mark, start, MAX_HEAD + 1)) >= 0
    ]
    return min(ends, default=-1)


def _parse_head(block: bytes) -> Head:
    if b"\0" in block:
        raise ProtocolViolation("a NUL byte in the head of the answer")
    first = block[: block.index(b"\n")].removesuffix(b"\r")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise ProtocolViolation(f"not an HTTP/1 status line: {first[:80]!r}")
    found = _HEADERS.findall(block)
    if len(found) == block.count(b"\n") - 2:  # every line between the status line and the empty one
        headers = tuple([(name.lower(), value.rstrip(b" \t")) for name, value in found])
    else:
        headers = _unusual_headers(block)
    return Head(int(status[1]), int(status[2]), status[3] or b"", headers)


def _unusual_headers(block: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Read header lines one by one: folded ones, ones with a CR inside, and ones that are none."""
    headers: list[tuple[bytes, bytes]] = []
    for line in [line.removesuffix(b"\r") for line in block.split(b"\n")[1:-2]]:
        if line[:1] in {b" ", b"\t"}:
            if not headers:
                raise ProtocolViolation("the first header line is folded")
            name, value = headers[-1]
            headers[-1] = name, (value + b" " + line.strip()).strip()
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if not colon or not TOKEN.fullmatch(name):
            raise ProtocolViolation(f"not a header line: {line[:80]!r}")
        headers.append((name.lower(), value.strip(b" \t")))
    return tuple(headers)
