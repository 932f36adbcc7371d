"""Any bytes in any split give the same events or the same ProtocolViolation: for the codecs of application servers."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import assert_invariant
from lvsmon.wire import ajp, cgi, fastcgi

CUTS = st.lists(st.integers(0, 400), max_size=4)


def _soup(*words):
    """Bytes made of a protocol's own words, in any order, with any bytes between: deep inputs come up often."""
    return st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=24).map(b"".join)


FASTCGI = _soup(
    b"\1\6\0\1\0\5\0\0hello", b"\1\6\0\1\0\5\3\0hello\0\0\0", b"\1\6\0\1\0\0\0\0", b"\1\3\0\1\0\x08\0\0" + bytes(8),
    b"\1\7\0\1\0\2\0\0no", b"\1\x0a\0\0\0\3\0\0\1\1ab", b"\1\6\0\1\xff\xff\xff\0", b"\2\6\0\1", b"\1", b"x" * 200,
)  # fmt: skip
PAIRS = _soup(b"\x0e\1FCGI_MAX_CONNS5", b"\1\1ab", b"\x80\0\0\1\1ab", b"\xff\xff\xff\xff", b"\0\0", b"\x80\0", b"\x7f")
CGI = _soup(
    b"Status: 404 Not Found\r\n", b"Status: 99\n", b"Content-type: text/html\r\n", b"Location: /\n", b"A:b\n", b"\r\n",
    b"\n", b"\r", b": x\n", b"no header\n", b"hello", b"x" * 900,
)  # fmt: skip
AJP = _soup(
    b"AB\0\1\x09", b"AB\0\x0a\x04\0\xc8\0\2OK\0\0\0", b"AB\0\x12\x04\0\xc8\xff\xff\0\1\xa0\1\0\x06text/x\0",
    b"AB\0\6\x03\0\2hi\0", b"AB\0\5\x03\0\2hi", b"AB\0\2\5\1", b"AB\0\3\6\x1f\xfa", b"AB\0\0", b"AB\0\1\7",
    b"AB\xff\xff", b"\x04\0\xc8\0\0\0\xa0\x0c", b"A", b"x" * 200,
)  # fmt: skip


@given(FASTCGI, CUTS)
def test_fastcgi(data, cuts):
    events = assert_invariant(fastcgi.RecordReader, data, cuts)
    assert all(len(one.content) <= 0xFFFF for one in events if isinstance(one, fastcgi.Record))


@given(st.one_of(st.binary(max_size=40), PAIRS))
def test_name_value_pairs_of_fastcgi_are_read_or_violations(data):
    for read in (fastcgi.pairs, fastcgi.ending):
        with suppress(ProtocolViolation):
            read(data)


@given(CGI, CUTS)
def test_cgi(data, cuts):
    assert_invariant(cgi.CgiReader, data, cuts, (cgi.Data,))


@given(AJP, CUTS)
def test_ajp(data, cuts):
    assert_invariant(ajp.PacketReader, data, cuts)


@given(st.dictionaries(st.text("ABC_", max_size=9), st.text(max_size=300), max_size=300))
def test_what_is_asked_by_fastcgi_is_what_is_read(params):
    """A request goes into as many records as it needs, each of them whole."""
    reader = fastcgi.RecordReader()
    reader.feed(fastcgi.responder(params.items()))
    records = []
    while (one := reader.next_event()) is not None:
        records.append(one)
    assert reader.pending == b""
    assert [records[0].type, records[-1].type] == [fastcgi.Type.BEGIN_REQUEST, fastcgi.Type.STDIN]
    said = b"".join(one.content for one in records if one.type == fastcgi.Type.PARAMS)
    assert fastcgi.pairs(said) == {name.encode(): value.encode() for name, value in params.items()}
    assert records[-2].content == b""
