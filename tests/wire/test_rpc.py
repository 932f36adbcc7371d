"""ONC RPC: calls as RFC 5531 writes them, replies told apart, records bounded."""

import struct

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import rpc
from lvsmon.wire.rpc import Answer, Call, Credential, RecordReader


def words(*numbers):
    return struct.pack(f">{len(numbers)}I", *numbers)


def fragment(data, *, last=True):
    return struct.pack(">I", (last << 31) | len(data)) + data


ACCEPTED = words(7, 1, 0, 0, 0)


def test_a_call_is_as_the_rfc_writes_it():
    assert words(7, 0, 2, 100003, 3, 0, 0, 0, 0, 0) == rpc.pack_call(7, Call(100003, 3))
    assert rpc.pack_call(7, Call(100003, 3, 5, b"args")).endswith(words(0, 0) + b"args")


def test_a_call_with_a_user_has_auth_sys():
    """Flavor 1; a body of stamp, machine name, uid, gid and no groups."""
    credential = rpc.pack_call(7, Call(1, 1), Credential.SYS)[24:-8]
    assert words(1, 28, 0, 6) + b"lvsmon\0\0" + words(0, 0, 0) == credential


def test_a_record_is_one_last_fragment():
    assert words(0x80000004) + b"abcd" == rpc.pack_record(b"abcd")


@pytest.mark.parametrize(
    ("message", "answer", "low", "high", "auth"),
    [
        (ACCEPTED + words(0), Answer.SUCCESS, 0, 0, 0),
        (words(7, 1, 0, 1, 5) + b"abcde\0\0\0" + words(0), Answer.SUCCESS, 0, 0, 0),
        (ACCEPTED + words(1), Answer.PROGRAM_UNAVAILABLE, 0, 0, 0),
        (ACCEPTED + words(2, 3, 4), Answer.VERSION_MISMATCH, 3, 4, 0),
        (ACCEPTED + words(3), Answer.PROCEDURE_UNAVAILABLE, 0, 0, 0),
        (ACCEPTED + words(4), Answer.GARBAGE_ARGUMENTS, 0, 0, 0),
        (ACCEPTED + words(5), Answer.SYSTEM_ERROR, 0, 0, 0),
        (words(7, 1, 1, 0, 2, 2), Answer.RPC_MISMATCH, 2, 2, 0),
        (words(7, 1, 1, 1, 5), Answer.AUTHENTICATION, 0, 0, 5),
        (words(7, 1, 1, 1, 99), Answer.AUTHENTICATION, 0, 0, 99),
    ],
)
def test_replies_are_told_apart(message, answer, low, high, auth):
    reply = rpc.parse_reply(message)
    assert (answer, low, high, auth) == (reply.answer, reply.low, reply.high, reply.auth)
    for end in range(0, len(message), 3):
        with pytest.raises(ProtocolViolation):
            rpc.parse_reply(message[:end])


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (rpc.pack_call(7, Call(100003, 3)), "sends back what it gets"),
        (words(7, 2, 0, 0, 0, 0), "unknown type 2"),
        (words(7, 1, 2, 0, 0, 0), "unknown status 2"),
        (ACCEPTED + words(6), "accepted with the unknown status 6"),
        (words(7, 1, 1, 2, 0), "denied with the unknown status 2"),
        (words(7, 1, 0, 1, 401) + bytes(404) + words(0), "a text of 401 bytes"),
        (words(7, 1, 0, 1, 0xFFFFFFFF, 0), "a text of 4294967295 bytes"),
        (words(7, 1, 0, 1, 8, 0), "ends early"),
    ],
)
def test_what_is_no_reply_is_refused(message, says):
    with pytest.raises(ProtocolViolation, match=says):
        rpc.parse_reply(message)


def test_a_reply_belongs_to_its_transaction():
    assert rpc.is_reply_to(7, ACCEPTED)
    assert not rpc.is_reply_to(8, ACCEPTED)
    assert not rpc.is_reply_to(7, words(7)[:3])


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (fragment(b"hello"), [b"hello"]),
        (fragment(b"hel", last=False) + fragment(b"lo"), [b"hello"]),
        (fragment(b"", last=False) + fragment(b"hello", last=False) + fragment(b""), [b"hello"]),
        (fragment(b"one") + fragment(b"two"), [b"one", b"two"]),
        (fragment(b""), [b""]),
        (fragment(b"hello", last=False), []),
        (fragment(b"hello")[:-1], []),
        (fragment(b"", last=False) * rpc.MAX_FRAGMENTS, []),
    ],
)
def test_records_are_put_together_from_fragments(data, records):
    assert records == assert_invariant(RecordReader, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    "data",
    [
        words(0x7FFFFFFF),
        words(0xFFFFFFFF),
        words(0x80000000 | (rpc.SMALL_REPLY + 1)),
        fragment(b"x" * 3000, last=False) + words(0x80000000 | 1097),
        fragment(b"", last=False) * (rpc.MAX_FRAGMENTS + 1),
        b"HTTP/1.1 400 Bad Request\r\n",
        b"220 mail.example.org ESMTP\r\n",
    ],
)
def test_records_without_measure_are_refused_before_they_are_read(data):
    assert [VIOLATION] == assert_invariant(RecordReader, data)


def test_the_reader_says_where_a_stream_ended():
    reader = RecordReader()
    assert "before its reply" == reader.where
    reader.feed(fragment(b"hello")[:-1])
    assert reader.next_event() is None
    assert "in the middle of a reply" == reader.where
