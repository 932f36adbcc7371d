"""LDAP answers: taken apart within bounds, or refused."""

import tracemalloc

import pytest

from ldap_messages import ber, bound, done, entry, extended, message, octets, result
from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire.ldap import MAX_MESSAGE, Aside, Entry, LdapReader, Message, Result


def _events(data, wanted=None):
    return assert_invariant(lambda: LdapReader(wanted), data, range(0, len(data), 5))


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (bound(1), Result(0x61, 0, b"")),
        (bound(1, 49, "no"), Result(0x61, 49, b"no")),
        (bound(1, more=ber(0x87, b"credentials")), Result(0x61, 0, b"")),
        (bound(1, 10, more=ber(0xA3, octets("ldap://a"))), Result(0x61, 10, b"", (b"ldap://a",))),
        (done(1), Result(0x65, 0, b"")),
        (extended(1, 52, "bye", ber(0x8A, b"1.2")), Result(0x78, 52, b"bye", (), b"1.2")),
        (entry(1, "cn=a", cn=["a", "b"], sn=["c"]), Entry(b"cn=a", (b"a", b"b"), (b"sn",))),
        (entry(1, "cn=a", CN=["a"], cn_lang=["b"], cnx=["c"]), Entry(b"cn=a", (b"a", b"b"), (b"cnx",))),
        (entry(1, "", cn=[]), Entry(b"", (), ())),
        (entry(1, ""), Entry(b"", None, ())),
        (message(1, 0x73, octets("ldap://b")), Aside(0x73)),
        (message(1, 0x79), Aside(0x79)),
        (message(1, 0x65, ber(10, b"\0"), octets(""), octets(""), controls=ber(0xA0)), Result(0x65, 0, b"")),
    ],
)
def test_answers(data, answer):
    assert [Message(1, answer)] == _events(data, "cn")
    assert [Message(1, answer)] * 2 == _events(data * 2, "cn")
    assert [] == _events(data[:-1], "cn")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n", b"\0", b"\x30\x80", b"\x30\x85\0\0\0\0\1", b"\x30\xff",
        b"\x30\x84\x7f\xff\xff\xff", b"\x30\x83" + (MAX_MESSAGE + 1).to_bytes(3, "big"),
        b"\x30\0", b"\x30\3\2\1\1", b"\x30\5\2\1\1\x65\0", b"\x30\5\2\1\1\x65\1", b"\x30\5\2\0\x65\0\0",
        ber(0x30, ber(2, b"\xff"), ber(0x65, ber(10, b"\0"), octets(""), octets(""))),
        ber(0x30, ber(2, bytes(100_000)), ber(0x65, ber(10, b"\0"), octets(""), octets(""))),
        message(1, 0x65, ber(2, b"\0"), octets(""), octets("")),
        message(1, 0x65, ber(10, b"\0"), octets("")),
        message(1, 0x65, ber(10, b""), octets(""), octets("")),
        message(1, 0x60, b"what a client sends"),
        message(1, 0x64, octets("dc=x"), ber(0x30, b"\x30\x20")),
        message(1, 0x64, octets("dc=x"), ber(0x30, ber(0x30, octets("cn"), ber(0x30, octets("a"))))),
        message(1, 0x73, b"\x04\x70ldap"),
        message(1, 0x7F, b"\x04\x00"),
        ber(0x30, ber(2, b"\1"), ber(0x65, ber(10, b"\0"), octets(""), octets("")), b"\xa0\x70"),
    ],
)  # fmt: skip
def test_what_is_no_ldap_is_refused(data):
    assert [VIOLATION] == _events(data, "cn")


def test_a_flood_of_little_things_is_not_held():
    """Values of attributes that nobody asked for are not taken out of an entry of 256 KiB."""
    flood = entry(1, "dc=x", sn=[b"abcd"] * 40000)
    reader = LdapReader("cn")
    tracemalloc.start()
    reader.feed(flood)
    assert Entry(b"dc=x", None, (b"sn",)) == reader.next_event().answer
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_where_tells_what_is_owed():
    reader = LdapReader()
    assert (False, "instead of an answer") == (reader.pending, reader.where)
    reader.feed(result(1, 0x65)[:-1])
    assert (True, "in the middle of a message") == (reader.pending, reader.where)


def test_a_message_too_large_is_refused_before_it_has_come():
    reader = LdapReader()
    reader.feed(b"\x30\x84\x7f\xff\xff\xff")
    with pytest.raises(ProtocolViolation, match="2147483647 bytes"):
        reader.next_event()
