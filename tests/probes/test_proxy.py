"""proxy: fetching by whole URL and through a tunnel; whose word a refusal is."""

import re

import pytest

from lvsmon.model import Certificate, Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.net.tls.values import TlsProfile, TlsSession
from lvsmon.probes.base import aim
from lvsmon.probes.header_rules import HeaderRules
from lvsmon.probes.json_rules import JsonRules
from lvsmon.probes.proxy import ProxyProbe
from lvsmon.probes.statuses import Statuses
from lvsmon.testing.network import Close, Expect, Hang, Script, ScriptedConnector, Secure, Send, Until, run_scripted

TARGET = Target(address="10.1.0.11", port=3128)
END = Until(b"\r\n\r\n")
NAME = "www.example.org"
OK = b"HTTP/1.1 200 OK\r\nVia: 1.1 proxy\r\nContent-Length: 5\r\n\r\nready"
OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
AUTH = {"username": "me", "password": Secret("secret")}


def run(probe, *steps):
    connector = ScriptedConnector(Script(*steps))
    return run_scripted(probe, TARGET, connector), connector.opened[0]


def session(*names):
    certificate = Certificate(names=names or (NAME,), not_before=0, not_after=1e9 + 60 * 86400.0)
    return TlsSession(version="TLSv1.3", cipher="X", certificate=certificate, at=1e9)


def test_a_url_is_fetched_by_the_whole_of_it():
    request = (
        b"GET http://www.example.org/x?y=1 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: lvsmon\r\n"
        b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
        b"Cache-Control: no-cache\r\nX-A: b\r\nConnection: close\r\n\r\n"
    )
    probe = ProxyProbe(url="http://www.example.org/x?y=1#z", expect=Regex(b"ready"), headers={"X-A": "b"}, **AUTH)
    outcome, stream = run(probe, Expect(request), Send(OK, 1))
    assert (Verdict.PASS, "200 OK, 5 bytes of http://www.example.org/x?y=1#z") == (outcome.verdict, outcome.detail)
    assert ("1.1 proxy", 200) == (outcome.facts["via"], outcome.facts["status"])
    assert "closed" == stream.ended
    assert "secret" not in repr(probe)


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://a.example", b"GET http://a.example/ HTTP/1.1", b"a.example"),
        ("http://a.example:8080", b"GET http://a.example:8080/ HTTP/1.1", b"a.example:8080"),
        ("http://[fd00::1]/", b"GET http://[fd00::1]/ HTTP/1.1", b"[fd00::1]"),
        ("http://a.example?q", b"GET http://a.example/?q HTTP/1.1", b"a.example"),
    ],
)
def test_how_a_url_is_asked_for(url, line, host):
    _, stream = run(ProxyProbe(url=url), END, Send(OK))
    assert stream.written.startswith(line + b"\r\nHost: " + host + b"\r\n")


def test_an_answer_out_of_the_cache_is_taken_only_where_told():
    assert b"no-cache" not in run(ProxyProbe(url="http://a.example/", from_cache=True), END, Send(OK))[1].written
    own = ProxyProbe(url="http://a.example/", headers={"cache-control": "max-age=5"})
    assert 1 == run(own, END, Send(OK))[1].written.lower().count(b"cache-control")


def test_an_https_url_is_fetched_through_a_tunnel():
    """The proxy learns the login, the origin does not; the certificate is held against the URL's name."""
    probe = ProxyProbe(url="https://www.example.org/x", expect=Regex(b"ready"), **AUTH)
    connect = (
        b"CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\nUser-Agent: lvsmon\r\n"
        b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
    )
    get = (
        b"GET /x HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: lvsmon\r\nAccept: */*\r\n"
        b"Accept-Encoding: identity\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"
    )
    outcome, stream = run(probe, Expect(connect), Send(OPEN), Secure(session()), Expect(get), Send(OK))
    assert Verdict.PASS is outcome.verdict
    assert "200 OK, 5 bytes of https://www.example.org/x, certificate good for 60 days" == outcome.detail
    assert [(TlsProfile(alpn=("http/1.1",)), NAME)] == stream.secured


def test_the_certificate_behind_the_tunnel_is_judged():
    outcome, _ = run(ProxyProbe(url="https://www.example.org/"), END, Send(OPEN), Secure(session("b.example")))
    assert Reason.CERTIFICATE is outcome.reason
    assert outcome.detail.startswith("the proxy opens the tunnel to www.example.org:443, but certificate is for b.exa")


def test_what_comes_through_the_tunnel_before_tls_is_refused():
    outcome, _ = run(ProxyProbe(url="https://www.example.org/"), END, Send(OPEN + b"\x15\x03"))
    assert (Reason.PROTOCOL, True) == (outcome.reason, "before TLS" in outcome.detail)


@pytest.mark.parametrize(
    "answer",
    [OPEN, b"HTTP/1.0 200 ok\n\n", OPEN + b"220 mail\r\n", b"HTTP/1.1 204 x\r\nContent-Length: 9\r\n\r\n"],
)
def test_a_tunnel_alone(answer):
    """Any 2xx; what its head says of a body counts for nothing (RFC 9110 section 9.3.6)."""
    outcome, stream = run(ProxyProbe(connect="[fd00::1]:25"), END, Send(answer), Hang())
    assert Verdict.PASS is outcome.verdict
    assert "the tunnel to [fd00::1]:25 is open" in outcome.detail
    assert stream.written.startswith(b"CONNECT [fd00::1]:25 HTTP/1.1\r\nHost: [fd00::1]:25\r\n")
    assert b"Connection: close" not in stream.written


def test_a_tunnel_with_tls():
    probe = ProxyProbe(connect="www.example.org:993", tls="implicit")
    outcome, stream = run(probe, END, Send(OPEN), Secure(session()))
    assert (Verdict.PASS, [(TlsProfile(), NAME)]) == (outcome.verdict, stream.secured)
    assert outcome.facts["tls_version"] == "TLSv1.3"


def test_a_tunnel_that_must_be_denied():
    probe = ProxyProbe(connect="www.example.org:25", status=Statuses.read(403))
    outcome, _ = run(probe, END, Send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n"))
    assert (Verdict.PASS, "no tunnel to www.example.org:25, 403 Forbidden") == (outcome.verdict, outcome.detail)
    assert Reason.EXPECTATION is run(probe, END, Send(OPEN))[0].reason


@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 501 No\r\n\r\nsorry", b"HTTP/1.0 407 x\r\n\r\n"])
def test_any_answer_is_one_where_that_is_all_that_is_asked(answer):
    outcome, stream = run(ProxyProbe(any_answer=True), END, Send(answer), Close())
    assert Verdict.PASS is outcome.verdict
    assert stream.written.startswith(b"OPTIONS * HTTP/1.1\r\nHost: 10.1.0.11:3128\r\n")
    assert b"\r\nMax-Forwards: 0\r\n" in stream.written
    assert Reason.PROTOCOL is run(ProxyProbe(any_answer=True), END, Send(b"220 ftp\r\n"))[0].reason
    assert Reason.CLOSED is run(ProxyProbe(any_answer=True), END, Send(OK[:-1]), Close())[0].reason


@pytest.mark.parametrize(
    ("status", "header", "reason", "words", "facts"),
    [
        (b"503 Unavailable", b"X-Squid-Error: ERR_CONNECT_FAIL 111", Reason.REJECTED,
         "the proxy answers, but cannot get anything from the origin www.example.org:80 (ERR_CONNECT_FAIL 111)",
         {"said_by": "proxy", "proxy_error": "ERR_CONNECT_FAIL 111"}),
        (b"503 Unavailable", b"X-Squid-Error: ERR_DNS_FAIL 0", Reason.REJECTED, "cannot get anything from", None),
        (b"502 Bad Gateway", b"X: y", Reason.REJECTED, "cannot get anything from the origin", {"said_by": "proxy"}),
        (b"504 Timeout", b"Proxy-Status: p; error=connection_timeout", Reason.REJECTED, "(connection_timeout)", None),
        (b"500 x", b"Proxy-Status: a, b;error=destination_not_found", Reason.REJECTED, "cannot get anything", None),
        (b"403 Forbidden", b"X-Squid-Error: ERR_ACCESS_DENIED 0", Reason.REJECTED, "the proxy does not allow it", None),
        (b"407 Auth", b"X-Squid-Error: ERR_CACHE_ACCESS_DENIED 0", Reason.AUTHENTICATION, "wants a login, or", None),
        (b"407 Auth", b"Proxy-Authenticate: Basic", Reason.AUTHENTICATION, "wants a login, or", {"said_by": "proxy"}),
        (b"400 Bad", b"X-Squid-Error: ERR_INVALID_URL 0", Reason.REJECTED, "the proxy's own word (ERR_INVALID", None),
        (b"404 Not Found", b"Via: 1.1 p", Reason.REJECTED, "status 404 Not Found, wanted 200-299", {}),
        (b"401 Unauthorized", b"Via: 1.1 p", Reason.AUTHENTICATION, "status 401 Unauthorized", {}),
        (b"302 Found", b"Location: /", Reason.EXPECTATION, "status 302 Found", {}),
    ],
)  # fmt: skip
def test_whose_word_a_refusal_is(status, header, reason, words, facts):
    answer = b"HTTP/1.1 %b\r\n%b\r\nContent-Length: 0\r\n\r\n" % (status, header)
    outcome, _ = run(ProxyProbe(url="http://www.example.org/"), END, Send(answer))
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail
    if facts is not None:
        blamed = {name: fact for name, fact in outcome.facts.items() if name in {"said_by", "proxy_error"}}
        assert facts == blamed


def test_the_body_and_the_headers_are_judged_too():
    for settings, answer in (
        ({"expect": Regex(b"bye")}, OK),
        ({"expect_headers": HeaderRules.read([{"name": "X-A"}])}, OK),
        ({"expect_json": JsonRules.read([{"path": "a"}])}, OK),
    ):
        assert Reason.EXPECTATION is run(ProxyProbe(url="http://a.b/", **settings), END, Send(answer))[0].reason
    assert Reason.CLOSED is run(ProxyProbe(url="http://a.b/"), END, Send(OK[:-1]), Close())[0].reason


def test_a_missed_deadline_says_what_was_waited_for():
    outcome, _ = run(ProxyProbe(url="https://a.example/"), END, Hang())
    assert outcome.detail.endswith("still waiting for a tunnel to a.example:443")


def test_names_of_the_virtual_service_decide_nothing():
    assert TARGET == aim(ProxyProbe(any_answer=True), "10.1.0.11", 3128, hostname="a.example", vport=80)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "url: write what to fetch"),
        ({"url": "http://a.b/", "connect": "a.b:1"}, "url: write what to fetch"),
        ({"url": "http://a.b/", "any_answer": True}, "url: write what to fetch"),
        ({"url": "/x"}, "url: write a whole URL"),
        ({"url": "ftp://a.b/"}, "url: write a whole URL"),
        ({"url": "http:///x"}, "url: write a whole URL"),
        ({"url": "http://a b/"}, "url: write a whole URL"),
        ({"url": "http://a.b/ü"}, "url: write a whole URL"),
        ({"url": "http://a.b:0/"}, "url: write a whole URL"),
        ({"url": "http://a.b:99999/"}, "url: write a whole URL"),
        ({"url": "http://[fd00::g]/"}, "url: write a whole URL"),
        ({"url": "http://me:secret@a.b/"}, "leave the user out"),
        ({"connect": "a.b"}, 'connect: write "host:port"'),
        ({"connect": "a.b:0"}, 'connect: write "host:port"'),
        ({"connect": "a.b:70000"}, 'connect: write "host:port"'),
        ({"connect": "[zz]:1"}, 'connect: write "host:port"'),
        ({"connect": "a..b:1"}, 'connect: write "host:port"'),
        ({"url": "https://a.b/", "tls": "implicit"}, "tls: is for connect"),
        ({"url": "http://a.b/", "tls_warn_days": 3}, 'tls_warn_days: has no effect without an "https:" url'),
        ({"connect": "a.b:1", "tls_name": "x.y"}, 'tls_name: has no effect without an "https:" url'),
        ({"connect": "a.b:1", "tls": "implicit", "status": Statuses.read(403)}, "status: there is no tunnel for TLS"),
        ({"connect": "a.b:1", "expect": Regex(b"x")}, "expect: without a url"),
        ({"any_answer": True, "status": Statuses.read(403)}, "status: any_answer takes every status"),
        ({"connect": "a.b:1", "headers": {"A": "b"}}, "headers, method and from_cache"),
        ({"url": "http://a.b/", "headers": {"Proxy-Authorization": "b"}}, "use username and password"),
        ({"url": "http://a.b/", "username": "x"}, "give both or none"),
        ({"url": "http://a.b/", "method": "HEAD", "expect_text": "x"}, "use GET"),
        ({"url": "http://a.b/", "max_body": 0}, "max_body: write a size"),
        ({"url": "http://a.b/", "user_agent": "a\nb"}, "user_agent: no control"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ProxyProbe(**settings)
