"""Key exchanges of SSH, the client's side, up to the host key and what it has signed (RFC 4253 section 8).

    exchange = start("curve25519-sha256", said)
    send(exchange.first)
    while not isinstance(step := exchange.hear(packet), Proof):
        send(step)

Nothing is encrypted with the keys: the server has shown that it holds its host key once the signature fits.
"""

import hashlib
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from paramiko import ECDSAKey, Ed25519Key, Message, RSAKey
from paramiko.kex_group14 import KexGroup14SHA256
from paramiko.kex_group16 import KexGroup16SHA512

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.ssh import Fields, mpint, string

_MIN_BITS, _MAX_BITS = 2048, 4096
"""Of the groups that a server may choose (RFC 8270): larger ones take the director tens of milliseconds."""

_SECRET_BITS: Final = 512
"""Twice the strength of the largest group above (RFC 4253 section 8)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A host key, and a signature by it over ``digest``."""

    host_key: bytes
    signature: bytes
    digest: bytes


class Exchange(Protocol):
    @property
    def first(self) -> bytes:
        """The payload to begin with."""
        ...

    def hear(self, payload: bytes) -> "bytes | Proof":
        """Return what to send next, or the proof; raise `ProtocolViolation`."""
        ...


_Hash = Callable[[bytes], Any]


class _Curve:
    """ECDH over Curve25519 or a NIST curve (RFC 8731, RFC 5656)."""

    def __init__(self, said: bytes, digest: _Hash, curve: ec.EllipticCurve | None) -> None:
        self._said, self._digest, self._curve = said, digest, curve
        if curve is None:
            self._own: Any = X25519PrivateKey.generate()
            self._point = self._own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        else:
            self._own = ec.generate_private_key(curve)
            self._point = self._own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def first(self) -> bytes:
        return b"\x1e" + string(self._point)

    def hear(self, payload: bytes) -> Proof:
        fields = _fields(payload, 31)
        host_key, point, signature = fields.string(), fields.string(), fields.string()
        try:
            if self._curve is None:
                secret = self._own.exchange(X25519PublicKey.from_public_bytes(point))
            else:
                secret = self._own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self._curve, point))
        except ValueError:
            raise ProtocolViolation("no point of the curve in the key exchange") from None
        said = self._said + string(host_key) + string(self._point) + string(point)
        return Proof(host_key, signature, self._digest(said + mpint(int.from_bytes(secret, "big"))).digest())


class _Group:
    """Diffie-Hellman in a fixed group (RFC 4253 section 8, RFC 8268)."""

    def __init__(
        self, said: bytes, digest: _Hash, prime: int, generator: int, *, numbers: tuple[int, int], between: bytes = b""
    ) -> None:
        self._said, self._digest, self._prime, self._numbers = said, digest, prime, numbers
        self._between = between
        self._own = secrets.randbits(_SECRET_BITS) | 1 << (_SECRET_BITS - 1)
        self._public = pow(generator, self._own, prime)

    @property
    def first(self) -> bytes:
        return bytes([self._numbers[0]]) + mpint(self._public)

    def hear(self, payload: bytes) -> Proof:
        fields = _fields(payload, self._numbers[1])
        host_key, public, signature = fields.string(), fields.mpint(), fields.string()
        if not 1 < public < self._prime - 1:
            raise ProtocolViolation("no number of the group in the key exchange")
        said = self._said + string(host_key) + self._between + mpint(self._public) + mpint(public)
        secret = pow(public, self._own, self._prime)
        return Proof(host_key, signature, self._digest(said + mpint(secret)).digest())


class _GroupOfTheServer:
    """Diffie-Hellman in a group that the server chooses (RFC 4419)."""

    def __init__(self, said: bytes, digest: _Hash) -> None:
        self._said, self._digest = said, digest
        self._bounds = struct.pack(">III", _MIN_BITS, _MIN_BITS, _MAX_BITS)
        self._group: _Group | None = None

    @property
    def first(self) -> bytes:
        return b"\x22" + self._bounds

    def hear(self, payload: bytes) -> bytes | Proof:
        if self._group is not None:
            return self._group.hear(payload)
        fields = _fields(payload, 31)
        prime, generator = fields.mpint(), fields.mpint()
        if not _MIN_BITS <= prime.bit_length() <= _MAX_BITS or not prime & 1 or not 1 < generator < prime - 1:
            raise ProtocolViolation(f"a group of {prime.bit_length()} bits that nobody asked for")
        between = self._bounds + mpint(prime) + mpint(generator)
        self._group = _Group(self._said, self._digest, prime, generator, numbers=(32, 33), between=between)
        return self._group.first


_METHODS: Final[Mapping[str, Callable[[bytes], Exchange]]] = {
    "curve25519-sha256": lambda said: _Curve(said, hashlib.sha256, None),
    "curve25519-sha256@libssh.org": lambda said: _Curve(said, hashlib.sha256, None),
    "ecdh-sha2-nistp256": lambda said: _Curve(said, hashlib.sha256, ec.SECP256R1()),
    "ecdh-sha2-nistp384": lambda said: _Curve(said, hashlib.sha384, ec.SECP384R1()),
    "ecdh-sha2-nistp521": lambda said: _Curve(said, hashlib.sha512, ec.SECP521R1()),
    "diffie-hellman-group14-sha256": lambda said: _Group(
        said, hashlib.sha256, KexGroup14SHA256.P, KexGroup14SHA256.G, numbers=(30, 31)
    ),
    "diffie-hellman-group16-sha512": lambda said: _Group(
        said, hashlib.sha512, KexGroup16SHA512.P, KexGroup16SHA512.G, numbers=(30, 31)
    ),
    "diffie-hellman-group-exchange-sha256": lambda said: _GroupOfTheServer(said, hashlib.sha256),
}
METHODS: Final = tuple(_METHODS)

_KEYS: Final[Mapping[str, tuple[str, Callable[..., Any]]]] = {
    "ssh-ed25519": ("ssh-ed25519", Ed25519Key),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256", ECDSAKey),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384", ECDSAKey),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521", ECDSAKey),
    "rsa-sha2-512": ("ssh-rsa", RSAKey),
    "rsa-sha2-256": ("ssh-rsa", RSAKey),
}
HOST_KEY_ALGORITHMS: Final = tuple(_KEYS)


def type_of(algorithm: str) -> str:
    """Return the type of key that ``algorithm`` signs with: RSA keys sign in two ways (RFC 8332)."""
    return _KEYS[algorithm][0]


def start(method: str, said: bytes) -> Exchange:
    """Begin a key exchange; ``said`` is both version lines and offers, each as a string."""
    return _METHODS[method](said)


def verify(proof: Proof, algorithm: str) -> None:
    """Raise `ProtocolViolation` unless the host key is of ``algorithm``'s type and has signed the exchange."""
    wanted, make = _KEYS[algorithm]
    if Fields(proof.host_key, 0).string() != wanted.encode():
        raise ProtocolViolation(f"a host key that is not the {wanted} which was agreed on")
    if Fields(proof.signature, 0).string() != algorithm.encode():
        raise ProtocolViolation(f"a signature that is not the {algorithm} which was agreed on")
    try:
        fits = make(data=proof.host_key).verify_ssh_sig(proof.digest, Message(proof.signature))
    except Exception as error:  # whatever paramiko and OpenSSL make of a key that somebody made up
        raise ProtocolViolation(f"a broken host key or signature: {type(error).__name__}") from error
    if not fits:
        raise ProtocolViolation("the signature does not fit: it does not have the host key that it shows")


def _fields(payload: bytes, number: int) -> Fields:
    if payload[0] != number:
        raise ProtocolViolation(f"SSH message {payload[0]} in the key exchange, where {number} belongs")
    return Fields(payload)
