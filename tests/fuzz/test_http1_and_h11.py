"""Our HTTP codec held against h11, on answers that both must read alike."""

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from lvsmon.testing.split_feeding import VIOLATION, transcript
from lvsmon.wire import http1


@settings(max_examples=200)
@given(
    st.sampled_from([200, 204, 301, 304, 404, 500, 599]),
    st.lists(
        st.tuples(st.from_regex(rb"\AX[A-Za-z-]{0,8}\Z"), st.from_regex(rb"\A[!-~]([ -~]{0,20}[!-~])?\Z")), max_size=4
    ),
    st.binary(max_size=40),
    st.sampled_from(["length", "chunked", "close"]),
    st.booleans(),
    st.integers(0, 60),
)
def test_http1_agrees_with_h11_on_well_formed_answers(status, headers, body, framing, informational, cut):
    """The same status, headers, body and end; and both see the same truncation when the answer is cut short."""
    head = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    if framing == "length":
        head += b"Content-Length: %d\r\n" % len(body)
        sent = body
    elif framing == "chunked":
        head += b"Transfer-Encoding: chunked\r\n"
        sent = b"".join(b"1;e\r\n%c\r\n" % byte for byte in body) + b"0\r\nT: v\r\n\r\n"
    else:
        sent = body
    answer = b"HTTP/1.1 %d Reason\r\n%b\r\n" % (status, head)
    answer += b"" if status in {204, 304} else sent
    if informational:
        answer = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer
    answer = answer[: len(answer) - cut] if cut else answer

    theirs = _by_h11(answer)
    ours = [event for event in transcript(http1.ResponseReader("GET"), [answer], (http1.Body,)) if event != VIOLATION]
    assert theirs["ended"] == any(isinstance(event, http1.End) for event in ours)
    assert theirs["body"] == b"".join(event.data for event in ours if isinstance(event, http1.Body))
    heads = [event for event in ours if isinstance(event, http1.Head)]
    assert theirs["head"] == [(event.status, list(event.headers)) for event in heads]


def _by_h11(answer):
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x"), ("Connection", "close")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    connection.receive_data(b"")
    seen = {"ended": False, "body": b"", "head": []}
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                seen["head"].append((event.status_code, list(event.headers)))
            elif isinstance(event, h11.Data):
                seen["body"] += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                seen["ended"] = True
                return seen
            elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return seen
    except h11.RemoteProtocolError:
        return seen
