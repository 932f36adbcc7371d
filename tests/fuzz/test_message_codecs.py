"""Any bytes in any split give SIP's and RTSP's codecs the same messages or the same ProtocolViolation."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import authorization, rtsp, sip
from lvsmon.wire.messages import MessageReader


def _soup(*words):
    return st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=24).map(b"".join)


SIP = _soup(
    b"SIP/2.0 200 OK\r\n", b"SIP/2.0 100\r\n", b"sip/2.0 ", b"Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\n", b"v:x\r\n",
    b"CSeq: 1 OPTIONS\r\n", b"l: 0\r\n", b"l: 5\r\n", b"Content-Length : 5\r\n", b"hello", b" folded\r\n", b"\t",
    b"\r\n", b"\n", b"\r\n\r\n", b"\0", b":", b",", b'"', b";branch=", b"l: 99999\r\n",
)  # fmt: skip
RTSP = _soup(
    b"RTSP/1.0 200 OK\r\n", b"RTSP/2.0 404\r\n", b"rtsp/1.0 ", b"CSeq: 1\r\n", b"Content-Length: 5\r\n", b"hello",
    b"$\0\0\5", b"$\1\0\0", b"$", b"WWW-Authenticate: Digest realm=x\r\n", b"\r\n", b"\n", b" ", b"\0",
)  # fmt: skip
DESCRIPTION = _soup(b"v=0", b"\r\n", b"\n", b"m=audio 0 RTP/AVP 0", b"m=", b"a=", b" ", b"0", b"/2")
CHALLENGE = _soup(
    b"Digest ", b"Basic", b"NTLM", b"realm=", b"nonce=", b"qop=", b'"', b'"auth"', b"\\", b"auth", b",", b" ", b"=",
    b"MD5", b"algorithm=", b"stale=true", b'realm="a, b"', b"YII=", b"\xe9", b"\t",
)  # fmt: skip
CUTS = st.lists(st.integers(0, 300), max_size=4)


@given(SIP, CUTS)
def test_sip(data, cuts):
    for message in assert_invariant(lambda: MessageReader(sip.DIALECT), data, cuts):
        if message != VIOLATION:
            with suppress(ProtocolViolation):
                assert 100 <= sip.read(message).status <= 699


@given(SIP)
def test_sip_in_datagrams(data):
    with suppress(ProtocolViolation):
        assert 100 <= sip.read_datagram(data).status <= 699


@given(RTSP, CUTS)
def test_rtsp(data, cuts):
    for message in assert_invariant(lambda: MessageReader(rtsp.DIALECT), data, cuts):
        if message != VIOLATION:
            with suppress(ProtocolViolation):
                assert 100 <= rtsp.read(message).status <= 599


@given(DESCRIPTION)
def test_descriptions(data):
    with suppress(ProtocolViolation):
        assert rtsp.media(b"v=0\n" + data).count("audio") <= data.count(b"m=audio")


@given(st.lists(CHALLENGE, max_size=3))
def test_challenges(values):
    """Whatever is read as a challenge that can be answered, is, in one line."""
    with suppress(ProtocolViolation):
        for challenge in authorization.challenges(values):
            if challenge.strength:
                said = challenge.answer("OPTIONS", "*", ("user", "word"), cnonce="c", count=1)
                assert not {"\r", "\n"} & {*said}
