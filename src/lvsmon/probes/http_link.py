"""One connection on which requests are answered one after the other, whichever version of HTTP it speaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lvsmon.errors import ProtocolViolation
from lvsmon.net.base import Stream
from lvsmon.probes.talk import next_event, shown
from lvsmon.wire.http1 import Body, End, Head, ResponseReader, request


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it goes out. ``target`` is what stands in its first line; ``last``: none follows it."""

    method: str
    target: str
    host: str
    headers: Sequence[tuple[str, str]]
    content: bytes | None = None
    last: bool = True


class Link(Protocol):
    """A connection that has been made."""

    async def ask(self, asked: Asked, /) -> Head:
        """Send a request and return the head of its answer, 1xx ones passed over."""
        ...

    async def more(self) -> bytes | None:
        """Return some of the answer's body, None once it is whole; raise `PeerClosed` where it is cut short."""
        ...

    @property
    def heard(self) -> bool:
        """Whether anything has come in answer to the last request."""
        ...

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        ...

    def close(self) -> None: ...


def head_of(event: object) -> Head:
    """Return the head that an answer begins with: no codec gives anything else first."""
    if not isinstance(event, Head):
        raise TypeError(event)
    return event


def body_of(event: object) -> bytes | None:
    """Return some of a body, None at its end: no codec gives anything else behind the head."""
    match event:
        case Body(data):
            return data
        case End():
            return None
    raise TypeError(event)


class Http1Link:
    """HTTP/1.0 or HTTP/1.1."""

    __slots__ = ("_reader", "_stream", "_version")

    _reader: ResponseReader

    def __init__(self, stream: Stream, version: str) -> None:
        self._stream = stream
        self._version = version

    async def ask(self, asked: Asked, /) -> Head:
        lines = [("Host", asked.host), *asked.headers]
        if asked.last:
            lines.append(("Connection", "close"))
        elif self._version == "1.0":
            lines.append(("Connection", "keep-alive"))
        if asked.content is not None:
            lines.append(("Content-Length", str(len(asked.content))))
        self._reader = ResponseReader(asked.method)
        await self._stream.write(request(asked.method, asked.target, self._version, lines, asked.content or b""))
        try:
            return head_of(await next_event(self._stream, self._reader))
        except ProtocolViolation as error:
            raise ProtocolViolation(f"{error}; it sent {shown(self._reader.pending, 60)!r}") from None

    async def more(self) -> bytes | None:
        return body_of(await next_event(self._stream, self._reader))

    @property
    def heard(self) -> bool:
        return self._reader.begun

    @property
    def reusable(self) -> bool:
        return self._reader.reusable

    @property
    def pending(self) -> bytes:
        """How what has come beyond the answer begins."""
        return self._reader.pending

    def close(self) -> None:
        self._stream.close()
