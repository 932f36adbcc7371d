"""The answers of RFC 1413."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import ident
from lvsmon.wire.ident import IdentReader, NoOwner, Owner, question


def _events(data):
    return assert_invariant(IdentReader, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"6193, 23 : USERID : UNIX : stjohns\r\n", Owner((6193, 23), b"UNIX", b"stjohns")),
        (b"6193,23:userid:OTHER:  two words : x\r\n", Owner((6193, 23), b"OTHER", b" two words : x")),
        (b"1, 2 : USERID : UNIX, UTF-8 :x\n", Owner((1, 2), b"UNIX, UTF-8", b"x")),
        (b"6195, 23 : ERROR : NO-USER\r\n", NoOwner((6195, 23), "NO-USER")),
        (b" 1 , 2 : error : hidden-user \r\n", NoOwner((1, 2), "HIDDEN-USER")),
    ],
)
def test_answers(data, answer):
    assert [answer] == _events(data)


@pytest.mark.parametrize(
    "data",
    [b"\r\n", b"1, 2\r\n", b"1 2 : ERROR : X\r\n", b"1, 2 : USERID : UNIX\r\n", b"1, 2 : USERID : UNIX :\r\n",
     b"1, 2 : WHO : UNIX : x\r\n", b"1, 2 : ERROR : NO-USER : x\r\n", b"123456, 2 : ERROR : X\r\n",
     b"1, 2 : USERID : UNIX : " + b"x" * ident.MAX_LINE, b"HTTP/1.1 400 Bad Request\r\n"],
)  # fmt: skip
def test_what_is_no_answer_is_refused(data):
    assert VIOLATION == _events(data[:1100])[-1]


def test_the_question():
    assert b"113 , 40000\r\n" == question(113, 40000)
    reader = IdentReader()
    assert "instead of an answer" == reader.where
    reader.feed(b"113")
    assert "in the middle of an answer" == reader.where
