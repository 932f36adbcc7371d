"""SCRAM-SHA-256 for a client (RFC 5802, RFC 7677), without channel binding."""

import hashlib
import hmac
import re
import stringprep
import unicodedata
from base64 import b64decode, b64encode
from typing import Final

from lvsmon.errors import ProtocolViolation

MAX_ITERATIONS: Final = 100_000
"""4096 are usual; the director would stand still for as long as more take: this many are some 50 ms."""

_FIRST: Final = re.compile(rb"r=([!-+\--~]{1,512}),s=([A-Za-z0-9+/=]{1,512}),i=([1-9][0-9]{0,9})(?:,.*)?", re.DOTALL)


class Scram:
    """One login: say `first`, answer the server's first message with `answer`, hold its last one against `verify`."""

    def __init__(self, password: str, nonce: str) -> None:
        """``nonce`` is printable ASCII without commas, new for each login. PostgreSQL takes no user name here."""
        self._password = _prepared(password)
        self._nonce = nonce.encode("ascii")
        self._signature = b""

    @property
    def first(self) -> bytes:
        return b"n,," + self._bare

    @property
    def _bare(self) -> bytes:
        return b"n=,r=" + self._nonce

    def answer(self, first: bytes) -> bytes:
        """Return the client's last message; raise `ProtocolViolation` for what no server says."""
        found = _FIRST.fullmatch(first)
        if found is None:
            raise ProtocolViolation(f"not the first message of a SCRAM login: {first[:80]!r}")
        nonce, salt, iterations = found[1], _decoded(found[2]), int(found[3])
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ProtocolViolation("it does not carry back the nonce of the login")
        if iterations > MAX_ITERATIONS:
            raise ProtocolViolation(f"it asks for {iterations} iterations: the most that are done is {MAX_ITERATIONS}")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, iterations)
        client_key = _hmac(salted, b"Client Key")
        last = b"c=biws,r=" + nonce
        said = b",".join((self._bare, first, last))
        proof = bytes(
            a ^ b for a, b in zip(client_key, _hmac(hashlib.sha256(client_key).digest(), said), strict=True)
        )  # fmt: skip
        self._signature = _hmac(_hmac(salted, b"Server Key"), said)
        return last + b",p=" + b64encode(proof)

    def verify(self, last: bytes) -> None:
        """Raise `ProtocolViolation` where the server does not show that it knows the password too."""
        if not self._signature or not hmac.compare_digest(last, b"v=" + b64encode(self._signature)):
            raise ProtocolViolation("it does not show that it knows the password itself")


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _decoded(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise ProtocolViolation(f"a salt that is no base64: {text[:80]!r}") from None


def _prepared(password: str) -> bytes:
    """Return the password as SASLprep (RFC 4013) makes it, or as it is where that forbids it, as PostgreSQL does."""
    if password.isascii():
        return password.encode()
    kept = "".join(
        " " if stringprep.in_table_c12(letter) else letter for letter in password if not stringprep.in_table_b1(letter)
    )
    made = unicodedata.ucd_3_2_0.normalize("NFKC", kept)
    forbidden = any(
        stringprep.in_table_c21_c22(letter) or stringprep.in_table_c3(letter) or stringprep.in_table_a1(letter)
        for letter in made
    )
    return (password if forbidden or not made else made).encode()
