"""HTTP/2 from the client's side, one request after the other on one connection (RFC 9113); h2 is the codec.

h2 is fed frame by frame, so that what it refuses does not take with it what came before, however the bytes were cut.
Three things are done here instead:

- GOAWAY: h2 takes nothing more after it, but a server says it before the last answers that it still gives (section
  6.8);
- limits on a block of headers, on 1xx answers, and on frames that bring an answer no further;
- headers are sent as they stand, not in Huffman's code, for in a dialogue that is kept secrets must be found again.
"""

import struct
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack

from lvsmon.errors import PeerClosed, ProtocolViolation
from lvsmon.wire.http1 import MAX_HEAD, MAX_INFORMATIONAL, Body, End, Head

MAX_FRAME: Final = 16384
"""Bytes of a frame: what a server may send that was told nothing else (RFC 9113 section 4.2)."""

MAX_IDLE: Final = 1000
"""Frames of one answer that are neither headers nor data: a server sends a few settings, pings and window updates."""

PREFACE_FRAME: Final = 9
"""Bytes of a frame's head (section 4.1)."""

_DATA, _HEADERS, _SETTINGS, _GOAWAY, _CONTINUATION = 0, 1, 4, 7, 9
_HELLO: Final = {
    h2.settings.SettingCodes.ENABLE_PUSH: 0,
    h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 65535,
    h2.settings.SettingCodes.MAX_FRAME_SIZE: MAX_FRAME,
    h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD,
}


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """The peer will not answer, or not to the end: ``why`` finishes "the realserver ..."."""

    why: str


Event: TypeAlias = Head | Body | End | BrokenOff


class _PlainEncoder(hpack.Encoder):
    """Writes headers as they stand."""

    def encode(self, headers: Iterable[Any], huffman: bool = True) -> bytes:  # noqa: ARG002  h2 leaves it out
        return super().encode(headers, huffman=False)


class Http2Client:
    """Requests in, bytes out; bytes in, `Head`, `Body` ... and `End` out; `ProtocolViolation` for what is none."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self._h2 = h2.connection.H2Connection(config)
        self._h2.local_settings = h2.settings.Settings(client=True, initial_values=_HELLO)
        self._h2.encoder = _PlainEncoder()
        self._h2.initiate_connection()
        self._buffer = bytearray()
        self._events: deque[Event] = deque()
        self._unsent = b""
        self._stream = 0
        self._greeted = False
        self._closed = False
        self._last: int | None = None  # the last stream that a GOAWAY lets live
        self._idle = self._informational = self._block = 0
        self.begun = False
        """Whether anything has come in answer to the last request."""
        self._ended = False

    @property
    def where(self) -> str:
        """What the peer owes."""
        if not self.begun:
            return "without an answer"
        return "after its answer" if self._ended else "before the end of the body: it is truncated"

    @property
    def reusable(self) -> bool:
        """Whether the last answer is whole, and another may follow."""
        return self._ended and not self._unsent and self._last is None and not self._closed

    def ask(
        self,
        method: str,
        scheme: str,
        authority: str,
        path: str,
        *,
        headers: Sequence[tuple[str, str]],
        content: bytes | None = None,
    ) -> None:
        """Send a request, as `outgoing`; the caller has checked that its headers can be sent.

        Raise `PeerClosed` where the peer takes no more of them.
        """
        lines = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
        lines += [(name.lower(), value) for name, value in headers]
        encoded = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in lines]
        self._stream = self._h2.get_next_available_stream_id()
        self._idle = self._informational = 0
        self.begun = self._ended = False
        self._events.clear()
        try:
            self._h2.send_headers(self._stream, encoded, end_stream=not content)
        except h2.exceptions.TooManyStreamsError:
            raise PeerClosed("the realserver lets no request in (SETTINGS_MAX_CONCURRENT_STREAMS)") from None
        self._unsent = content or b""
        self._send_content()

    def outgoing(self) -> bytes:
        """Return and forget what is to be sent."""
        data: bytes = self._h2.data_to_send()
        return data

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def feed_eof(self) -> None:
        self._closed = True

    def next_event(self) -> Event | None:
        """Return the next event; None where more bytes are needed."""
        while not self._events:
            frame = self._take_frame()
            if frame is None:
                return None
            self._read(frame)
        return self._events.popleft()

    def _take_frame(self) -> bytes | None:
        if len(self._buffer) < PREFACE_FRAME:
            return None
        length = int.from_bytes(self._buffer[:3], "big")
        kind = self._buffer[3]
        if not self._greeted:
            # Section 3.4: the first frame is SETTINGS, which has six bytes for each of a dozen settings.
            if self._buffer.startswith(b"HTTP/1."):
                raise ProtocolViolation("the realserver answers in HTTP/1, not HTTP/2")
            if kind != _SETTINGS or length > MAX_FRAME or self._buffer[4] & 1:
                raise ProtocolViolation(f"the answer is not HTTP/2: it begins with {bytes(self._buffer[:9])!r}")
            self._greeted = True
        if length > MAX_FRAME:
            raise ProtocolViolation(f"a frame of {length} bytes, longer than the {MAX_FRAME} that are allowed")
        if len(self._buffer) < PREFACE_FRAME + length:
            return None
        frame = bytes(self._buffer[: PREFACE_FRAME + length])
        del self._buffer[: PREFACE_FRAME + length]
        return frame

    def _read(self, frame: bytes) -> None:
        kind = frame[3]
        self._bound(kind, len(frame))
        if kind == _GOAWAY:
            self._end_by(frame)
            return
        try:
            found = self._h2.receive_data(frame)
            for event in found:
                self._take(event)
            self._send_content()
        except h2.exceptions.H2Error as error:
            raise ProtocolViolation(f"not HTTP/2: {error}") from None

    def _bound(self, kind: int, length: int) -> None:
        """Raise `ProtocolViolation` for too much of what brings an answer no further."""
        if kind in {_HEADERS, _CONTINUATION}:
            self._block = length + (self._block if kind == _CONTINUATION else 0)
            if self._block > MAX_HEAD:
                raise ProtocolViolation(f"a block of headers longer than {MAX_HEAD} bytes")
        if kind not in {_DATA, _HEADERS} or length == PREFACE_FRAME:
            self._idle += 1
            if self._idle > MAX_IDLE:
                raise ProtocolViolation(f"more than {MAX_IDLE} frames that bring the answer no further")

    def _end_by(self, frame: bytes) -> None:
        """GOAWAY (section 6.8): streams up to the one it names go on, later ones have never been looked at."""
        if len(frame) < PREFACE_FRAME + 8 or int.from_bytes(frame[5:9], "big") & 0x7FFFFFFF:
            raise ProtocolViolation("a GOAWAY frame that is none")
        last, code = struct.unpack_from(">II", frame, PREFACE_FRAME)
        self._last = last & 0x7FFFFFFF
        if self._stream > self._last and not self._ended:
            self._events.append(BrokenOff(f"ends the HTTP/2 connection: GOAWAY, {_name(code)}"))

    def _take(self, event: Any) -> None:
        if getattr(event, "stream_id", self._stream) != self._stream:
            return
        match event:
            case h2.events.InformationalResponseReceived():
                self.begun = True
                self._informational += 1
                if self._informational > MAX_INFORMATIONAL:
                    raise ProtocolViolation(f"more than {MAX_INFORMATIONAL} informational answers (1xx)")
            case h2.events.ResponseReceived():
                self.begun = True
                self._events.append(_head(event.headers))
            case h2.events.DataReceived():
                if event.flow_controlled_length:
                    self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
                if event.data:
                    self._events.append(Body(bytes(event.data)))
            case h2.events.StreamEnded():
                self._ended = True
                self._events.append(End())
            case h2.events.StreamReset() if not self._ended:
                self._events.append(BrokenOff(f"breaks its answer off: RST_STREAM, {_name(event.error_code)}"))

    def _send_content(self) -> None:
        """Send as much of the request's body as the peer has room for (section 5.2)."""
        while self._unsent and not self._ended:
            room = min(self._h2.local_flow_control_window(self._stream), self._h2.max_outbound_frame_size)
            if room <= 0:
                return
            piece, self._unsent = self._unsent[:room], self._unsent[room:]
            self._h2.send_data(self._stream, piece, end_stream=not self._unsent)


def _head(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    found = [(bytes(name), bytes(value)) for name, value in headers]
    status = dict(found).get(b":status", b"")
    if not (len(status) == 3 and status.isdigit()):
        raise ProtocolViolation(f"not the status of an answer: {status[:40]!r}")
    return Head(0, int(status), b"", tuple(pair for pair in found if not pair[0].startswith(b":")))


def _name(code: int) -> str:
    """Return what RFC 9113 section 7 calls an error."""
    try:
        return h2.errors.ErrorCodes(code).name
    except ValueError:
        return f"error {int(code)}"
