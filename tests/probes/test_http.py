"""http: the request a client of the VIP would send, and what is made of the answer."""

import gzip
import hashlib
import re
import zlib

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.base import aim
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.statuses import Statuses
from lvsmon.testing.network import Close, Hang, Script, ScriptedConnector, Send, Until, run_scripted

TARGET = Target(address="10.1.0.11", port=8080, hostname="shop.example.org", vport=80)
HEAD_END = Until(b"\r\n\r\n")


def _run(probe, answer, *end, chunk=65536, target=TARGET):
    connector = ScriptedConnector(Script(HEAD_END, Send(answer, chunk), *end))
    return run_scripted(probe, target, connector)


def _answer(body=b"hello", *headers, status=b"200 OK"):
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, lines, len(body), body)


def _request(probe, target=TARGET):
    """Return what the probe writes."""
    connector = ScriptedConnector(Script(HEAD_END, Send(_answer())))
    run_scripted(probe, target, connector)
    return connector.opened[0].written


def test_the_request_is_a_clients():
    expected = (
        b"GET /health?x=%20 HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: lvsmon\r\nAccept: */*\r\n"
        b"Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    assert expected == _request(HttpProbe(path="/health?x=%20"))


def test_every_part_of_the_request_can_be_set():
    probe = HttpProbe(
        method="POST", version="1.0", host="a:1", user_agent="", headers={"accept": "x/y", "X-A": "b"},
        username="me", password=Secret("pässword"),
    )  # fmt: skip
    expected = (
        b"POST / HTTP/1.0\r\nHost: a:1\r\nAccept-Encoding: identity\r\nAuthorization: Basic bWU6cMOkc3N3b3Jk\r\n"
        b"accept: x/y\r\nX-A: b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    assert expected == _request(probe)
    assert "pässword" not in repr(probe)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (Target(address="10.1.0.11", port=80), b"10.1.0.11"),
        (Target(address="10.1.0.11", port=8080), b"10.1.0.11:8080"),
        (Target(address="fd00::11", port=80), b"[fd00::11]"),
        (Target(address="10.1.0.11", port=8080, vip="192.0.2.10", vport=80), b"192.0.2.10"),
        (Target(address="10.1.0.11", port=80, hostname="a.example", vport=8000), b"a.example:8000"),
        (Target(address="10.1.0.11", port=80, vip="2001:db8::1", vport=81), b"[2001:db8::1]:81"),
    ],
)
def test_host_names_what_clients_dial(target, host):
    assert b"Host: %b\r\n" % host in _request(HttpProbe(), target)


def test_what_a_probe_does_not_use_is_left_out_of_its_target():
    """So that virtual services with other names share its runs; a name makes the VIP superfluous."""
    names = {"hostname": "a.example", "vip": "192.0.2.1", "vport": 80}
    assert Target(address="::1", port=1, hostname="a.example", vport=80) == aim(HttpProbe(), "::1", 1, **names)
    assert Target(address="::1", port=1) == aim(HttpProbe(host="b.example"), "::1", 1, **names)
    assert Target(address="::1", port=1, vip="192.0.2.1") == aim(HttpProbe(), "::1", 1, vip="192.0.2.1")


@pytest.mark.parametrize("chunk", [1, 7, 65536])
def test_an_answer_with_facts(chunk):
    outcome = _run(HttpProbe(), _answer(b"hello", b"Server: nginx"), Hang(), chunk=chunk)
    assert (Verdict.PASS, "200 OK, 5 bytes") == (outcome.verdict, outcome.detail)
    digest = hashlib.sha256(b"hello").hexdigest()[:16]
    assert {"status": 200, "server": "nginx", "content_length": 5, "digest": digest} == outcome.facts


@pytest.mark.parametrize(
    ("wanted", "status", "reason"),
    [
        (200, b"200 OK", Reason.OK),
        ("200-299", b"204 No Content", Reason.OK),
        ([200, "300-399"], b"302 Found", Reason.OK),
        ([200, 204], b"302 Found", Reason.EXPECTATION),
        (404, b"404 Not Found", Reason.OK),
        (404, b"200 OK", Reason.EXPECTATION),
        ("200-299", b"404 Not Found", Reason.REJECTED),
        ("200-299", b"503 Busy", Reason.REJECTED),
        ("200-299", b"401 Unauthorized", Reason.AUTHENTICATION),
    ],
)
def test_statuses(wanted, status, reason):
    outcome = _run(HttpProbe(status=Statuses.read(wanted)), _answer(b"", status=status))
    assert reason is outcome.reason
    assert status.decode() in outcome.detail


@pytest.mark.parametrize("value", [99, 600, "abc", "300-200", [], [[200]], True, None, 200.0, "200-"])
def test_what_is_no_set_of_statuses_is_refused(value):
    with pytest.raises(ValueError, match="write"):
        Statuses.read(value)


def test_a_redirect_is_shown_and_not_followed():
    """Trap 24: following it would test another box."""
    outcome = _run(HttpProbe(), _answer(b"", b"Location: http://rs1.example.org/", status=b"302 Found"))
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)
    assert "status 302 Found, wanted 200-299; it redirects to http://rs1.example.org/" == outcome.detail


def test_a_match_does_not_excuse_a_bad_status():
    """Trap 24: mon's -m accepts a 500 page."""
    assert Reason.REJECTED is _run(HttpProbe(expect=Regex(b"hello")), _answer(status=b"500 Oops")).reason


@pytest.mark.parametrize(
    ("settings", "body", "reason"),
    [
        ({"expect": Regex(b"^h.*o$")}, b"hello", Reason.OK),
        ({"expect": Regex(b"bye")}, b"hello", Reason.EXPECTATION),
        ({"expect_text": "héllo"}, "xhéllox".encode(), Reason.OK),
        ({"expect_text": "hello"}, b"HELLO", Reason.EXPECTATION),
        ({"expect_absent": Regex(b"error")}, b"all is well", Reason.OK),
        ({"expect_absent": Regex(b"(?i)error")}, b"an Error", Reason.EXPECTATION),
        ({"digest": "md5:5d41402abc4b2a76b9719d911017c592"}, b"hello", Reason.OK),
        ({"digest": "sha256:" + hashlib.sha256(b"hello").hexdigest()}, b"hello", Reason.OK),
        ({"digest": "md5:5d41402abc4b2a76b9719d911017c592"}, b"hello ", Reason.EXPECTATION),
        ({"expect": Regex(b"h"), "expect_absent": Regex(b"o")}, b"hello", Reason.EXPECTATION),
    ],
)
@pytest.mark.parametrize(
    "coding", [lambda body: (body, b"X: y"), lambda body: (gzip.compress(body), b"Content-Encoding: gzip"),
               lambda body: (zlib.compress(body), b"Content-Encoding: deflate")]
)  # fmt: skip
def test_bodies_compressed_or_not(settings, body, reason, coding):
    sent, header = coding(body)
    assert reason is _run(HttpProbe(**settings), _answer(sent, header), chunk=3).reason


def test_an_encoding_that_cannot_be_looked_into_fails_only_where_one_must_look():
    answer = _answer(b"\x1b\x03\x00", b"Content-Encoding: br")
    assert Verdict.PASS is _run(HttpProbe(), answer).verdict
    outcome = _run(HttpProbe(expect_text="x"), answer)
    assert "encoded as 'br', though no encoding was asked for" in outcome.detail
    assert Reason.EXPECTATION is outcome.reason


@pytest.mark.parametrize("probe", [HttpProbe(), HttpProbe(expect=Regex(b"hell"))])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_a_truncated_body_fails_even_where_it_matches(probe, answer):
    outcome = _run(probe, answer, Close())
    assert (Reason.CLOSED, True) == (outcome.reason, "truncated" in outcome.detail)


def test_a_truncated_compressed_body_fails():
    outcome = _run(HttpProbe(expect=Regex(b"x")), _answer(gzip.compress(b"x" * 99)[:-9], b"Content-Encoding: gzip"))
    assert (Verdict.FAIL, "the compressed body ends too early: it is truncated") == (outcome.verdict, outcome.detail)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, None),
        ({"expect_text": "hello"}, None),
        ({"expect_text": "end"}, "expect_text is not in the first 10 bytes of the body"),
        ({"expect_absent": Regex(b"error")}, "expect_absent cannot be told; raise max_body"),
        ({"expect_absent": Regex(b"hell")}, "expect_absent matches"),
        ({"digest": "md5:" + "0" * 32}, "digest cannot be told; raise max_body"),
    ],
)
def test_a_body_larger_than_max_body(settings, words):
    outcome = _run(HttpProbe(max_body=10, **settings), _answer(b"hello" * 9 + b"end"), Hang())
    assert (Verdict.FAIL if words else Verdict.PASS) is outcome.verdict
    assert (words or "more than 10 bytes") in outcome.detail


def test_a_body_of_exactly_max_body_is_whole():
    assert Verdict.PASS is _run(HttpProbe(max_body=5, expect_absent=Regex(b"x")), _answer(b"hello")).verdict


def test_head_has_no_body():
    assert (
        Verdict.PASS is _run(HttpProbe(method="HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Hang()).verdict
    )


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (b"", Reason.CLOSED, "closed the connection without an answer"),
        (
            b"220 mail.example.org\r\n",
            Reason.PROTOCOL,
            "not HTTP/1: it does not begin with HTTP/1.; it sent '220 mail.example.org'",
        ),
    ],
)
def test_what_is_no_answer_says_why(answer, reason, words):
    outcome = _run(HttpProbe(), answer, Close())
    assert reason is outcome.reason
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "index.html"}, 'begin with "/"'),
        ({"path": "/a b"}, "as %20"),
        ({"path": "/a\r\nX: y"}, "as %20"),
        ({"host": "a\r\nb"}, "host: no control characters"),
        ({"host": ""}, "leave host out"),
        ({"user_agent": "a\nb"}, "user_agent: no control"),
        ({"headers": {"A B": "c"}}, "'A B' is not the name of a header"),
        ({"headers": {"A": "b\r\nc"}}, "headers: no control"),
        ({"headers": {"HOST": "b"}}, "use the setting host"),
        ({"headers": {"Authorization": "b"}, "username": "a", "password": Secret("b")}, "give one or the other"),
        ({"username": "a"}, "give both or none"),
        ({"password": Secret("a")}, "give both or none"),
        ({"username": "a:b", "password": Secret("c")}, "cannot carry a colon"),
        ({"digest": "sha1:00"}, 'write "sha256:"'),
        ({"digest": "md5:" + "0" * 64}, 'write "sha256:"'),
        ({"method": "HEAD", "expect": Regex(b"x")}, "use GET"),
        ({"method": "HEAD", "digest": "md5:" + "0" * 32}, "use GET"),
        ({"expect_text": ""}, "can never fail"),
        ({"status": Statuses.read([204, 304]), "expect_text": "x"}, "status 204, 304 has no body to expect"),
        ({"expect": Regex(b".*")}, "can never fail"),
        ({"expect_absent": Regex(b"")}, "can never pass"),
        ({"max_body": 0}, "write a size from 1B"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        HttpProbe(**settings)
