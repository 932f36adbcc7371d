"""RESP2 replies: one value each, bounded."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import redis
from lvsmon.wire.redis import Bulk, Number, Refusal, ReplyReader, Status


def _events(data):
    return assert_invariant(ReplyReader, data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"+PONG\r\n", [Status(b"PONG")]),
        (b"-NOAUTH Authentication required.\r\n", [Refusal(b"NOAUTH Authentication required.")]),
        (b":-12\r\n:7\r\n", [Number(-12), Number(7)]),
        (b"$-1\r\n", [Bulk(None)]),
        (b"$0\r\n\r\n+OK\r\n", [Bulk(b""), Status(b"OK")]),
        (b"$6\r\na\r\nb\r\n\r\n", [Bulk(b"a\r\nb\r\n")]),
        (b"$5\r\nhell", []),
        (b"+PON", []),
    ],
)
def test_replies(data, replies):
    assert replies == _events(data)


@pytest.mark.parametrize(
    "data",
    [
        b"PONG\r\n", b"\r\n", b"*1\r\n$4\r\nPING\r\n", b"%1\r\n", b"HTTP/1.1 400", b"\0",
        b"$\r\n", b"$x\r\n", b"$-2\r\n", b"$65537\r\n", b"$99999999999\r\n", b":\r\n", b":1.5\r\n", b"$1\r\nab\r\n",
        b"$1\r\na\n\n", b"+" + b"x" * redis.MAX_LINE,
    ],
)  # fmt: skip
def test_what_is_no_reply(data):
    assert [VIOLATION] == _events(data)


def test_commands_are_counted_in_bytes():
    assert redis.command(b"GET", b"\r\n\xff") == b"*2\r\n$3\r\nGET\r\n$3\r\n\r\n\xff\r\n"


@pytest.mark.parametrize(("text", "code"), [(b"LOADING x", "LOADING"), (b"ERR", "ERR"), (b"Err x", ""), (b"", "")])
def test_the_code_of_an_error_is_in_capitals(text, code):
    assert Refusal(text).code == code


def test_fields_of_info():
    assert redis.fields(b"# Replication\r\nrole:master\r\n\r\nx:a:b\r\nnonsense\r\n") == {"role": "master", "x": "a:b"}
