"""One connection that speaks HTTP/2 (RFC 9113), as http and https ask on it."""

from lvsmon.errors import PeerClosed
from lvsmon.net.base import Stream
from lvsmon.probes.http_link import Asked, body_of, head_of
from lvsmon.probes.talk import READ
from lvsmon.wire.http1 import Head
from lvsmon.wire.http2 import BrokenOff, Event, Http2Client


class Http2Link:
    """The client's preface goes out with the first request: by ALPN, or because the peer is known to speak HTTP/2."""

    __slots__ = ("_client", "_scheme", "_stream")

    def __init__(self, stream: Stream, scheme: str) -> None:
        self._stream = stream
        self._scheme = scheme
        self._client = Http2Client()

    async def ask(self, asked: Asked, /) -> Head:
        headers = list(asked.headers)
        if asked.content is not None:
            headers.append(("content-length", str(len(asked.content))))
        self._client.ask(asked.method, self._scheme, asked.host, asked.target, headers=headers, content=asked.content)
        return head_of(await self._next())

    async def more(self) -> bytes | None:
        return body_of(await self._next())

    async def _next(self) -> Event:
        """Return the next event. What is to be said is said before waiting, never to a peer that has said all."""
        while (event := self._client.next_event()) is None:
            if data := self._client.outgoing():
                await self._stream.write(data)
            if data := await self._stream.read(READ):
                self._client.feed(data)
            else:
                self._client.feed_eof()
                raise PeerClosed(f"the realserver closed the connection {self._client.where}")
        if isinstance(event, BrokenOff):
            raise PeerClosed(f"the realserver {event.why}")
        return event

    @property
    def heard(self) -> bool:
        return self._client.begun

    @property
    def reusable(self) -> bool:
        return self._client.reusable

    def close(self) -> None:
        self._stream.close()
