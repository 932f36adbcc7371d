"""POP3 answers: one line, or many where many were asked for; response codes; bounded."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant, transcript
from lvsmon.wire import listing
from lvsmon.wire.pop3 import Answer, Pop3Reader


class Listings(Pop3Reader):
    """Every +OK goes on."""

    def next_event(self):
        self.expect_listing()
        return super().next_event()


def _events(data, make=Pop3Reader):
    return assert_invariant(make, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (b"+OK ready <1.2@mail>\r\n", [Answer(True, b"ready <1.2@mail>")]),
        (b"+OK\r\n-ERR\n", [Answer(True, b""), Answer(False, b"")]),
        (b"+OK\ttab\r\n", [Answer(True, b"tab")]),
        (b"-ERR [in-use] busy\r\n", [Answer(False, b"[in-use] busy", "IN-USE")]),
        (b"-ERR [SYS/TEMP] later\r\n", [Answer(False, b"[SYS/TEMP] later", "SYS/TEMP")]),
        (b"-ERR [login-delay 60] slow\r\n", [Answer(False, b"[login-delay 60] slow", "LOGIN-DELAY")]),
        (b"-ERR busy [IN-USE]\r\n", [Answer(False, b"busy [IN-USE]")]),
        (b"+OK no line end", []),
    ],
)
def test_answers_of_one_line(data, answers):
    assert answers == _events(data)


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (b"+OK list\r\nTOP\r\nUIDL\r\n.\r\n", [Answer(True, b"list", lines=(b"TOP", b"UIDL"))]),
        (b"+OK\r\n..dot\r\n.\r\n-ERR no\r\n", [Answer(True, b"", lines=(b".dot",)), Answer(False, b"no")]),
        (b"+OK\r\n+OK not an answer\r\n.\r\n", [Answer(True, b"", lines=(b"+OK not an answer",))]),
        (b"+OK\r\nTOP\r\n", []),
    ],
)
def test_answers_that_go_on(data, answers):
    assert answers == _events(data, Listings)


@pytest.mark.parametrize(
    "data", [b"OK\r\n", b"+OKAY\r\n", b"+ok\r\n", b"* OK\r\n", b"\r\n", b"220 x\r\n", b"+OK " + b"x" * listing.MAX_LINE]
)
def test_what_is_no_answer_is_refused(data):
    assert VIOLATION == _events(data)[-1]


def test_a_listing_is_bounded():
    assert [VIOLATION] == transcript(Listings(), [b"+OK\r\n" + b"x\r\n" * listing.MAX_LISTING])


def test_an_answer_reads_as_it_came():
    assert ("+OK", "-ERR [AUTH] no \\xff") == (str(Answer(True, b"")), str(Answer(False, b"[AUTH] no \xff")))


def test_it_says_what_is_owed():
    reader = Listings()
    assert "instead of an answer" == reader.where
    reader.feed(b"+OK\r\n")
    assert reader.next_event() is None
    assert "in the middle of an answer" == reader.where
