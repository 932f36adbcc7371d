"""Messages of SIP and RTSP: read as clients read them, bounded, refused where nobody knows where they end."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import messages
from lvsmon.wire.messages import Dialect, Message, MessageReader

PLAIN = Dialect(prefix=b"SIP/2.0 ", aliases={b"l": b"content-length", b"v": b"via"})
STRICT = Dialect(prefix=b"SIP/2.0 ", aliases={}, needs_length=True)
FRAMES = Dialect(prefix=b"RTSP/1.0 ", aliases={}, frames=True)
OK = b"SIP/2.0 200 OK\r\n"


def events(data, dialect=PLAIN):
    return assert_invariant(lambda: MessageReader(dialect), data, (3, 17, len(data) // 2))


def fields(data):
    (message,) = events(OK + data)
    return message.fields


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Via: a\r\n\r\n", ((b"via", b"a"),)),
        (b"v:a\r\nV : b\r\n\r\n", ((b"via", b"a"), (b"via", b"b"))),
        (b"Subject: a\r\n  b\r\n\tc\r\n\r\n", ((b"subject", b"a b c"),)),
        (b"Subject:\r\n a\r\n\r\n", ((b"subject", b"a"),)),
        (b"a: 1\nb: 2\n\n", ((b"a", b"1"), (b"b", b"2"))),
        (b"a: 1\r\n\n", ((b"a", b"1"),)),
        (b"a:\r\n\r\n", ((b"a", b""),)),
        (b"X: caf\xc3\xa9\r\n\r\n", ((b"x", b"caf\xc3\xa9"),)),
    ],
)
def test_fields_as_clients_read_them(data, expected):
    assert expected == fields(data)


def test_a_body_is_as_long_as_is_said_and_the_next_message_follows():
    first, second = events(OK + b"l: 5\r\n\r\nhello\r\n\r\nSIP/2.0 404 no\r\n\r\n")
    assert (b"SIP/2.0 200 OK", b"hello", b"SIP/2.0 404 no", b"") == (
        first.start, first.body, second.start, second.body
    )  # fmt: skip
    assert b"5, 5" == events(OK + b"l: 5\r\nContent-Length: 5\r\n\r\nhello")[0].get(b"content-length")


def test_a_short_head_behind_a_long_one_that_came_in_drops():
    reader = MessageReader(PLAIN)
    for byte in OK + b"Subject: of some length\r\n\r\n":
        assert reader.where in {"without an answer", "in the middle of its answer"}
        reader.feed(bytes((byte,)))
        message = reader.next_event()
    assert message.get(b"subject") == b"of some length"
    reader.feed(b"SIP/2.0 404\r\n\r\n")
    assert reader.next_event().start == b"SIP/2.0 404"


@pytest.mark.parametrize(
    "data",
    [
        OK,
        OK + b"\r",
        OK + b"Content-Length: 5\r\n\r\nhell",
        b"sip/2",
        b"\r\n\r\n",
    ],
)
def test_what_is_not_whole_gives_nothing(data):
    assert [] == events(data)
    reader = MessageReader(PLAIN)
    reader.feed(data)
    assert reader.next_event() is None
    assert reader.where in {"in the middle of its answer", "without an answer"}


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SIP/3",
        b" SIP/2.0 200 OK\r\n\r\n",
        OK + b"no field\r\n\r\n",
        OK + b" folded\r\n\r\n",
        OK + b"a b: c\r\n\r\n",
        OK + b"a: \0\r\n\r\n",
        OK + b"l: -1\r\n\r\n",
        OK + b"l: 5\r\nl: 6\r\n\r\n",
        OK + b"l: 0x5\r\n\r\n",
        OK + b"l: \r\n\r\n",
        OK + b"l: 65537\r\n\r\n",
        OK + b"l: 99999999999\r\n\r\n",
        OK + b"a:\r\n" * (messages.MAX_FIELDS + 1) + b"\r\n",
        OK + b"a: " + b"x" * messages.MAX_HEAD,
        b"\r\n" * (messages.MAX_BLANK // 2 + 1),
    ],
    ids=range(16),
)
def test_what_is_no_message(data):
    if len(data) < 2000:
        assert [VIOLATION] == events(data)
        return
    reader = MessageReader(PLAIN)
    reader.feed(data)
    with pytest.raises(ProtocolViolation):
        reader.next_event()


def test_the_limits_are_as_they_say():
    head = OK + b"a: " + b"x" * (messages.MAX_HEAD - len(OK) - 7) + b"\r\n\r\n"
    body = b"y" * messages.MAX_BODY
    for data in (head, OK + b"a:\r\n" * messages.MAX_FIELDS + b"\r\n", OK + b"l: 65536\r\n\r\n" + body):
        reader = MessageReader(PLAIN)
        reader.feed(data)
        assert isinstance(reader.next_event(), Message)
    with pytest.raises(ProtocolViolation, match="longer than 32768"):
        messages.end_of_head(head[:4] + b"x" + head[4:])


def test_a_length_may_be_needed():
    with pytest.raises(ProtocolViolation, match="no Content-Length"):
        messages.body_length(messages.parse_head(OK + b"\r\n", {}), needed=True)
    assert [VIOLATION] == events(OK + b"\r\n", STRICT)


def test_media_between_messages_is_passed_over():
    frame = b"$\0\0\5\r\n$RT"
    first, second = events(
        frame * 2 + b"RTSP/1.0 200 OK\r\n\r\n" + b"$\1\0\0" + frame + b"RTSP/1.0 404 x\r\n\r\n", FRAMES
    )
    assert (b"RTSP/1.0 200 OK", b"RTSP/1.0 404 x") == (first.start, second.start)
    assert [VIOLATION] == events(frame)
    assert [] == events(frame[:-1], FRAMES)


def test_endless_media_is_no_answer():
    reader = MessageReader(FRAMES)
    for _ in range(15):
        reader.feed(b"$\0\xff\xff" + bytes(65535))
        assert (None, b"") == (reader.next_event(), reader.pending)
    reader.feed(b"$\0\xff\xff")
    with pytest.raises(ProtocolViolation, match="bytes of media, and no answer"):
        reader.next_event()
