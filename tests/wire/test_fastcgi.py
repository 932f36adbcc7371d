"""What is asked of a FastCGI application is what it reads."""

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.wire import fastcgi


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
