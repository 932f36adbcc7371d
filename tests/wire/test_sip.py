"""SIP: a request that no other is like, and the responses that belong to it."""

import time

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import sip
from lvsmon.wire.messages import parse_head
from lvsmon.wire.sip import Options

ASKED = Options(
    uri="sip:sip.example.org", sender="sip:lvsmon@192.0.2.254", local=("192.0.2.254", 40000), over="UDP",
    branch="z9hG4bKabc", tag="t1", call_id="c1", sequence=7, max_forwards=70, user_agent="lvsmon",
)  # fmt: skip


def response(*lines, start=b"SIP/2.0 200 OK", via=b"Via: SIP/2.0/UDP 192.0.2.254:40000;branch=z9hG4bKabc", end=b""):
    return b"\r\n".join([start, *([via] if via else []), *lines, b"", b""]) + end


CSEQ = b"CSeq: 7 OPTIONS"


def test_a_request_is_as_the_rfc_s_example_has_it():
    """RFC 3261 section 11.1, and rport of RFC 3581."""
    expected = (
        "OPTIONS sip:sip.example.org SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.254:40000;branch=z9hG4bKabc;rport\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:lvsmon@192.0.2.254>;tag=t1\r\n"
        "To: <sip:sip.example.org>\r\n"
        "Call-ID: c1\r\n"
        "CSeq: 7 OPTIONS\r\n"
        "Contact: <sip:192.0.2.254:40000>\r\n"
        "Accept: application/sdp\r\n"
        "User-Agent: lvsmon\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    assert expected.encode() == ASKED.request()


def test_a_request_over_a_connection_and_over_ipv6():
    asked = Options(**{**{name: getattr(ASKED, name) for name in ASKED.__slots__},
                       "over": "TLS", "local": ("2001:db8::fe", 5), "user_agent": ""})  # fmt: skip
    lines = asked.request().decode().split("\r\n")
    assert lines[1] == "Via: SIP/2.0/TLS [2001:db8::fe]:5;branch=z9hG4bKabc"
    assert "Contact: <sip:[2001:db8::fe]:5;transport=tls>" in lines
    assert not [line for line in lines if line.startswith("User-Agent")]


OURS = {
    "plain": response(CSEQ),
    "compact": response(b"CSeq:7  OPTIONS", via=b"v:SIP/2.0/UDP h;branch=z9hG4bKabc"),
    "folded": response(b"CSEQ : 7\r\n OPTIONS", via=b"Via: SIP / 2.0 / UDP h\r\n ; branch\r\n = z9hG4bKabc"),
    "received": response(CSEQ, via=b"Via: SIP/2.0/UDP h;rport=5;received=::1;Branch=z9hG4bKabc;x"),
    "quoted": response(CSEQ, via=b'Via: SIP/2.0/UDP h;x=";branch=no, \\" not";branch=z9hG4bKabc'),
    "no reason": response(CSEQ, start=b"SIP/2.0 200"),
    "small letters": response(CSEQ, start=b"sip/2.0 200 "),
    "a body": response(CSEQ, b"l: 3", end=b"abcdef"),
    "bare LF": response(CSEQ).replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("case", OURS)
def test_responses_that_are_ours(case):
    found = sip.read_datagram(OURS[case])
    assert (200, True, True) == (found.status, found.final, ASKED.is_answered_by(found))


@pytest.mark.parametrize(
    "data",
    [
        response(b"CSeq: 8 OPTIONS"),
        response(b"CSeq: 7 INVITE"),
        response(CSEQ, via=b"Via: SIP/2.0/UDP h;branch=z9hG4bKabd"),
        response(CSEQ, via=b"Via: SIP/2.0/UDP h;branch=z9hG4bKabcd"),
    ],
)
def test_responses_that_are_another_request_s(data):
    assert not ASKED.is_answered_by(sip.read_datagram(data))


def test_quotes_that_never_end_cost_no_more_than_their_length():
    """The longest head of nothing but escaped quotes: searched for again from each, it would take seconds."""
    data = response(CSEQ, via=b'Via: SIP/2.0/UDP h;branch=z9hG4bKabc;x="' + b'\\"' * 16000)
    began = time.process_time()
    assert ASKED.is_answered_by(sip.read_datagram(data))
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(("status", "final"), [(100, False), (183, False), (199, False), (200, True), (699, True)])
def test_provisional_and_final(status, final):
    assert final is sip.read(parse_head(response(CSEQ, start=b"SIP/2.0 %d x" % status), {})).final


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "without the empty line"),
        (response(CSEQ)[:-2], "without the empty line"),
        (ASKED.request(), "not an answer of SIP"),
        (response(CSEQ, start=b"SIP/2.0 099 x"), "status line"),
        (response(CSEQ, start=b"SIP/2.0 700 x"), "status line"),
        (response(CSEQ, start=b"SIP/2.0 2000"), "status line"),
        (response(CSEQ, b"Content-Length: 3", end=b"ab"), "cut short"),
        (response(CSEQ, via=b""), "with no Via"),
        (response(CSEQ, b"Via: SIP/2.0/UDP proxy;branch=z9hG4bKx"), "with 2 Via"),
        (response(CSEQ, via=b"Via: SIP/2.0/UDP p;branch=z9hG4bKabc, SIP/2.0/UDP h"), "with 2 Via"),
        (response(CSEQ, via=b"Via: SIP/2.0/UDP h"), "no branch"),
        (response(), "no CSeq"),
        (response(b"CSeq: OPTIONS"), "no CSeq"),
    ],
)
def test_what_is_no_response(data, message):
    with pytest.raises(ProtocolViolation, match=message):
        sip.read_datagram(data)
