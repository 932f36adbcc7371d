"""Echo requests and replies of ICMP and ICMPv6."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire import icmp
from lvsmon.wire.icmp import EchoReply


def test_a_request():
    assert bytes([8, 0, 0, 0, 0, 0, 1, 2]) + b"data" == icmp.pack_request(4, 258, b"data")
    assert bytes([128, 0, 0, 0, 0, 0, 0, 1]) == icmp.pack_request(6, 1, b"")


def test_a_reply():
    assert EchoReply(258, b"data") == icmp.parse_reply(4, bytes([0, 0, 9, 9, 7, 7, 1, 2]) + b"data")
    assert EchoReply(1, b"") == icmp.parse_reply(6, bytes([129, 0, 0, 0, 0, 0, 0, 1]))


@pytest.mark.parametrize("message", [b"", bytes(7), icmp.pack_request(4, 1, b"x"), bytes([0, 1]) + bytes(6)])
def test_what_is_no_reply_is_refused(message):
    with pytest.raises(ProtocolViolation):
        icmp.parse_reply(4, message)
    with pytest.raises(ProtocolViolation):
        icmp.parse_reply(6, message)
