"""SSH packets and offers: ours can be read, theirs are bounded."""

import pytest

from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import ssh
from lvsmon.wire.ssh import Packet, SshReader, Version
from ssh_server import offer, packet


def _events(data):
    return assert_invariant(SshReader, data, range(0, len(data), 7))


@pytest.mark.parametrize("size", range(1, 20))
def test_packets_are_whole_blocks(size):
    """Section 6: 4 to 255 bytes of padding, and a multiple of 8 bytes in all."""
    made = ssh.packet(b"\2" * size)
    assert 0 == len(made) % 8
    assert len(made) >= 16
    assert 4 <= made[4] <= 255
    assert [Version(b"SSH-2.0-x", 2, 0), Packet(b"\2" * size)] == _events(b"SSH-2.0-x\n" + made)


def test_text_before_the_version_is_kept_in_part():
    assert [Version(b"SSH-1.99-a-b", 1, 99, b"hello\nyou\n")] == _events(b"hello\r\nyou\nSSH-1.99-a-b\r\n")


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\n", b"<!doctype html>\r\n",
        b"220 mail ESMTP\r\n", b"+OK\r\n", b"* OK IMAP\n", b"-ERR what\r\n",
        b"\xff\xfd\x18\xff\xfd\x20\n", b"\x15\3\1\0\2\2\x46", b"J\0\0\0\x0a8.0.36",
    ],
)  # fmt: skip
def test_a_greeting_of_another_protocol_is_not_waited_past(greeting):
    assert [VIOLATION] == _events(greeting)
    after = [] if b"\0" not in greeting else [VIOLATION]
    assert after == _events(b"hello\r\n" + greeting)  # a text that comes before a version may say anything


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0\0\0", b"\0\0\0\x0b\4abcdefgh", b"\0\0\0\x0c\3" + bytes(11), b"\0\0\0\x0c\x0b" + bytes(11),
        b"\0\1\0\x0c\4", b"\xff\xff\xff\xfc\4", b"HTTP/1.1",
    ],
)  # fmt: skip
def test_what_is_no_packet_is_refused(data):
    assert [Version(b"SSH-2.0-x", 2, 0), VIOLATION] == _events(b"SSH-2.0-x\n" + data)


def test_offers():
    made = ssh.parse_offer(ssh.offer(("a", "b"), ("c",), ("d",), ("e",)))
    assert (("a", "b"), ("c",), ("d",), ("d",), False) == (
        made.kex, made.host_keys, made.ciphers_in, made.ciphers_out, made.guesses
    )  # fmt: skip
    theirs = ssh.parse_offer(offer(guesses=1))
    assert (("curve25519-sha256",), ("ssh-ed25519",), True) == (theirs.kex, theirs.host_keys, theirs.guesses)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [(0, "00000000"), (0x9A378F9B2E332A7, "0000000809a378f9b2e332a7"), (0x80, "000000020080"), (0x7F, "000000017f")],
)
def test_numbers(number, encoded):
    """Those of RFC 4251 section 5."""
    assert bytes.fromhex(encoded) == ssh.mpint(number)
    assert number == ssh.Fields(ssh.mpint(number), 0).mpint()


def test_where_tells_what_is_owed():
    reader = SshReader()
    assert "before its version line" == reader.where
    reader.feed(b"what")
    assert b"what" == reader.said
    reader.feed(b"\nSSH-2.0-x\n" + packet(b"\2")[:-1])
    assert reader.next_event() is not None
    assert (b"what\n", "in the middle of a packet") == (reader.said, reader.where)
