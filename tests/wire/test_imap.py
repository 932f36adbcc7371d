"""IMAP responses: tags, statuses, codes; literals counted and left out; bounded."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant, transcript
from lvsmon.wire import imap
from lvsmon.wire.imap import ImapReader, Response


def _events(data):
    return assert_invariant(ImapReader, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "responses"),
    [
        (b"* OK ready\r\n", [Response("*", "OK", b"ready")]),
        (b"* preauth hello\n", [Response("*", "PREAUTH", b"hello")]),
        (b"* BYE\r\n", [Response("*", "BYE", b"")]),
        (
            b"* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\n",
            [Response("*", "OK", b"[CAPABILITY IMAP4rev1 IDLE] hi", "CAPABILITY", b"IMAP4rev1 IDLE")],
        ),
        (b"a1 NO [alert] x\r\n", [Response("a1", "NO", b"[alert] x", "ALERT")]),
        (b"a1 OK\r\n", [Response("a1", "OK", b"")]),
        (b"* CAPABILITY IMAP4rev1\r\n", [Response("*", "", b"CAPABILITY IMAP4rev1")]),
        (b"* 3 EXISTS\r\n", [Response("*", "", b"3 EXISTS")]),
        (b"+ go on\r\n+\r\n", [Response("+", "", b"go on"), Response("+", "", b"")]),
        (b"* OK half", []),
    ],
)
def test_responses(data, responses):
    assert responses == _events(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'* LIST () "/" {5}\r\nab\r\nc\r\n', b'LIST () "/" {5}'),
        (b"* LIST {3}\r\na1 {2+}\r\nxy tail\r\n", b"LIST {3}{2+} tail"),
        (b"* 1 FETCH (BODY ~{4}\r\n\0\r\n\0)\r\n", b"1 FETCH (BODY ~{4})"),
        (b"* LIST {0}\r\n\r\n", b"LIST {0}"),
        (b"* LIST {14}\r\na1 OK fooled\r\n\r\n", b"LIST {14}"),
    ],
)
def test_literals_are_left_out(data, text):
    """Also one that looks like the answer that is waited for, and one that is not synchronising."""
    assert [Response("*", "", text), Response("a1", "OK", b"done")] == _events(data + b"a1 OK done\r\n")


@pytest.mark.parametrize("data", [b"* OK have {5}\r\n", b"a1 NO {7}\r\n", b"+ {3}\r\n", b"* OK [ALERT] {3}\r\n"])
def test_braces_in_a_text_for_people_are_no_literal(data):
    assert 1 == len(_events(data))
    assert VIOLATION not in _events(data)


def test_a_code_may_hold_a_literal():
    (response,) = _events(b"* NO [BADCHARSET ({5}\r\nUTF-8 x)] no\r\n")
    assert ("NO", "BADCHARSET") == (response.status, response.code)


@pytest.mark.parametrize(
    "data",
    [b"hello\r\n", b"\r\n", b"*\r\n", b"* \r\n", b"+OK ready\r\n", b"220 x\r\n", b"a1 PREAUTH x\r\n", b"a1 BYE\r\n",
     b"a1\r\n", b"a\xff OK\r\n", b" OK\r\n", b'a" OK\r\n', b"HTTP/1.1 400 Bad Request\r\n"],
)  # fmt: skip
def test_what_is_no_response_is_refused(data):
    assert VIOLATION == _events(data)[-1]


@pytest.mark.parametrize(
    "data",
    [
        b"* OK " + b"x" * imap.MAX_LINE,
        b"* LIST {%d}\r\n" % imap.MAX_ANSWER,
        b"* LIST {9999999999}\r\n",
        b"* LIST" + b" {0}\r\n" * 3000,
        b"* 1 EXISTS\r\n" * (imap.MAX_ANSWER // 12 + 1),
    ],
)
def test_everything_is_bounded(data):
    pieces = [data[start : start + 16384] for start in range(0, len(data), 16384)]
    assert VIOLATION == transcript(ImapReader(), pieces)[-1]


def test_an_answered_command_begins_a_new_count():
    reader = ImapReader()
    for _ in range(3):
        reader.feed(b"* 1 EXISTS\r\n" * 60_000 + b"a1 OK done\r\n")
        assert "a1" == list(iter(reader.next_event, None))[-1].tag


def test_a_response_reads_as_one_line():
    assert "NO [X] \\xff" == str(Response("a1", "NO", b"[X] \xff"))


def test_it_says_what_is_owed():
    reader = ImapReader()
    assert "instead of a response" == reader.where
    reader.feed(b"* LIST {9}\r\nabc")
    assert reader.next_event() is None
    assert "in the middle of a response" == reader.where
