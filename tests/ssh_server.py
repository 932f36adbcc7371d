"""The server's side of an SSH key exchange in memory, by hand, which can be told to lie."""

import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VERSION = b"SSH-2.0-Fake_1.0"
RAW = (Encoding.Raw, PublicFormat.Raw)


def string(data):
    return struct.pack(">I", len(data)) + data


def packet(payload):
    padding = 8 - (5 + len(payload)) % 8 + 8
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def offer(kex=b"curve25519-sha256", keys=b"ssh-ed25519", ciphers=b"aes128-ctr", guesses=0):
    lists = [kex, keys, ciphers, ciphers, b"hmac-sha2-256", b"hmac-sha2-256", b"none", b"none", b"", b""]
    return b"\x14" + bytes(16) + b"".join(map(string, lists)) + bytes([guesses]) + bytes(4)


class HostKey:
    def __init__(self):
        self._key = Ed25519PrivateKey.generate()
        self.blob = string(b"ssh-ed25519") + string(self._key.public_key().public_bytes(*RAW))

    def sign(self, data, name=b"ssh-ed25519"):
        return string(name) + string(self._key.sign(data))


def reply(heard, host_key, *, version=VERSION, own_offer=None, forge=lambda signature: signature, point=None):
    """Return the answer to a client whose ``heard`` is its version line, its offer and its first message."""
    own_offer = own_offer or offer()
    line, rest = heard.split(b"\r\n", 1)
    payloads = []
    while rest:
        length, padding = struct.unpack_from(">IB", rest)
        payloads.append(rest[5 : 4 + length - padding])
        rest = rest[4 + length :]
    client_point = payloads[1][5:]
    own = X25519PrivateKey.generate()
    own_point = own.public_key().public_bytes(*RAW)
    secret = own.exchange(X25519PublicKey.from_public_bytes(client_point)).lstrip(b"\0")
    secret = b"\0" + secret if secret[0] & 0x80 else secret
    said = [line, version, payloads[0], own_offer, host_key.blob, client_point, own_point, secret]
    digest = hashlib.sha256(b"".join(map(string, said))).digest()
    parts = [host_key.blob, own_point if point is None else point, forge(host_key.sign(digest))]
    return b"\x1f" + b"".join(map(string, parts))
