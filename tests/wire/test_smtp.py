"""SMTP replies: one line or many, one code, bounded."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import smtp
from lvsmon.wire.smtp import Reply, SmtpReader


def _events(data):
    return assert_invariant(SmtpReader, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"220 mx ready\r\n", [Reply(220, (b"mx ready",))]),
        (b"220-a\r\n220-b\r\n220 c\r\n", [Reply(220, (b"a", b"b", b"c"))]),
        (b"250\r\n", [Reply(250, (b"",))]),
        (b"250-\r\n250\r\n", [Reply(250, (b"", b""))]),
        (b"220 bare\n250 line feeds\n", [Reply(220, (b"bare",)), Reply(250, (b"line feeds",))]),
        (b"220-250 looks like another\r\n220 x\r\n", [Reply(220, (b"250 looks like another", b"x"))]),
        (b"220 \xff\xfe\r\n", [Reply(220, (b"\xff\xfe",))]),
        (b"220-never ends\r\n", []),
        (b"220 no line end", []),
    ],
)
def test_replies(data, replies):
    assert replies == _events(data)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n", b"\r\n", b"22\r\n", b"2200 x\r\n", b"220_x\r\n", b"120 x\r\n", b"620 x\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"220-a\r\n250 b\r\n", b"220-a\r\nb\r\n", b"220 " + b"x" * smtp.MAX_LINE,
        b"220-" + b"x" * 1000 + b"\r\n" + (b"220-" + b"x" * 1000 + b"\r\n") * 40,
    ],
)  # fmt: skip
def test_what_is_no_reply_is_refused(data):
    reader = SmtpReader()
    reader.feed(data)
    with pytest.raises(ProtocolViolation):
        list(iter(reader.next_event, None))
    if len(data) < 200:
        assert VIOLATION == _events(data)[-1]


def test_a_reply_reads_as_one_line():
    assert "554 5.7.1 go away \\xff" == str(Reply(554, (b"5.7.1 go", b"away \xff")))
