"""Any bytes in any split give the same events or the same ProtocolViolation: for the codecs of databases."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import assert_invariant
from lvsmon.wire import memcached, mysql, pgsql, redis

CUTS = st.lists(st.integers(0, 400), max_size=4)


def _soup(*words):
    """Bytes made of a protocol's own words, in any order, with any bytes between: deep inputs come up often."""
    return st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=24).map(b"".join)


REDIS = _soup(
    b"+PONG\r\n", b"+OK\n", b"-ERR x\r\n", b":1\r\n", b"$5\r\nhello\r\n", b"$0\r\n\r\n", b"$-1\r\n", b"$5\r\n",
    b"hello", b"\r\n", b"$65536\r\n", b"$", b"+", b"*1\r\n", b"x" * 1000,
)  # fmt: skip
MEMCACHED = _soup(
    b"VERSION 1\r\n", b"STAT a b\r\n", b"END\r\n", b"ERROR\n", b"VALUE k 0 5\r\n", b"VALUE k 0 5 1\r\nhello\r\n",
    b"hello", b"\r\n", b"CLIENT_ERROR x\r\n", b"x" * 1000,
)  # fmt: skip


@given(MEMCACHED, CUTS)
def test_memcached(data, cuts):
    assert_invariant(memcached.AnswerReader, data, cuts)


PGSQL = _soup(
    b"R\0\0\0\x08\0\0\0\0", b"Z\0\0\0\5I", b"E\0\0\0\x0eSX\0CY\0MZ\0\0", b"D\0\0\0\x0b\0\1\0\0\0\1x", b"N",
    b"T\0\0\0\4", b"D\0\0\1\0", b"\0\0", b"x" * 200,
)  # fmt: skip


@given(PGSQL, CUTS)
def test_pgsql(data, cuts):
    assert_invariant(pgsql.MessageReader, data, cuts)


@given(st.one_of(st.binary(max_size=60), _soup(b"\0\1", b"\0\0\0\1x", b"\xff\xff\xff\xff", b"C1\0", b"Mx\0", b"\0")))
def test_rows_and_errors_of_pgsql_are_read_or_violations(data):
    for read in (pgsql.row, pgsql.complaint):
        with suppress(ProtocolViolation):
            read(data)


MYSQL = _soup(b"\1\0\0\0\0", b"\5\0\0\1\xfe\0\0\2\0", b"\3\0\0\2", b"\xff\x15\4", b"\0\0\1\0", b"\0\0\0\0", b"x" * 200)
PARTS = _soup(
    b"\n",
    b"8.0\0",
    bytes(8),
    b"\xff\xff",
    b"\x15",
    b"\1x",
    b"\xfb",
    b"\xfc\1\0",
    b"\xfe",
    b"\xff",
    b"mysql_native_password\0",
)


@given(MYSQL, CUTS)
def test_mysql(data, cuts):
    assert_invariant(mysql.PacketReader, data, cuts)


@given(PARTS)
def test_packets_of_mysql_are_read_or_violations(data):
    for read in (mysql.greeting, mysql.complaint, mysql.switch, mysql.column_name, lambda body: mysql.row(body, 3)):
        with suppress(ProtocolViolation):
            read(data)


@given(REDIS, CUTS)
def test_redis(data, cuts):
    assert_invariant(redis.ReplyReader, data, cuts)


@given(st.binary(max_size=200))
def test_fields_of_redis_are_made_of_any_text(data):
    assert all(isinstance(value, str) for value in redis.fields(data).values())
