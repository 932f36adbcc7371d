"""Basic and Digest: the RFCs' own examples, and challenges read as servers write them."""

import pytest

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.authorization import MAX_CHALLENGES, Challenge, challenges

RFC7616 = {
    "realm": "http-auth@example.org", "qop": "auth, auth-int",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
}  # fmt: skip
LOGIN = ("Mufasa", "Circle of Life")
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answered(challenge, method="GET", uri="/dir/index.html", login=LOGIN, cnonce=CNONCE, count=1):
    return challenge.answer(method, uri, login, cnonce=cnonce, count=count)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm, response):
    said = answered(Challenge("digest", {**RFC7616, "algorithm": algorithm}))
    assert f'response="{response}"' in said
    assert f'qop=auth, nc=00000001, cnonce="{CNONCE}"' in said
    assert f"algorithm={algorithm}" in said
    assert f'opaque="{RFC7616["opaque"]}"' in said


def test_the_example_of_rfc_2617():
    parameters = {"realm": "testrealm@host.com", "qop": "auth,auth-int", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
    login = ("Mufasa", "Circle Of Life")
    said = answered(Challenge("digest", parameters), login=login, cnonce="0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in said
    assert "algorithm" not in said


def test_without_qop_there_is_no_nonce_of_ours():
    """RFC 2069, by its own formula: H(H(user:realm:password):nonce:H(method:uri))."""
    said = answered(
        Challenge("digest", {"realm": "r", "nonce": "n"}), "DESCRIBE", "rtsp://h/x", login=("u", "p"), cnonce="c"
    )
    assert said == (
        'Digest username="u", realm="r", nonce="n", uri="rtsp://h/x", response="d43942a69cea5a6702fa9c0d7a6b6c77"'
    )


def test_md5_sess_hashes_the_nonces_too():
    parameters = {"realm": "r", "nonce": "n", "algorithm": "MD5-sess"}
    said = answered(Challenge("digest", parameters), "GET", "/", login=("u", "p"), cnonce="c")
    assert said.endswith('cnonce="c", response="254644af15666e40df975c5ae58b9796", algorithm=MD5-sess')


def test_basic_and_quotes():
    assert "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" == answered(Challenge("basic", {}), login=("Aladdin", "open sesame"))
    said = answered(Challenge("digest", {"realm": 'a"b\\', "nonce": "n"}), login=('u"', "p"))
    assert 'username="u\\"", realm="a\\"b\\\\"' in said


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b'Basic realm="x"'], [("basic", {"realm": "x"})]),
        ([b'Digest realm="a, b", nonce="n",qop = auth , stale=TRUE'],
         [("digest", {"realm": "a, b", "nonce": "n", "qop": "auth", "stale": "TRUE"})]),
        ([b'Digest realm="a\\"b", nonce=""'], [("digest", {"realm": 'a"b', "nonce": ""})]),
        ([b'Digest realm="x", nonce="n", Basic realm="y"'],
         [("digest", {"realm": "x", "nonce": "n"}), ("basic", {"realm": "y"})]),
        ([b'basic REALM="x"', b'Digest realm="y"'], [("basic", {"realm": "x"}), ("digest", {"realm": "y"})]),
        ([b"Negotiate", b"NTLM, Basic realm=x"], [("negotiate", {}), ("ntlm", {}), ("basic", {"realm": "x"})]),
        ([b"Negotiate YII=, Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        ([b""], []),
        ([b" , "], []),
    ],
)  # fmt: skip
def test_challenges(values, expected):
    assert expected == [(each.scheme, each.parameters) for each in challenges(values)]


@pytest.mark.parametrize(
    "value",
    [b'Digest realm="x', b"=", b'"Basic"', b'Digest realm="a\rb"', b"Basic realm=a b=c =",
     b"Basic, " * (MAX_CHALLENGES + 1)],
)  # fmt: skip
def test_what_is_no_challenge(value):
    with pytest.raises(ProtocolViolation):
        challenges([value])


def test_a_realm_that_is_no_utf8_goes_back_as_it_came():
    (challenge,) = challenges([b'Digest realm="caf\xe9", nonce="n"'])
    said = answered(challenge).encode("utf-8", "surrogateescape")
    assert b'realm="caf\xe9"' in said


def test_the_stronger_is_the_better_and_what_cannot_be_answered_is_nothing():
    digest = {"realm": "r", "nonce": "n"}
    in_order = [
        Challenge("digest", {**digest, "algorithm": "sha-256-sess"}),
        Challenge("digest", {**digest, "qop": "auth"}),
        Challenge("basic", {}),
        Challenge("digest", {**digest, "algorithm": "SHA-512-256"}),
    ]
    assert [3, 2, 1, 0] == [each.strength for each in in_order]
    for parameters in ({"realm": "r"}, {"nonce": "n"}, {**digest, "qop": "auth-int"}):
        assert 0 == Challenge("digest", parameters).strength
    assert 0 == Challenge("negotiate", digest).strength
    assert [True, False] == [Challenge("digest", {"stale": stale}).stale for stale in ("True", "no")]
