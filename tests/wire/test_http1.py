"""HTTP/1 answers: what is accepted, how a body ends, what is refused; each vector whole and byte by byte."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import http1
from lvsmon.wire.http1 import Body, End, Head, ResponseReader, request

OK = b"HTTP/1.1 200 OK\r\n"


def _events(data, method="GET"):
    return assert_invariant(lambda: ResponseReader(method), data, range(0, len(data), 7), (Body,))


def _head(status=200, reason=b"OK", headers=(), minor=1):
    return Head(minor, status, reason, tuple(headers))


def test_a_request_is_bytes_with_crlf():
    assert b"POST /x HTTP/1.0\r\nHost: a\r\n\r\nok" == request("POST", "/x", "1.0", [("Host", "a")], b"ok")
    assert b"GET /x HTTP/1.0\r\nHost: a\r\nX: y\r\n\r\n" == request("GET", "/x", "1.0", [("Host", "a"), ("X", "y")])


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (OK + b"content-length: 5, 5\r\n\r\nhello", b"hello"),
        (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (OK + b"Content-Length: 5\r\n\r\nhello and more", b"hello"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nTrailer: x\r\n\r\n", b"hello"),
        (OK + b"Transfer-Encoding: chunked\n\n5 \nhello\n0\n\n", b"hello"),
        (OK + b"Transfer-Encoding: CHUNKED\r\nContent-Length: 99\r\n\r\n0\r\n\r\n", None),
        (OK + b"Transfer-Encoding: identity\r\n\r\nhello", b"hello"),
        (OK + b"\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\nX: y\n\nhello", b"hello"),
        (b"HTTP/1.0 200\r\nX: y\n\r\nhello", b"hello"),
        (
            b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
            + OK
            + b"Content-Length: 5\r\n\r\nhello",
            b"hello",
        ),
        (b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", None),
        (b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", None),
        (b"HTTP/1.1 101 Switching\r\n\r\n", None),
    ],
)
def test_a_body_ends_where_clients_see_its_end(answer, body):
    events = _events(answer)
    assert End() == events[-1]
    assert ([Body(body)] if body else []) == events[1:-1]


def test_an_answer_to_head_has_no_body():
    assert [_head(headers=[(b"content-length", b"5")]), End()] == _events(OK + b"Content-Length: 5\r\n\r\n", "HEAD")


def test_a_tunnel_begins_where_the_head_ends():
    """RFC 9110 section 9.3.6: what a 2xx answer to CONNECT says of a body counts for nothing."""
    opened = OK + b"Content-Length: 5\r\n\r\n"
    assert [_head(headers=[(b"content-length", b"5")]), End()] == _events(opened, "CONNECT")
    assert Body(b"sorry") == _events(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nsorry", "CONNECT")[1]


@pytest.mark.parametrize(
    ("answer", "method", "kept"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok", "GET", True),
        (OK + b"Content-Length: 2\r\nConnection: x, Close\r\n\r\nok", "GET", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok", "GET", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET", True),
        (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", "GET", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET", False),
        (OK + b"\r\nok", "GET", False),
        (OK + b"\r\n", "HEAD", True),
        (b"HTTP/1.1 204 No\r\n\r\n", "GET", True),
        (b"HTTP/1.1 304 Not\r\n\r\n", "GET", True),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "GET", False),
        (OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1", "GET", False),
        (OK + b"Content-Length: 2\r\n\r\no", "GET", False),
    ],
)
def test_whether_another_answer_may_follow_on_the_connection(answer, method, kept):
    reader = ResponseReader(method)
    assert not reader.begun
    reader.feed(answer)
    list(iter(reader.next_event, None))
    assert reader.begun
    assert kept is reader.reusable
    reader.feed_eof()
    assert not reader.reusable


def test_headers_are_read_as_clients_read_them():
    """Space before the colon, folding and a reason with spaces are tolerated; values of one name are joined."""
    answer = b"HTTP/1.1 404 Not Found\r\nServer : x\r\nVia: a\r\n\tb\r\nVia: c\r\nEmpty:\r\nContent-Length: 0\r\n\r\n"
    head = _events(answer)[0]
    assert (404, b"Not Found") == (head.status, head.reason)
    assert (b"x", b"a b, c", b"", None) == tuple(head.get(name) for name in (b"server", b"via", b"empty", b"none"))


def test_twenty_kilobytes_of_headers_are_read():
    answer = (
        OK + b"".join(b"Set-Cookie: %d=%b\r\n" % (i, b"x" * 1000) for i in range(20)) + b"Content-Length: 0\r\n\r\n"
    )
    assert End() == _events(answer)[-1]


@pytest.mark.parametrize("size", [http1.MAX_HEAD - 1, http1.MAX_HEAD, http1.MAX_HEAD + 1])
def test_a_head_is_bounded_to_the_byte(size):
    """However the bytes are cut."""
    answer = OK + b"X: " + b"y" * (size - len(OK) - 7) + b"\r\n\r\n"
    assert size == len(answer)
    for step in (len(answer), 997, 1 << 12):
        reader = ResponseReader("HEAD")
        events = []
        try:
            for start in range(0, len(answer), step):
                reader.feed(answer[start : start + step])
                while (event := reader.next_event()) is not None:
                    events.append(type(event))
        except http1.ProtocolViolation:
            events.append(VIOLATION)
        assert events == ([Head, End] if size <= http1.MAX_HEAD else [VIOLATION])


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "without an answer"),
        (b"HTTP/1.1 200 OK\r\nServer", "in the middle of the head of its answer"),
        (OK + b"Content-Length: 5\r\n\r\nhell", "before the end of the body: it is truncated"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "before the last chunk of the body: it is truncated",
        ),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "in the middle of a chunk of the body: it is truncated"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", "in the middle of the trailers"),
    ],
)
def test_an_answer_cut_short_has_no_end_and_says_where(answer, where):
    assert End() not in _events(answer)
    reader = ResponseReader("GET")
    reader.feed(answer)
    reader.feed_eof()
    list(iter(reader.next_event, None))
    assert where == reader.where


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example.org ESMTP\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b": no name\r\n\r\n",
        OK + b"a b: space in the name\r\n\r\n",
        OK + b" folded first\r\n\r\n",
        OK + b"X: \0\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        OK + b"Content-Length: +5\r\n\r\n",
        OK + b"Content-Length:\r\n\r\n",
        OK + b"Content-Length: 9999999999999999999\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 5000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 14000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 17,
    ],
)
def test_what_is_no_answer_is_refused(answer):
    assert VIOLATION == _events(answer[:200])[-1] if len(answer) < 200 else True
    reader = ResponseReader("GET")
    reader.feed(answer)
    with pytest.raises(http1.ProtocolViolation):
        list(iter(reader.next_event, None))


def test_another_protocol_is_noticed_before_a_line_is_whole():
    reader = ResponseReader("GET")
    reader.feed(b"login: ")
    with pytest.raises(http1.ProtocolViolation, match="not HTTP/1"):
        reader.next_event()


def test_what_follows_the_answer_is_hardly_kept():
    """A server that goes on for ever after a whole answer costs nothing."""
    reader = ResponseReader("GET")
    reader.feed(b"HTTP/1.1 204 No\r\n\r\n")
    while reader.next_event() is not None:
        pass
    for _ in range(10):
        reader.feed(bytes(65536))
        assert reader.next_event() is None
    assert len(reader.pending) == len(reader._buffer) == 256
    assert not reader.reusable
