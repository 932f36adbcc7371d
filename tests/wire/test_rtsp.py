"""RTSP: requests, responses to them, and what a session description offers."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import rtsp
from lvsmon.wire.messages import Message, MessageReader, parse_head


def test_a_request_is_as_the_rfc_s_example_has_it():
    """RFC 2326 section 10.2."""
    expected = b"DESCRIBE rtsp://server.example.com/fizzle/foo RTSP/1.0\r\nCSeq: 312\r\nAccept: application/sdp\r\n\r\n"
    headers = [("CSeq", "312"), ("Accept", "application/sdp")]
    assert expected == rtsp.request("DESCRIBE", "rtsp://server.example.com/fizzle/foo", "1.0", headers)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", (200, b"OK", 1)),
        (b"rtsp/2.0 404\r\ncseq : 77\r\n\r\n", (404, b"", 77)),
        (b"RTSP/1.0 551 Option not supported\nCSeq:0\n\n", (551, b"Option not supported", 0)),
    ],
)
def test_responses(head, expected):
    found = rtsp.read(parse_head(head, {}))
    assert expected == (found.status, found.reason, found.sequence)


@pytest.mark.parametrize(
    ("start", "field"),
    [
        (b"RTSP/3.0 200 OK", b"1"),
        (b"RTSP/1.0 2000 OK", b"1"),
        (b"RTSP/1.0 099 OK", b"1"),
        (b"RTSP/1.0", b"1"),
        (b"RTSP/1.0 200 OK", None),
        (b"RTSP/1.0 200 OK", b""),
        (b"RTSP/1.0 200 OK", b"1, 1"),
        (b"RTSP/1.0 200 OK", b"-1"),
    ],
)
def test_what_is_no_response(start, field):
    fields = () if field is None else ((b"cseq", field),)
    with pytest.raises(ProtocolViolation):
        rtsp.read(Message(start, fields))


def test_media_in_front_of_an_answer_is_passed_over():
    reader = MessageReader(rtsp.DIALECT)
    reader.feed(b"$\0\0\4RTSP" + b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nhi$\0")
    assert b"hi" == reader.next_event().body
    assert reader.next_event() is None


SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("description", "kinds"),
    [
        (SDP, ()),
        (SDP + b"m=audio 0 RTP/AVP 0\r\n", ("audio",)),
        (SDP + b"m=video 49170/2 RTP/AVP 31 96\na=m=no\r\nm=audio 0 RTP/AVPF 97", ("video", "audio")),
        (b"\r\nv=0\nm=application 9 TCP/MSRP *\n\n", ("application",)),
        (SDP + b"nonsense\r\nm=text 0 RTP/AVP 98\r\n", ("text",)),
    ],
)
def test_what_a_description_offers(description, kinds):
    assert kinds == rtsp.media(description)


@pytest.mark.parametrize(
    "description",
    [
        b"",
        b"<html>",
        b"v=1\r\n",
        b"s=x\r\nv=0\r\n",
        SDP + b"m=\r\n",
        SDP + b"m=audio\r\n",
        SDP + b"m=audio x RTP/AVP 0",
    ],
)
def test_what_is_no_description(description):
    with pytest.raises(ProtocolViolation):
        rtsp.media(description)
