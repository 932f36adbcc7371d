"""Any bytes in any split give SIP's and RTSP's codecs the same messages or the same ProtocolViolation."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import sip
from lvsmon.wire.messages import MessageReader


def _soup(*words):
    return st.lists(st.one_of(st.sampled_from(words), st.binary(max_size=6)), max_size=24).map(b"".join)


SIP = _soup(
    b"SIP/2.0 200 OK\r\n", b"SIP/2.0 100\r\n", b"sip/2.0 ", b"Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\n", b"v:x\r\n",
    b"CSeq: 1 OPTIONS\r\n", b"l: 0\r\n", b"l: 5\r\n", b"Content-Length : 5\r\n", b"hello", b" folded\r\n", b"\t",
    b"\r\n", b"\n", b"\r\n\r\n", b"\0", b":", b",", b'"', b";branch=", b"l: 99999\r\n",
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
