"""NNTP answers: one line, or a block where the code says so; bounded."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant, transcript
from lvsmon.wire import listing
from lvsmon.wire.nntp import Answer, NntpReader


class Blocks(NntpReader):
    """Every 101 goes on."""

    def next_event(self):
        if not self._first:
            self.expect_block(101)
        return super().next_event()


def _events(data, make=Blocks):
    return assert_invariant(make, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (b"200 welcome\r\n", [Answer(200, b"welcome")]),
        (b"201\n", [Answer(201, b"")]),
        (b"101 list\r\nVERSION 2\r\n..x\r\n.\r\n", [Answer(101, b"list", lines=(b"VERSION 2", b".x"))]),
        (b"500 what\r\n", [Answer(500, b"what")]),
        (b"101 list\r\nVERSION 2\r\n", []),
    ],
)
def test_answers(data, answers):
    assert answers == _events(data)


def test_a_block_comes_only_where_it_was_asked_for():
    assert [Answer(101, b"x"), Answer(205, b"")] == _events(b"101 x\r\n205\r\n", NntpReader)


@pytest.mark.parametrize("data", [b"20 x\r\n", b"2000 x\r\n", b"200-x\r\n", b"600 x\r\n", b"+OK\r\n", b"\r\n"])
def test_what_is_no_answer_is_refused(data):
    assert VIOLATION == _events(data)[-1]


def test_lines_and_blocks_are_bounded():
    for data in (b"200 " + b"x" * listing.MAX_LINE, b"101\r\n" + b"x" * 1000 + (b"\r\n" + b"x" * 1000) * 40):
        assert [VIOLATION] == transcript(Blocks(), [data])


def test_it_says_what_is_owed():
    reader = Blocks()
    assert "instead of an answer" == reader.where
    reader.feed(b"101 x\r\nVERSION")
    assert reader.next_event() is None
    assert "in the middle of an answer" == reader.where
    assert "200 hi \\xff" == str(Answer(200, b"hi \xff"))
