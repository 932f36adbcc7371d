"""Telnet: text apart from commands, whole or byte by byte, and the answers of a plain client."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import assert_invariant
from lvsmon.wire import telnet
from lvsmon.wire.telnet import Command, Negotiation, Subnegotiation, TelnetReader, Text, Verb

WILL, WONT, DO, DONT = (bytes((255, verb)) for verb in (251, 252, 253, 254))


def _events(data):
    return assert_invariant(TelnetReader, data, range(len(data)), (Text,))


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"login: ", [Text(b"login: ")]),
        (b"lo\xff\xf1gin: ", [Text(b"lo"), Command(241), Text(b"gin: ")]),
        (b"a\xff\xffb", [Text(b"a\xffb")]),
        (b"a\r\0b\r\nc\0", [Text(b"a\rb\r\nc")]),
        (DO + b"\x18", [Negotiation(Verb.DO, 24, WONT + b"\x18")]),
        (WILL + b"\x2a", [Negotiation(Verb.WILL, 42, DONT + b"\x2a")]),
        (WILL + b"\x01" + WILL + b"\x01", [Negotiation(Verb.WILL, 1, DO + b"\x01"), Negotiation(Verb.WILL, 1, b"")]),
        (WONT + b"\x01", [Negotiation(Verb.WONT, 1, b"")]),
        (
            WILL + b"\x03" + WONT + b"\x03",
            [Negotiation(Verb.WILL, 3, DO + b"\x03"), Negotiation(Verb.WONT, 3, DONT + b"\x03")],
        ),
        (DONT + b"\x1f", [Negotiation(Verb.DONT, 31, b"")]),
        (DO + b"\xff", [Negotiation(Verb.DO, 255, WONT + b"\xff")]),
        (b"\xff\xfa\x18\x01\xff\xf0x", [Subnegotiation(24, b"\x01"), Text(b"x")]),
        (b"\xff\xfa\x18\xff\xff\xff\xf0", [Subnegotiation(24, b"\xff")]),
        (b"\xff\xfa\x18\x01" + DO + b"\x01", [Subnegotiation(24, b"\x01"), Negotiation(Verb.DO, 1, WONT + b"\x01")]),
        (b"\xff\xfa\xff\xf0", [Subnegotiation(0, b"")]),
        (b"x\xff", [Text(b"x")]),
        (b"x\xff\xfd", [Text(b"x")]),
        (b"x\xff\xfa\x18", [Text(b"x")]),
    ],
)
def test_events(data, events):
    assert events == _events(data)


def test_subnegotiations_are_bounded():
    reader = TelnetReader()
    reader.feed(b"\xff\xfa" + b"x" * (telnet.MAX_SUBNEGOTIATION + 1))
    with pytest.raises(ProtocolViolation, match="subnegotiation longer"):
        reader.next_event()


def test_negotiation_is_bounded():
    reader = TelnetReader()
    reader.feed((DO + b"\x01") * (telnet.MAX_COMMANDS + 1))
    with pytest.raises(ProtocolViolation, match="commands without a prompt"):
        list(iter(reader.next_event, None))
