"""What kinds share: feeding a codec from a stream, and words about what was seen."""

from typing import Final, Protocol, TypeVar

from lvsmon.errors import PeerClosed
from lvsmon.model import Target
from lvsmon.model.patterns import Regex
from lvsmon.net.base import Stream

_Event_co = TypeVar("_Event_co", covariant=True)

READ: Final = 16384
"""Bytes of one read from a realserver that should say little; what a codec is fed at once adds to its memory."""

MAX_FACT: Final = 200
"""Characters of a fact that quotes the realserver: a banner line."""


class Reader(Protocol[_Event_co]):
    """A codec: bytes in, events out."""

    @property
    def where(self) -> str:
        """Finishes the sentence "the realserver closed the connection ..."."""
        ...

    def feed(self, data: bytes) -> None: ...

    def feed_eof(self) -> None: ...

    def next_event(self) -> _Event_co | None: ...


async def next_event(stream: Stream, reader: Reader[_Event_co], read: int = READ) -> _Event_co:
    """Return the codec's next event, reading as much as it needs; raise `PeerClosed` where the stream ends first."""
    event = reader.next_event()
    while event is None:
        data = await stream.read(read)
        if data:
            reader.feed(data)
            event = reader.next_event()
        else:
            reader.feed_eof()
            event = reader.next_event()
            if event is None:
                raise PeerClosed(f"the realserver closed the connection {reader.where}")
    return event


def shown(data: bytes | bytearray, limit: int = MAX_FACT) -> str:
    """Return ``data`` for a fact or a detail: ends trimmed, bounded, bytes that are no UTF-8 escaped."""
    cut = data.strip()[: limit * 4].decode("utf-8", "backslashreplace")
    return cut if len(cut) <= limit else cut[: limit - 1] + "…"


def as_clients_say(target: Target, default_port: int) -> str:
    """Return the name by which clients of the VIP call it in a URI: no port where it is the scheme's own."""
    name = target.hostname or target.vip or target.address
    name = f"[{name}]" if ":" in name else name
    port = target.vport or target.port
    return name if port == default_port else f"{name}:{port}"


def refuse_vacuous(setting: str, pattern: Regex | None, verb: str = "fail") -> None:
    """Raise ValueError where ``pattern`` matches the empty text: then the probe can never ``verb`` by it."""
    if pattern is not None and pattern.search(b""):
        raise ValueError(
            f"{setting}: {pattern.pattern.decode()!r} matches even the empty text, so the probe can never {verb}"
        )
