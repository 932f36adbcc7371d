"""What the kernel is told so that a probe goes through the VIP, byte by byte, and what of its answers is read."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.net.vantage import duplicates, messages

OWN, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
WANTED = socket.inet_aton("10.1.0.250")


def test_a_default_route():
    """`ip route replace table 1280704513 default via 10.1.0.11 dev #7 onlink src 10.1.0.250`."""
    made = messages.new_default_route(0x4C560001, "10.1.0.250", 7, "10.1.0.11").encoded(5)
    assert made == bytes.fromhex(
        "3c000000 1800 0505 05000000 00000000"  # RTM_NEWROUTE; replace, create, acknowledge
        "02 00 00 00 00 04 00 01 04000000"  # AF_INET, /0, static, universe, unicast, onlink
        "0800 0400 07000000  0800 0700 0a0100fa  0800 0f00 0100564c  0800 0500 0a01000b"
    )


def test_a_rule_comes_before_the_main_table_and_says_so_only_once():
    """Without a priority of its own the kernel takes the same rule again and again."""
    body = messages.new_rule(0x4C560001, socket.AF_INET6)
    assert body.flags & messages.EXCLUSIVE
    assert b"\x08\x00\x06\x00" + struct.pack("=I", 2) in body.body


@pytest.mark.parametrize(
    ("kind", "more", "direct"), [(1, b"", True), (1, bytes.fromhex("08000500 0a010001"), False), (2, b"", False)]
)
def test_a_realserver_behind_a_router_or_on_the_director_is_not_direct(kind, more, direct):
    head = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 0, 0, kind, 0)
    assert messages.route_of(head + bytes.fromhex("0800 0400 03000000") + more) == messages.Route(3, direct)


@given(st.binary(max_size=200))
def test_any_datagram_ends(data):
    """A length of nonsense neither hangs the thread nor reads past the end."""
    assert len(list(messages.parts(data))) <= len(data) // 16


def frame(sender, has, asks):
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, sender, has, OWN, asks)
    return OWN + sender + b"\x08\x06" + arp


@pytest.mark.parametrize(
    ("sender", "has", "asks", "found"),
    [
        (OTHER, WANTED, bytes(4), "02:00:00:00:00:02"),  # has it
        (OTHER, bytes(4), WANTED, "02:00:00:00:00:02"),  # is about to take it (RFC 5227 section 2.1.1)
        (OTHER, socket.inet_aton("10.1.0.1"), WANTED, None),  # asks for it as anybody may
        (OWN, bytes(4), WANTED, None),  # our own question
    ],
)
def test_who_has_an_address(sender, has, asks, found):
    seen = frame(sender, has, asks)
    assert duplicates.answered(seen, WANTED, OWN) == found
    assert duplicates.answered(seen[:-1], WANTED, OWN) is None


def test_the_question_claims_no_address():
    """A sender's address in it would be taken into the caches of everybody who hears it."""
    asked = duplicates.question(WANTED, OWN)
    assert (asked[:6], asked[28:32], asked[-4:]) == (b"\xff" * 6, bytes(4), WANTED)
