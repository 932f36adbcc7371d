"""http: bodies, tokens and headers of a request; headers of its answer; several requests in one run."""

import re

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.cookies import MAX_COOKIES, Cookies
from lvsmon.probes.header_rules import HeaderRules
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.http_request import FurtherRequests
from lvsmon.probes.json_rules import JsonRules
from lvsmon.probes.statuses import Statuses
from lvsmon.secrets.masking import masker_of
from lvsmon.testing.network import Close, Reset, Script, ScriptedConnector, Send, Until, run_scripted

TARGET = Target(address="10.1.0.11", port=80, hostname="shop.example.org", vport=80)
END = Until(b"\r\n\r\n")


def answer(body=b"ok", *headers, status=b"200 OK", version=b"1.1"):
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/%b %b\r\n%bContent-Length: %d\r\n\r\n%b" % (version, status, lines, len(body), body)


def run(probe, *scripts):
    connector = ScriptedConnector(*[Script(*steps) for steps in scripts])
    return run_scripted(probe, TARGET, connector), connector


def then(*tables):
    return FurtherRequests.read(list(tables))


def test_a_body_is_sent_with_its_type_and_length():
    probe = HttpProbe(method="PUT", body='{"käse": 1}', content_type="application/json", token=Secret("abc.DEF-1=="))
    outcome, connector = run(probe, [END, Send(answer())])
    sent = connector.opened[0].written
    assert Verdict.PASS is outcome.verdict
    assert sent.startswith(b"PUT / HTTP/1.1\r\nHost: shop.example.org\r\n")
    assert b"\r\nAuthorization: Bearer abc.DEF-1==\r\n" in sent
    assert b"\r\nContent-Type: application/json\r\n" in sent
    assert sent.endswith('\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{"käse": 1}'.encode())


def test_secrets_of_a_request_are_not_shown():
    probe = HttpProbe(
        method="POST", secret_body=Secret("user=a&password=hunter2"), content_type="x/y", token=Secret("abcdef")
    )
    _, connector = run(probe, [END, Send(answer())])
    assert connector.opened[0].written.endswith(b"\r\n\r\nuser=a&password=hunter2")
    assert "hunter2" not in repr(probe)
    assert "abcdef" not in repr(probe)
    assert "********, ********" == masker_of(probe).text("user=a&password=hunter2, abcdef")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([{"name": "x-a"}], None),
        ([{"name": "X-A", "equals": "1, 2"}], None),
        ([{"name": "X-A", "matches": "^1"}], None),
        ([{"name": "X-B", "absent": True}], None),
        ([{"name": "X-B"}], "there is no header X-B"),
        ([{"name": "X-B", "equals": "1"}], "there is no header X-B"),
        ([{"name": "X-A", "equals": "1"}], "X-A is '1, 2', wanted '1'"),
        ([{"name": "X-A", "matches": "^2"}], "X-A does not match: '1, 2'"),
        ([{"name": "X-A"}, {"name": "X-A", "absent": True}], "there is a header X-A: 1, 2"),
    ],
)
def test_headers_of_the_answer(rules, words):
    probe = HttpProbe(expect_headers=HeaderRules.read(rules))
    outcome, _ = run(probe, [END, Send(answer(b"ok", b"X-A: 1", b"x-a: 2"))])
    assert (Reason.EXPECTATION if words else Reason.OK) is outcome.reason
    assert (words or "200 OK") in outcome.detail


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([{"equals": "x"}], "[0]: write the name of the header"),
        ([{"name": "a b"}], '[0]: name: "a b" is not the name of a header'),
        ([{"name": "a", "equals": "x", "matches": "y"}], "[0]: write only one of"),
        ([{"name": "a", "matches": "x*"}], "[0].matches: it matches even the empty text"),
        ([{"name": "a", "absent": 1}], "[0].absent: write true"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(written, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        HeaderRules.read(written)


def test_json_of_the_answer():
    probe = HttpProbe(expect_json=JsonRules.read([{"path": "status", "equals": "UP"}]))
    assert Verdict.PASS is run(probe, [END, Send(answer(b'{"status": "UP"}'))])[0].verdict
    outcome, _ = run(probe, [END, Send(answer(b'{"status": "DOWN"}'))])
    assert (Reason.EXPECTATION, 'expect_json: status is "DOWN", wanted "UP"') == (outcome.reason, outcome.detail)
    small = HttpProbe(expect_json=JsonRules.read([{"path": "status"}]), max_body=10)
    assert (
        "expect_json cannot be told; raise max_body" in run(small, [END, Send(answer(b'{"status": "UP"}'))])[0].detail
    )


LOGIN = {
    "path": "/login", "method": "POST", "body": "u=probe", "content_type": "application/x-www-form-urlencoded",
    "status": Statuses.read([200, 303]), "then": then({"path": "/account", "expect": "Welcome"}, {"path": "/logout"}),
}  # fmt: skip


def test_several_requests_on_one_connection_with_their_cookies():
    outcome, connector = run(
        HttpProbe(**LOGIN),
        [
            Until(b"u=probe"), Send(answer(b"", b"Set-Cookie: sid=1; Path=/; HttpOnly", status=b"303 See Other")),
            END, Send(answer(b"Welcome", b"Set-Cookie: theme=dark; Path=/account")),
            END, Send(answer()),
        ],
    )  # fmt: skip
    assert (Verdict.PASS, "3 requests: 303, 200, 200") == (outcome.verdict, outcome.detail)
    assert (3, 1) == (outcome.facts["requests"], outcome.facts["connections"])
    heads = connector.opened[0].written.split(b" HTTP/1.1\r\n")
    assert [b"close" in head for head in heads[1:]] == [False, False, True]
    assert b"Cookie: sid=1\r\n" in heads[2]
    assert b"Cookie: sid=1\r\n" in heads[3]
    assert b"Cookie" not in heads[1]


def test_the_request_that_fails_is_named():
    outcome, _ = run(
        HttpProbe(**LOGIN),
        [Until(b"u=probe"), Send(answer(b"", status=b"303 See Other")), END, Send(answer(b"Please log in"))],
    )
    assert Reason.EXPECTATION is outcome.reason
    assert outcome.detail.startswith("request 2 of 3 (GET /account): expect does not match in the body")


def test_the_request_that_hangs_is_named():
    outcome, _ = run(HttpProbe(then=then({"path": "/slow"})), [END, Send(answer()), END])
    assert Reason.DEADLINE is outcome.reason
    assert outcome.detail.endswith("still waiting for the answer to request 2 of 2 (GET /slow)")


@pytest.mark.parametrize(
    "first",
    [
        answer(b"ok", b"Connection: close"),
        answer(version=b"1.0"),
        b"HTTP/1.1 200 OK\r\n\r\nok",
        answer() + b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ids=["close", "1.0", "until close", "garbage behind", "framed twice"],
)
def test_a_connection_that_cannot_be_kept_is_followed_by_another(first):
    outcome, connector = run(HttpProbe(then=then({"path": "/b"})), [END, Send(first), Close()], [END, Send(answer())])
    assert (Verdict.PASS, 2) == (outcome.verdict, outcome.facts["connections"])
    assert all(one.ended for one in connector.opened)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_http_1_0_server_may_keep_the_connection(version):
    kept = answer(b"ok", b"Connection: Keep-Alive", version=b"1.0")
    outcome, connector = run(
        HttpProbe(version=version, then=then({"path": "/b"})), [END, Send(kept), END, Send(answer(version=b"1.0"))]
    )
    assert (Verdict.PASS, 1) == (outcome.verdict, outcome.facts["connections"])
    assert (version == "1.0") is (b"Connection: keep-alive\r\n" in connector.opened[0].written)


@pytest.mark.parametrize("end", [Close(), Reset()])
def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(end):
    """RFC 9112 section 9.3.1: the server may close an idle connection at any time, and clients ask again."""
    outcome, _ = run(HttpProbe(then=then({"path": "/b"})), [END, Send(answer()), END, end], [END, Send(answer())])
    assert (Verdict.PASS, 2) == (outcome.verdict, outcome.facts["connections"])


@pytest.mark.parametrize(
    ("second", "steps"),
    [
        ({"path": "/b", "method": "POST"}, [Close()]),
        ({"path": "/b"}, [Send(b"HTTP/1.1 200"), Close()]),
    ],
)
def test_a_request_is_not_said_twice_where_it_may_have_been_done(second, steps):
    outcome, connector = run(HttpProbe(then=then(second)), [END, Send(answer()), END, *steps])
    assert Reason.CLOSED is outcome.reason
    assert 1 == len(connector.opened)


def test_a_fresh_connection_that_closes_is_a_failure():
    assert Reason.CLOSED is run(HttpProbe(then=then({})), [END, Close()])[0].reason


def test_a_leak_in_one_of_several_requests_warns():
    probe = HttpProbe(status=Statuses.read(302), location_leak="warn", then=then({"path": "/b"}))
    moved = answer(b"", b"Location: http://10.1.0.11/", status=b"302 Found")
    outcome, _ = run(probe, [END, Send(moved), END, Send(answer())])
    assert Verdict.WARN is outcome.verdict
    assert outcome.detail.startswith("request 1 of 2 (GET /): 302 Found, 0 bytes, but it redirects to")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"body": "x", "content_type": "a/b"}, 'body: GET sends none: write method = "POST"'),
        ({"body": "x", "method": "HEAD", "content_type": "a/b"}, "body: HEAD sends none"),
        ({"body": "x", "method": "POST"}, "body: say what it is: content_type"),
        ({"body": "x" * 65537, "method": "POST", "content_type": "a/b"}, "body: write at most 65536 bytes"),
        ({"content_type": "a/b", "method": "POST"}, "content_type: there is no body"),
        ({"content_type": "", "method": "POST", "body": "x"}, "content_type: write for example"),
        ({"content_type": "a/b\r\n", "method": "POST", "body": "x"}, "content_type: no control characters"),
        (
            {"content_type": "a/b", "method": "POST", "body": "x", "headers": {"content-type": "a/b"}},
            "content_type: headers holds",
        ),
        (
            {"body": "x", "secret_body": Secret("y"), "method": "POST", "content_type": "a/b"},
            "body: there is a secret_b",
        ),
        ({"token": Secret("a b")}, "token: a bearer token holds"),
        ({"token": Secret("")}, "token: a bearer token holds"),
        ({"token": Secret("a"), "username": "u", "password": Secret("p")}, "token: there is a username already"),
        ({"token": Secret("a"), "headers": {"authorization": "x"}}, "Authorization is made of"),
        ({"headers": {"Expect": "100-continue"}}, "Expect is not yours to set"),
        ({"method": "HEAD", "expect_json": JsonRules.read([{"path": "a"}])}, "use GET"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        HttpProbe(**settings)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"path": "/"}, "write a list of at most 16 tables"),
        ([{}] * 17, "write a list of at most 16 tables"),
        ([{"path": "b"}], '[0]: path: begin with "/"'),
        ([{}, {"paht": "/"}], '[1]: unknown key "paht": there are path, method'),
        ([{"token": "x"}], '[0]: unknown key "token"'),
        ([{"method": "get"}], '[0].method: write one of "GET"'),
        ([{"status": 99}], "[0].status: write a status"),
        ([{"headers": {"A": 1}}], "[0].headers: A: write a string, not 1"),
        ([{"headers": "A"}], "[0].headers: write a table"),
        ([{"expect_json": [{"path": "a..b"}]}], "[0].expect_json: [0]: path: write a path"),
        ([{"expect": ".*"}], "[0]: expect: '.*' matches even the empty text"),
    ],
)
def test_further_requests_that_cannot_be_meant_are_refused(written, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FurtherRequests.read(written)


def test_what_was_read_is_written_as_it_was():
    written = [
        {"path": "/b", "method": "POST", "body": "x", "content_type": "a/b", "expect": "y", "status": ["200-201"],
         "headers": {"A": "b"}, "expect_json": [{"path": "a", "equals": 1}], "expect_headers": [{"name": "B"}]},
        {},
    ]  # fmt: skip
    assert written == FurtherRequests.read(written).write()


@pytest.mark.parametrize(
    ("lines", "path", "sent"),
    [
        ([b"a=1"], "/", b"a=1"),
        ([b"a=1", b"b=2"], "/", b"a=1; b=2"),
        ([b"a=1", b"a=2"], "/", b"a=2"),
        ([b"a=1; Path=/x"], "/", b""),
        ([b"a=1; path=/x"], "/x/y?z", b"a=1"),
        ([b"a=1; path=/x"], "/xy", b""),
        ([b"a=1; Path=/", b"b=2; Path=/x"], "/x", b"b=2; a=1"),
        ([b"a=1; Secure"], "/", b""),
        ([b"a=1", b"a=; Max-Age=0"], "/", b""),
        ([b"a=1", b"a=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "/", b""),
        ([b"a=1; Max-Age=60; Expires=Thu, 01 Jan 2099 00:00:00 GMT"], "/", b"a=1"),
        ([b"no cookie", b"=x", b"a b=c", b"a=\x01", b"a=" + b"x" * 5000], "/", b""),
        ([b'a="quoted, with spaces"'], "/", b'a="quoted, with spaces"'),
    ],
)
def test_cookies(lines, path, sent):
    cookies = Cookies(secure=False)
    cookies.take([(b"set-cookie", line) for line in lines], "/login")
    assert sent == cookies.header(path)


def test_cookies_of_a_path_are_of_its_folder_and_there_are_only_so_many():
    cookies = Cookies(secure=True)
    cookies.take([(b"set-cookie", b"c%d=1; Secure" % number) for number in range(MAX_COOKIES + 9)], "/a/login")
    assert MAX_COOKIES == len(cookies.header("/a/x").split(b"; "))
    assert b"" == cookies.header("/b")


def test_a_cookie_of_ones_own_goes_first():
    probe = HttpProbe(headers={"cookie": "mine=1"}, then=then({"headers": {"Cookie": "mine=2"}}))
    _, connector = run(probe, [END, Send(answer(b"", b"Set-Cookie: a=1")), END, Send(answer())])
    assert b"\r\ncookie: mine=1\r\n" in connector.opened[0].written
    assert b"\r\nCookie: mine=2; a=1\r\n" in connector.opened[0].written
