"""SCRAM-SHA-256: a login whose proof the server can check, and whose server has to prove itself too."""

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.scram import MAX_ITERATIONS, Scram

NONCE = "rOprNGfwEbeRWgbNEkqO"
FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUjefgkg==,i=4096"


def _server(password, client_first, answer):
    """Check the proof as a server does that knows the password (RFC 5802 section 3); return its last message."""
    salted = hashlib.pbkdf2_hmac("sha256", password, b64decode("W22ZaJ0SNY7soEsUjefgkg=="), 4096)
    without, _, proof = answer.rpartition(b",p=")
    said = client_first.removeprefix(b"n,,") + b"," + FIRST + b"," + without
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), said, "sha256")
    assert bytes(a ^ b for a, b in zip(b64decode(proof), signature, strict=True)) == client_key
    return b"v=" + b64encode(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256"))


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("pencil", b"pencil"),
        ("p\u00adencil", b"pencil"),
        ("a\u00a0b", b"a b"),
        ("\u2168", b"IX"),
        ("\u0627", b"\xd8\xa7"),
    ],
)
def test_both_sides_prove_that_they_know_the_password(password, prepared):
    """The password is prepared as RFC 4013 says, with its own examples."""
    login = Scram(password, NONCE)
    last = _server(prepared, login.first, login.answer(FIRST))
    login.verify(last)
    for wrong in (b"", b"v=", last[:-4], b"e=other-error", last.replace(b"v=", b"v=A")):
        with pytest.raises(ProtocolViolation, match="does not show"):
            login.verify(wrong)


def test_a_server_cannot_prove_itself_before_it_is_asked():
    with pytest.raises(ProtocolViolation, match="does not show"):
        Scram("pencil", NONCE).verify(b"v=")


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"", "not the first message"),
        (b"r=x", "not the first message"),
        (FIRST.replace(b"i=4096", b"i=0"), "not the first message"),
        (FIRST.replace(b"r=rO", b"r=XX"), "nonce"),
        (b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUjefgkg==,i=4096", "nonce"),
        (FIRST.replace(b"s=W22", b"s=="), "no base64"),
        (FIRST.replace(b"4096", b"%d" % (MAX_ITERATIONS + 1)), "iterations"),
    ],
)
def test_what_no_server_says(first, words):
    with pytest.raises(ProtocolViolation, match=words):
        Scram("pencil", NONCE).answer(first)
