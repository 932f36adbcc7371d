"""Answers of memcached: lines and values, bounded."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import memcached
from lvsmon.wire.memcached import AnswerReader, Line, Value


def _events(data):
    return assert_invariant(AnswerReader, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (b"VERSION 1.6.18\r\n", [Line("VERSION", b"1.6.18")]),
        (b"END\r\nERROR\n", [Line("END", b""), Line("ERROR", b"")]),
        (b"SERVER_ERROR out of memory\r\n", [Line("SERVER_ERROR", b"out of memory")]),
        (b"VALUE k 0 4\r\na\r\nb\r\nEND\r\n", [Value(b"k", b"a\r\nb"), Line("END", b"")]),
        (b"VALUE k 7 0 123\r\n\r\n", [Value(b"k", b"")]),
        (b"VALUE k 0 4\r\nab", []),
        (b"VERS", []),
    ],
)
def test_answers(data, answers):
    assert answers == _events(data)


@pytest.mark.parametrize(
    "data",
    [
        b"version\r\n", b"\r\n", b"ENDING\r\n", b"HTTP/1.1 400\r\n", b"VALUE k 0\r\n", b"VALUE k 0 x\r\n",
        b"VALUE k 0 65537\r\n", b"VALUE k 0 1\r\nabc", b"VALUE  0 1\r\n", b"STAT" + b"x" * memcached.MAX_LINE,
        b"VALUE " + b"k" * 251 + b" 0 1\r\n",
    ],
)  # fmt: skip
def test_what_is_no_answer(data):
    assert [VIOLATION] == _events(data)
