"""fastcgi: an application asked for its limits, and for a path as a web server asks."""

import struct

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.probes.fastcgi import FastcgiProbe
from lvsmon.probes.statuses import Statuses
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, run_scripted
from lvsmon.wire.fastcgi import HEADER, Type, get_values, responder

TARGET = Target(address="10.1.0.11", port=9000, hostname="www.example.org", vport=9000)
ASKED = Expect(get_values())


def said(kind, content=b"", request=1, padding=0):
    return HEADER.pack(1, kind, request, len(content), padding) + content + bytes(padding)


OUT, ERR = Type.STDOUT, Type.STDERR
DONE = said(Type.END_REQUEST, bytes(8))
PONG = said(OUT, b"Content-type: text/plain;charset=UTF-8\r\n\r\npong", padding=5) + said(OUT) + DONE
LIMITS = said(Type.GET_VALUES_RESULT, b"\x0e\1FCGI_MAX_CONNS5\x0f\1FCGI_MPXS_CONNS0\1\1xy", request=0)


def run(*steps, **settings):
    return run_scripted(FastcgiProbe(**settings), TARGET, ScriptedConnector(Script(*steps)), 3)


def asked(*answer, path="/ping", **settings):
    """Return the outcome of a request for ``path``, whatever its parameters are."""
    probe = FastcgiProbe(path=path, **settings)
    question = Expect(responder(probe.parameters(TARGET).items()))
    return run(question, *(Send(one, 7) if isinstance(one, bytes) else one for one in answer), path=path, **settings)


def fails(outcome, reason, words=""):
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail, outcome.detail


def test_without_a_path_it_is_asked_for_its_limits():
    outcome = run(ASKED, Send(LIMITS, 3))
    assert (Verdict.PASS, {"max_conns": "5", "mpxs_conns": "0"}) == (outcome.verdict, outcome.facts)


def test_one_that_does_not_know_the_question_speaks_the_protocol():
    assert Verdict.PASS is run(ASKED, Send(said(Type.UNKNOWN_TYPE, b"\x09" + bytes(7), request=0))).verdict


def test_a_path_is_asked_for_as_a_web_server_does():
    outcome = asked(PONG, expect=Regex(b"^pong$"))
    assert (Verdict.PASS, "200, 4 bytes") == (outcome.verdict, outcome.detail)
    assert {"status": 200, "content_length": 4, "digest": "9c18c5b1b1b1b1b1"}.keys() == outcome.facts.keys()
    wanted = FastcgiProbe(path="/a%20b.php?x=1&y", script="/srv/a b.php", params={"HTTP_HOST": "other", "X": "ä"})
    found = wanted.parameters(TARGET)
    assert ("/a%20b.php", "/srv/a b.php", "x=1&y", "/a%20b.php?x=1&y") == tuple(
        found[name] for name in ("SCRIPT_NAME", "SCRIPT_FILENAME", "QUERY_STRING", "REQUEST_URI")
    )
    assert ("other", "ä", "www.example.org", "9000") == tuple(
        found[name] for name in ("HTTP_HOST", "X", "SERVER_NAME", "SERVER_PORT")
    )


def test_the_bytes_of_a_request():
    """From section 3 of the specification: begin, parameters with lengths of one and of four bytes, two ends."""
    assert responder([("A", "b"), ("C", "d" * 128)]) == (
        b"\1\1\0\1\0\x08\0\0" + b"\0\1\0\0\0\0\0\0"
        b"\1\4\0\1\0\x8a\0\0" + b"\1\1Ab" + b"\1\x80\0\0\x80C" + b"d" * 128 + b"\1\4\0\1\0\0\0\0" + b"\1\5\0\1\0\0\0\0"
    )
    assert get_values().startswith(b"\1\x09\0\0\0\x30\x08\0\x0e\0FCGI_MAX_CONNS\x0d\0FCGI_MAX_REQS")


def page(head, body=b"", ending=DONE):
    return said(OUT, head + b"\r\n\r\n" + body) + ending


@pytest.mark.parametrize(
    ("answer", "settings", "status"),
    [
        (page(b"Content-type: text/html"), {}, 200),
        (page(b"Status: 404 Not Found"), {"status": Statuses.read(404)}, 404),
        (page(b"Status: 204"), {}, 204),
        (page(b"Location: /x"), {"status": Statuses.read(302)}, 302),
        (page(b"Status: 201 Made\r\nLocation: /x"), {}, 201),
        (said(OUT, b"X: y\n\n") + DONE, {}, 200),
        (said(ERR, b"PHP Notice") + page(b"X: y"), {}, 200),
        (said(OUT, b"X: y\r\n") + said(ERR, b"z") + said(OUT, b"\r\nbody") + DONE, {}, 200),
        (page(b"X: y", ending=said(Type.END_REQUEST, struct.pack(">IB3x", 255, 0))), {}, 200),
        (page(b"Content-length: 4\r\nX: y", b"body and more"), {}, 200),
    ],
)
def test_answers_that_pass(answer, settings, status):
    outcome = asked(answer, **settings)
    assert (Verdict.PASS, status) == (outcome.verdict, outcome.facts["status"]), outcome


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (page(b"Status: 503 Busy"), Reason.REJECTED, "status 503 Busy, wanted 200-299"),
        (page(b"Status: 401"), Reason.AUTHENTICATION, "status 401"),
        (page(b"Location: http://rs1/"), Reason.EXPECTATION, "it redirects to http://rs1/"),
        (
            said(ERR, b"Primary script unknown") + page(b"Status: 404 Not Found"),
            Reason.REJECTED,
            "it says 'Primary script unknown'",
        ),
        (page(b"Content-length: 9\r\nX: y", b"body"), Reason.PROTOCOL, "cut short: 4 of 9"),
        (page(b"Status: OK"), Reason.PROTOCOL, "not a status"),
        (page(b"HTTP/1.1 200 OK"), Reason.PROTOCOL, "not a header of a CGI response"),
        (said(OUT, b"\r\nbody") + DONE, Reason.PROTOCOL, "no headers"),
        (said(OUT, b"X: y\r\n") + DONE, Reason.PROTOCOL, "ends before its headers do"),
        (DONE, Reason.PROTOCOL, "ends before its headers do"),
        (said(Type.END_REQUEST, b"\0\0\0\0\2\0\0\0"), Reason.REJECTED, "FCGI_OVERLOADED"),
        (said(Type.END_REQUEST, b"\0\0\0\0\1\0\0\0"), Reason.REJECTED, "FCGI_CANT_MPX_CONN"),
        (said(Type.END_REQUEST, b"\0\0\0\0\3\0\0\0"), Reason.REJECTED, "FCGI_UNKNOWN_ROLE"),
        (said(Type.END_REQUEST, b"\0\0\0\0\x09\0\0\0"), Reason.REJECTED, "ended the request with 9"),
        (said(Type.END_REQUEST, b"\0"), Reason.PROTOCOL, "END_REQUEST of 1 bytes"),
        (said(OUT, b"X: y\r\n\r\n", request=2), Reason.PROTOCOL, "a record of request 2"),
        (LIMITS, Reason.PROTOCOL, "a record of request 0"),
        (said(Type.PARAMS, b"x"), Reason.PROTOCOL, "a record of type 4 in an answer"),
        (said(OUT, b"A: b\r\n" * 201), Reason.PROTOCOL, "headers of more than"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.PROTOCOL, "it begins with byte 0x48"),
        (page(b"X: y", b"ping"), Reason.EXPECTATION, "expect does not match in the body, which begins with 'ping'"),
    ],
)
def test_answers_that_fail(answer, reason, words):
    fails(asked(answer, expect=Regex(b"pong")), reason, words)


@pytest.mark.parametrize("path", [None, "/ping"])
@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Close(),), Reason.CLOSED, "instead of a record"),
        ((Send(b"\1\6\0\1"), Close()), Reason.CLOSED, "in the middle of a record"),
        ((Reset(),), Reason.RESET, "reset"),
        ((Hang(),), Reason.DEADLINE, "waiting for the first byte"),
    ],
)
def test_one_that_does_not_answer_fails(path, steps, reason, words):
    fails(run(ASKED, *steps) if path is None else asked(*steps, path=path), reason, words)


@pytest.mark.parametrize(
    "answer",
    [
        said(OUT, b"Content-type: text/html\r\n\r\n"),
        said(Type.GET_VALUES_RESULT),
        said(Type.GET_VALUES_RESULT, b"\x0e", request=0),
        said(Type.GET_VALUES_RESULT, b"\1\x09ab", request=0),
        b"\2\x0a\0\0\0\0\0\0",
    ],
)
def test_what_is_no_answer_to_get_values_is_a_violation(answer):
    fails(run(ASKED, Send(answer)), Reason.PROTOCOL)


def test_a_body_too_large_is_read_no_further():
    """And an expectation must show itself in its beginning."""
    endless = (said(OUT, b"X: y\r\n\r\npong"), said(OUT, b"x" * 60000))
    outcome = asked(*endless, expect=Regex(b"pong"), max_body=1000)
    assert (Verdict.PASS, "200, more than 1000 bytes") == (outcome.verdict, outcome.detail)
    assert "digest" not in outcome.facts
    fails(asked(*endless, expect=Regex(b"ping"), max_body=1000), Reason.EXPECTATION, "in the first 1000 bytes")


def test_what_an_application_says_of_itself_is_bounded():
    outcome = asked(*[said(ERR, b"x" * 60000)] * 20, page(b"X: y"))
    assert (Verdict.PASS, 200) == (outcome.verdict, len(outcome.facts["stderr"]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "ping"}, "path: begin with"),
        ({"path": "/a b"}, "path: begin with"),
        ({"expect": Regex(b"x")}, "path: without one nothing is asked for"),
        ({"script": "/x.php"}, "leave script and params out"),
        ({"path": "/", "script": ""}, "script: write a path"),
        ({"path": "/", "script": "a\0"}, "script: it has a NUL"),
        ({"path": "/", "params": {"x": "y"}}, "write names in capitals"),
        ({"path": "/", "params": {"X": "\0"}}, "params: X has a NUL"),
        ({"path": "/", "method": "HEAD", "expect": Regex(b"x")}, "method: an answer to HEAD has no body"),
        ({"path": "/", "host": "a b"}, "host: write a name"),
        ({"path": "/", "expect": Regex(b"x*")}, "matches even the empty text"),
        ({"path": "/", "digest_ignore": (Regex(b"x*"),)}, "digest_ignore: "),
        ({"path": "/", "max_body": 0}, "max_body: "),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FastcgiProbe(**settings)


def test_only_what_asks_for_something_depends_on_the_name():
    assert (False, True, False) == tuple(
        FastcgiProbe(**settings).uses_hostname for settings in ({}, {"path": "/"}, {"path": "/", "host": "x"})
    )
