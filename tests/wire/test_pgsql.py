"""PostgreSQL's messages, rows and errors: bounded, whole or a violation."""

from hashlib import md5

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import pgsql
from lvsmon.wire.pgsql import Message, MessageReader


def _events(data):
    return assert_invariant(MessageReader, data, range(0, len(data), 3))


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"R\0\0\0\x08\0\0\0\0", [Message("R", b"\0\0\0\0")]),
        (b"C\0\0\0\x04Z\0\0\0\5I", [Message("C", b""), Message("Z", b"I")]),
        (b"R\0\0\0\x08\0\0", []),
        (b"E\0\0", []),
    ],
)
def test_messages(data, messages):
    assert messages == _events(data)


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400", b"\0", b"N", b"R\0\0\0\3", b"R\0\1\0\1", b"R\xff\xff\xff\xff", b"p\0\0\0\4"]
)
def test_what_is_no_message(data):
    assert _events(data) == ([] if data == b"N" else [VIOLATION])


def test_rows():
    assert pgsql.row(b"\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0") == [b"ab", None, b""]
    assert pgsql.row(b"\0\0") == []
    for bad in (b"\0\1", b"\0\1\0\0\0\5ab", b"\0\1\0\0\0\1ab", b"\xff\xff", b"\0\0x"):
        with pytest.raises(ProtocolViolation):
            pgsql.row(bad)


def test_complaints():
    body = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0Rx\0\0"
    assert str(pgsql.complaint(body)) == "FATAL 57P03: the database system is starting up"
    for bad in (b"", b"\0", b"SFATAL\0\0", b"Mx\0\0"):
        with pytest.raises(ProtocolViolation, match="without its SQLSTATE"):
            pgsql.complaint(bad)


def test_a_password_is_hashed_with_user_and_salt():
    """As PostgreSQL's own: md5(md5(password + user) + salt)."""
    inner = md5(b"s3cretlvsmon").hexdigest().encode()  # noqa: S324
    assert pgsql.md5("lvsmon", "s3cret", b"\1\2\3\4") == b"md5" + md5(inner + b"\1\2\3\4").hexdigest().encode()  # noqa: S324
