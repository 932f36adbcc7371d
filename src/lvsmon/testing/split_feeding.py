"""The one invariant of every codec: any bytes in any split give the same events or the same kind of
`ProtocolViolation`, and nothing else.

`transcript` turns a codec's run into something comparable; `every_split` feeds the same bytes in many ways.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

from lvsmon.errors import ProtocolViolation

VIOLATION: Final = "ProtocolViolation"

ENDLESS: Final = 100_000
"""Events of one input: more than its bytes can make, so a codec that gives more is in a loop."""


class Codec(Protocol):
    def feed(self, data: bytes) -> None: ...

    def feed_eof(self) -> None: ...

    def next_event(self) -> Any: ...


def transcript(codec: Codec, pieces: Iterable[bytes], merge: tuple[type[Any], ...] = ()) -> list[object]:
    """Return the events of ``pieces`` and then the end of the stream; a violation ends the list.

    Events of the types in ``merge`` carry some of a longer text in ``data``: neighbours are joined, because how they
    are cut follows how they arrived.
    """
    events: list[Any] = []
    try:
        for piece in pieces:
            codec.feed(piece)
            _drain(codec, events, merge)
        codec.feed_eof()
        _drain(codec, events, merge)
    except ProtocolViolation:
        events.append(VIOLATION)
    return events


def _drain(codec: Codec, events: list[Any], merge: tuple[type[Any], ...]) -> None:
    for _ in range(ENDLESS):
        event = codec.next_event()
        if event is None:
            return
        kind: type[Any] = type(event)
        if kind in merge and events and type(events[-1]) is kind:
            event = kind(events.pop().data + event.data)
        events.append(event)
    raise AssertionError("the codec gives events for ever")


def every_split(data: bytes, cuts: Iterable[int] = ()) -> Iterator[list[bytes]]:
    """Yield ``data`` whole, byte by byte, in two at each of ``cuts`` and at all of ``cuts`` together."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    places = sorted({cut for cut in cuts if 0 < cut < len(data)})
    for cut in places:
        yield [data[:cut], data[cut:]]
    yield [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def assert_invariant(
    make: Callable[[], Codec], data: bytes, cuts: Iterable[int] = (), merge: tuple[type[Any], ...] = ()
) -> list[object]:
    """Assert the invariant for ``data`` and return its events; any other exception passes through."""
    expected: list[object] | None = None
    for pieces in every_split(data, cuts):
        got = transcript(make(), pieces, merge)
        if expected is None:
            expected = got
        assert expected == got, f"{pieces!r} gives {got!r}, whole it gives {expected!r}"
    assert expected is not None
    return expected
