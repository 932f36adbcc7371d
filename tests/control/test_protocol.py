"""What is said over the control socket is read strictly, within bounds, and the same however it arrives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.control.protocol import (
    MAX_DEPTH,
    MAX_REQUEST,
    Code,
    Failure,
    Progress,
    ReplyReader,
    Request,
    RequestReader,
    Result,
    encode_reply,
    encode_request,
)
from lvsmon.errors import ControlRefused, ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant

CUTS = st.lists(st.integers(0, 400), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.text(max_size=8), VALUES, max_size=4)
SOUP = st.lists(
    st.sampled_from(
        [
            b'{"lvsmon":1,"verb":"status"}\n',
            b'{"lvsmon":1,"result":{}}\n',
            b'{"lvsmon":1,"progress":{"a":[1]}}\n',
            b'{"lvsmon":1,"error":{"code":"busy","message":"x"}}\n',
            b'{"lvsmon":2,"verb":"status"}\n',
            b"{",
            b"}",
            b"[",
            b"]",
            b'"lvsmon":1',
            b",",
            b":",
            b'"verb":"status"',
            b'"arguments":',
            b"NaN",
            b"1e999",
            b"-",
            b"\n",
            b"\r",
            b'"',
            b"\\ud800",
            b"\xff",
            b"\xef\xbb\xbf",
            b"[" * 3000,
            b"9" * 5000,
            b" " * 70000,
        ]
    )
    | st.binary(max_size=6),
    max_size=16,
).map(b"".join)


def _as_codec(kind):
    class Codec(kind):
        def next_event(self):
            try:
                return super().next_event()
            except ControlRefused as error:
                if error.code not in set(Code) or not str(error).isprintable():
                    pytest.fail(f"{error.code}: {error}")
                raise ProtocolViolation(str(error)) from error

    return Codec


def read(reader, data):
    reader.feed(data)
    return reader.next_event()


def refusal(reader, data):
    with pytest.raises(ControlRefused) as refused:
        read(reader, data)
    return refused.value


@given(SOUP, CUTS, st.sampled_from([RequestReader, ReplyReader]))
def test_any_bytes_in_any_split_give_the_same(data, cuts, kind):
    """The same documents or a refusal, and nothing else."""
    if len(data) > 2000:
        cuts = [*cuts, len(data) - 1]
        splits = [data[: cuts[0] or 1], data[cuts[0] or 1 :]]
        whole, split = _as_codec(kind)(), _as_codec(kind)()
        assert _run(whole, [data]) == _run(split, splits)
    else:
        assert_invariant(_as_codec(kind), data, cuts)


def _run(codec, pieces):
    found = []
    try:
        for piece in pieces:
            codec.feed(piece)
            while (event := codec.next_event()) is not None:
                found.append(event)
        codec.feed_eof()
        codec.next_event()
    except ProtocolViolation:
        found.append(VIOLATION)
    return found


@given(st.from_regex(r"\A[a-z][a-z-]{0,31}\Z"), BODIES)
def test_a_request_comes_back_as_it_was_made(verb, arguments):
    assert Request(verb, arguments) == read(RequestReader(), encode_request(Request(verb, arguments)))


@given(st.sampled_from([Progress, Result]), BODIES)
def test_an_answer_comes_back_as_it_was_made(kind, body):
    assert kind(body) == read(ReplyReader(), encode_reply(kind(body)))


def test_a_failure_comes_back_with_its_lines():
    failure = Failure("configuration", "no", ("a.toml:1: x", "a.toml:2: y"))
    assert failure == read(ReplyReader(), encode_reply(failure))


@pytest.mark.parametrize(
    ("line", "code", "part"),
    [
        (b"", Code.MALFORMED, "no JSON document"),
        (b"status", Code.MALFORMED, "no JSON document"),
        (b'"status"', Code.MALFORMED, "no JSON object"),
        (b"{}", Code.MALFORMED, '"lvsmon": 1'),
        (b'{"lvsmon":true,"verb":"status"}', Code.MALFORMED, '"lvsmon": 1'),
        (b'{"lvsmon":2,"verb":"status"}', Code.VERSION, "speaks version 1"),
        (b'{"lvsmon":' + b"9" * 4000 + b"}", Code.VERSION, "another"),
        (b'{"lvsmon":1}', Code.MALFORMED, "verb: write"),
        (b'{"lvsmon":1,"verb":"Status"}', Code.MALFORMED, "verb: write"),
        (b'{"lvsmon":1,"verb":"status\\n"}', Code.MALFORMED, "verb: write"),
        (b'{"lvsmon":1,"verb":"status","arguments":[]}', Code.MALFORMED, "arguments: write an object"),
        (b'{"lvsmon":1,"verb":"status","argument":{}}', Code.MALFORMED, "unknown key 'argument'"),
        (b'{"lvsmon":1,"verb":"a","verb":"b"}', Code.MALFORMED, "twice"),
        (b'{"lvsmon":1,"verb":"a","arguments":{"x":NaN}}', Code.MALFORMED, "NaN"),
        (b'{"lvsmon":1,"verb":"a","arguments":{"x":1e999}}', Code.MALFORMED, "too large"),
        (b'{"lvsmon":1,"verb":"\xff"}', Code.MALFORMED, "UTF-8"),
        (b"[" * 60000, Code.MALFORMED, "nested too deeply"),
    ],
)
def test_what_is_no_request_gets_a_sentence_that_says_why(line, code, part):
    error = refusal(RequestReader(), line + b"\n")
    assert (error.code, part in str(error)) == (code, True), str(error)


def test_a_request_is_bounded_in_size():
    """The longest is taken; one byte more is refused before its end has come."""
    empty = encode_request(Request("status", {"x": ""}))
    fits = encode_request(Request("status", {"x": "x" * (MAX_REQUEST - len(empty))}))
    assert len(fits) == MAX_REQUEST
    assert read(RequestReader(), fits) is not None
    assert Code.TOO_LARGE == refusal(RequestReader(), b" " * (MAX_REQUEST + 1)).code
    with pytest.raises(ValueError, match="at most 65536 bytes"):
        encode_request(Request("status", {"x": "x" * MAX_REQUEST}))


def test_a_request_is_bounded_in_depth():
    def nested(depth):
        inner = []
        for _ in range(depth - 3):
            inner = [inner]
        return json.dumps({"lvsmon": 1, "verb": "status", "arguments": {"x": inner}}).encode() + b"\n"

    assert read(RequestReader(), nested(MAX_DEPTH)) is not None
    assert "nested more than 16 deep" in str(refusal(RequestReader(), nested(MAX_DEPTH + 1)))


def test_only_one_request_is_read_of_a_connection():
    reader = RequestReader()
    assert read(reader, encode_request(Request("status")) * 2) is not None
    assert reader.next_event() is None


def test_a_request_that_is_cut_short_is_refused():
    reader = RequestReader()
    assert read(reader, b'{"lvsmon":1') is None
    reader.feed_eof()
    assert "midst of a line" in str(refusal(reader, b""))


@pytest.mark.parametrize("document", ["{}", '{"error":{}}', '{"error":{"code":1,"message":"x"}}', '{"result":[]}'])
def test_what_is_no_answer_is_refused(document):
    line = json.dumps({"lvsmon": 1, **json.loads(document)}).encode() + b"\n"
    assert Code.MALFORMED == refusal(ReplyReader(), line).code
