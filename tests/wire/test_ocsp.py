"""Stapled OCSP answers count only where a client may go by them."""

import time

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from certificates import issue
from lvsmon.wire.ocsp import judge, must_be_stapled
from staples import delegate, der, refused, staple

NOW = time.time()
ROOT = issue("Root", ca=True)
WEAK = issue("RSA", ca=True, weak=True)
OTHER = issue("Root", ca=True)  # the same name, another key
LEAF, OF_RSA = issue("shop", by=ROOT), issue("shop", by=WEAK)
GOOD = staple(LEAF, ROOT)


def look(answer, leaf=LEAF, issuers=(ROOT,), at=NOW):
    return judge(answer, der(leaf), [der(issuer) for issuer in issuers], at)


@pytest.mark.parametrize(
    ("answer", "leaf", "issuers"),
    [
        (GOOD, LEAF, (ROOT,)),
        (GOOD, LEAF, (OTHER, LEAF, ROOT)),
        (staple(LEAF, ROOT, algorithm=hashes.SHA256()), LEAF, (ROOT,)),
        (staple(LEAF, ROOT, ends=None), LEAF, (ROOT,)),
        (staple(OF_RSA, WEAK), OF_RSA, (WEAK,)),
        (staple(ROOT, ROOT), ROOT, (ROOT,)),
    ],
)
def test_good(answer, leaf, issuers):
    seen = look(answer, leaf, issuers)
    assert ("good", "not revoked") == (seen.status, seen.text)


def test_by_a_responder_that_the_issuer_has_named():
    named = delegate(ROOT)
    assert "good" == look(staple(LEAF, ROOT, signer=named, send=(named,))).status
    for responder in (
        delegate(OTHER),
        delegate(ROOT, ends=-1),
        delegate(ROOT, purpose=None),
        issue("nobody"),
    ):
        seen = look(staple(LEAF, ROOT, signer=responder, send=(responder,)))
        assert "is not signed by who issued the certificate, nor by a responder" in seen.text
    assert "is not signed" in look(staple(LEAF, ROOT, signer=named)).text  # its certificate was not sent


def test_revoked():
    seen = look(staple(LEAF, ROOT, status="REVOKED"))
    assert "revoked" == seen.status
    assert seen.text.startswith("the certificate was revoked on 20")
    assert seen.text.endswith("UTC (keyCompromise), says its revocation staple")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (staple(LEAF, ROOT, begins=1, ends=2), "is not valid before 20"),
        (staple(LEAF, ROOT, begins=-9, ends=-2), "expired on 20"),
        (staple(LEAF, ROOT, begins=-9, ends=-2, status="REVOKED"), "expired on 20"),
        (staple(LEAF, ROOT, status="UNKNOWN"), "says that the responder does not know the certificate"),
        (staple(issue("other", by=ROOT), ROOT), "is about another certificate"),
        (staple(LEAF, OTHER), "is about another certificate"),
        (staple(LEAF, ROOT, signer=OTHER), "is not signed by"),
        (refused(), "holds no answer: the responder said try_later"),
        (GOOD[:-1], "cannot be read"),
        (b"", "cannot be read"),
        (GOOD[:-4] + bytes(4), "is not signed by"),
    ],
)
def test_of_no_use(answer, words):
    seen = look(answer)
    assert ("unusable", True) == (seen.status, seen.text.startswith("the revocation staple "))
    assert words in seen.text


def test_dates_bear_clocks_that_differ_by_minutes():
    until = look(GOOD).until
    assert until is not None
    assert ("good", "unusable") == (look(GOOD, at=until + 299).status, look(GOOD, at=until + 301).status)


def test_without_an_answer_or_an_issuer():
    assert ("none", "no revocation staple is sent") == (look(None).status, look(None).text)
    assert "who issued the realserver's is not known" in look(GOOD, issuers=(OTHER,)).text
    assert "unusable" == judge(GOOD, b"junk", [], NOW).status


def test_a_certificate_that_demands_a_staple():
    assert must_be_stapled(der(issue("shop", must_staple=True)))
    assert not must_be_stapled(der(LEAF))
    assert not must_be_stapled(b"junk")


@given(st.one_of(st.binary(max_size=200), st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4))))
def test_no_bytes_are_an_error_and_none_that_were_changed_are_good(change):
    if isinstance(change, tuple):
        at, piece = change
        data = GOOD[:at] + piece + GOOD[at + len(piece) :]
    else:
        data = change
    assert (look(data).status == "good") is (data == GOOD) or _says_the_same(data)


def _says_the_same(data):
    """Parts that nobody signs may change: which certificates are sent along, and how lengths are written."""
    from cryptography.x509 import ocsp

    return ocsp.load_der_ocsp_response(data).tbs_response_bytes == ocsp.load_der_ocsp_response(GOOD).tbs_response_bytes
