"""Packets of MySQL: bounded, whole or a violation; proofs of passwords."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, assert_invariant
from lvsmon.wire import mysql
from lvsmon.wire.mysql import Packet, PacketReader

GREETING = bytes.fromhex(
    "0a382e302e333600 2a000000 0102030405060708 00 ffff ff 0200 ffdf 15 00000000000000000000"
    "090a0b0c0d0e0f101112131400 63616368696e675f736861325f70617373776f726400"
)
SALT = bytes(range(1, 21))
KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  it is small to be quick
PEM, OTHER_PEM = (
    key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for key in (KEY, ec.generate_private_key(ec.SECP256R1()))
)


@pytest.mark.parametrize(
    ("data", "packets"),
    [
        (b"\1\0\0\0\1", [Packet(0, b"\1")]),
        (b"\0\0\0\5\2\0\0\6ab", [Packet(5, b""), Packet(6, b"ab")]),
        (b"\2\0\0\0a", []),
        (b"\1\0\1\0", [VIOLATION]),
        (b"HTTP/1.1 400", [VIOLATION]),
        (b"220 ready\r\n", [VIOLATION]),
    ],
)
def test_packets(data, packets):
    assert packets == assert_invariant(PacketReader, data, range(len(data)))


def test_what_is_missing_is_never_more_than_one_packet():
    reader = PacketReader()
    assert reader.missing == 4
    reader.feed(b"\3\0\0\0a")
    assert reader.missing == 2


def test_a_greeting():
    said = mysql.greeting(GREETING)
    assert ("8.0.36", SALT, mysql.SHA2, True) == (said.version, said.salt, said.plugin, said.offers_tls)
    for bad in (b"", b"\x09old\0", GREETING[:10], GREETING[:23], GREETING[:40], b"\x0a8.0.36\0" + bytes(60)):
        with pytest.raises(ProtocolViolation):
            mysql.greeting(bad)


def test_errors_with_and_without_sqlstate():
    assert str(mysql.complaint(b"\xff\x15\x04#28000Access denied")) == "error 1045: Access denied"
    assert str(mysql.complaint(b"\xff\x10\x04Too many connections")) == "error 1040: Too many connections"
    with pytest.raises(ProtocolViolation):
        mysql.complaint(b"\xff\x15")


def test_proofs_are_checked_as_servers_do():
    """The server knows a hash of the hash, unmasks the hash with it, and hashes that."""
    for plugin, digest, order in ((mysql.NATIVE, hashlib.sha1, 1), (mysql.SHA2, hashlib.sha256, -1)):
        stored = digest(digest(b"s3cret").digest()).digest()
        # MySQL masks with SHA1(salt + stored), and with SHA256(SHA256(SHA256(password)) + salt).
        mask = digest(b"".join((SALT, stored)[::order])).digest()
        proof = mysql.proof(plugin, "s3cret", SALT)
        assert digest(bytes(a ^ b for a, b in zip(proof, mask, strict=True))).digest() == stored
        assert mysql.proof(plugin, "", SALT) == b""
    assert mysql.proof("client_ed25519", "s3cret", SALT) == b""


def test_a_sealed_password_is_opened_by_the_key_alone():
    sealed = mysql.sealed("s3cret" * 5, SALT, PEM)
    masked = KEY.decrypt(sealed, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303
    assert b"s3cret" * 5 + b"\0" == bytes(a ^ b for a, b in zip(masked, SALT * 2, strict=False))


@pytest.mark.parametrize(
    ("password", "salt", "key", "words"),
    [
        ("x", SALT, b"-----BEGIN nothing", "not a public key"),
        ("x", SALT, OTHER_PEM, "not an RSA key"),
        ("x", b"", PEM, "a salt that is too short"),
        ("x" * 200, SALT, PEM, "too small for the password"),
    ],
)
def test_a_key_of_no_use(password, salt, key, words):
    with pytest.raises(ProtocolViolation, match=words):
        mysql.sealed(password, salt, key)


def test_rows():
    assert mysql.row(b"\1a\xfb\0\xfc\2\0bc", 4) == [b"a", None, b"", b"bc"]
    for bad in (b"", b"\2a", b"\1ab", b"\xff", b"\xfe\1"):
        with pytest.raises(ProtocolViolation):
            mysql.row(bad, 1)


def test_switches():
    assert mysql.switch(b"\xfemysql_native_password\0" + SALT + b"\0") == (mysql.NATIVE, SALT)
    assert mysql.switch(b"\xfe") == ("mysql_old_password", b"")
