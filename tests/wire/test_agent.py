"""An agent's line, as HAProxy reads it."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.model import Weight
from lvsmon.wire.agent import MAX_LINE, AgentReader, Report, Wish, parse


@pytest.mark.parametrize(
    ("line", "wish", "word", "weight"),
    [
        (b"up", Wish.UP, "up", None),
        (b"75%", Wish.UP, "75%", Weight(75, percent=True)),
        (b"up 75%", Wish.UP, "up", Weight(75, percent=True)),
        (b"75%,ready", Wish.UP, "ready", Weight(75, percent=True)),
        (b"0%", Wish.UP, "0%", Weight(0, percent=True)),
        (b"250%", Wish.UP, "250%", Weight(250, percent=True)),
        (b"  READY\t", Wish.UP, "ready", None),
        (b"drain", Wish.DRAIN, "drain", None),
        (b"maint", Wish.MAINT, "maint", None),
        (b"down", Wish.DOWN, "down", None),
        (b"stopped", Wish.DOWN, "stopped", None),
        (b"fail", Wish.DOWN, "fail", None),
        (b"failed", Wish.DOWN, "failed", None),
        (b"up,drain", Wish.DRAIN, "drain", None),
        (b"maint up down", Wish.DOWN, "down", None),
        (b"down 100%", Wish.DOWN, "down", Weight(100, percent=True)),
        (b"maxconn:30 ready 50%", Wish.UP, "ready", Weight(50, percent=True)),
    ],
)
def test_words(line, wish, word, weight):
    """The worst state counts; case, blanks and commas do not."""
    assert Report(wish, word, weight) == parse(line)


def test_what_follows_the_hash_is_for_people():
    assert Report(Wish.DOWN, "down", None, "up 100% # backup runs") == parse(b"down # up 100% # backup runs")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"#up",
        b"hello",
        b"220 ready",
        b"up HTTP/1.1",
        b"12",
        b"maxconn:3",
        b"-5%",
        b"7.5%",
        b"1234567890%",
        b"upp",
        b"\xff\xfe",
    ],
)
def test_a_line_without_a_word_that_means_anything_is_refused(line):
    with pytest.raises(ProtocolViolation, match="neither a weight nor a state"):
        parse(line)


def test_a_plain_number_is_a_weight_where_that_is_said():
    assert Report(Wish.UP, "12", Weight(12)) == parse(b"12", numbers=True)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
def test_the_line_ends_with_its_end_or_the_streams(end):
    reader = AgentReader()
    reader.feed(b"up 5%" + end)
    if not end:
        assert reader.next_event() is None
        reader.feed_eof()
    assert Report(Wish.UP, "up", Weight(5, percent=True)) == reader.next_event()


def test_only_the_first_line_is_read():
    reader = AgentReader()
    reader.feed(b"up\ndown\n")
    assert Wish.UP is reader.next_event().wish
    assert reader.next_event() is None


def test_a_line_without_end_is_refused():
    reader = AgentReader()
    reader.feed(b"u" * MAX_LINE)
    with pytest.raises(ProtocolViolation, match="no end of the line"):
        reader.feed(b"u")
