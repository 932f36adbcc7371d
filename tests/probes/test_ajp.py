"""ajp: a container asked whether it is alive, and for a path as a web server asks."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.ajp import AjpProbe
from lvsmon.probes.statuses import Statuses
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, run_scripted
from lvsmon.wire.ajp import NO_BODY

TARGET = Target(address="10.1.0.11", port=8009, hostname="a.example", vport=8009)
CPING, CPONG = Expect(b"\x124\0\1\x0a"), b"AB\0\1\x09"


def said(content):
    return b"AB" + len(content).to_bytes(2) + content


def string(text):
    return len(text).to_bytes(2) + text + b"\0"


def head(status=200, reason=b"OK", *headers):
    lines = b"".join(name + string(value) for name, value in headers)
    return said(b"\4" + status.to_bytes(2) + string(reason) + len(headers).to_bytes(2) + lines)


def piece(data):
    return said(b"\3" + len(data).to_bytes(2) + data + b"\0")


END = said(b"\5\1")
TYPE = (b"\xa0\1", b"text/html")


def run(*steps, **settings):
    return run_scripted(AjpProbe(**settings), TARGET, ScriptedConnector(Script(*steps)), 3)


def asked(*answer, cping=False, path="/x", **settings):
    question = Expect(AjpProbe(path=path, **settings).request(TARGET).encode())
    before = (CPING, Send(CPONG, 2)) if cping else ()
    steps = (Send(one, 5) if isinstance(one, bytes) else one for one in answer)
    return run(*before, question, *steps, cping=cping, path=path, **settings)


def fails(outcome, reason, words=""):
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail, outcome.detail


def test_cping_is_answered_by_cpong():
    outcome = run(CPING, Send(CPONG, 1))
    assert (Verdict.PASS, "it answers CPing") == (outcome.verdict, outcome.detail)


def test_a_path_is_asked_for_after_it_on_the_same_connection():
    outcome = asked(head(200, b"OK", TYPE), piece(b"UP "), piece(b"now"), END, cping=True, expect=Regex(b"^UP now$"))
    assert (Verdict.PASS, "200 OK, 6 bytes", 200) == (outcome.verdict, outcome.detail, outcome.facts["status"])


def test_the_bytes_of_a_request():
    """Method, protocol, path, client twice, name, port, TLS, three headers by number, query, secret, end."""
    probe = AjpProbe(path="/a?b=c", secret=Secret("hush"), over_tls=True)
    payload = (
        b"\2\2" + string(b"HTTP/1.1") + string(b"/a") + string(b"127.0.0.1") * 2 + string(b"a.example")
        + b"\x1f\x49\1\0\3"
        + b"\xa0\x0b" + string(b"a.example") + b"\xa0\1" + string(b"*/*") + b"\xa0\x0e" + string(b"lvsmon")
        + b"\5" + string(b"b=c") + b"\x0c" + string(b"hush") + b"\xff"
    )  # fmt: skip
    assert probe.request(TARGET).encode() == b"\x124" + len(payload).to_bytes(2) + payload


@pytest.mark.parametrize(
    ("answer", "settings", "status"),
    [
        ((head(), END), {}, 200),
        ((head(404, b"", TYPE), piece(b"no"), END), {"status": Statuses.read(404)}, 404),
        ((said(b"\4\0\xcc\xff\xff\0\0"), END), {}, 204),
        ((head(200, b"OK", (string(b"X-Own"), b"y"), (b"\xa0\3", b"2")), piece(b"hi"), END), {}, 200),
        ((said(b"\6\x1f\xfa"), Expect(NO_BODY), head(), END), {}, 200),
        ((head(), piece(b""), END), {}, 200),
        ((head(), said(b"\3\0\2hi"), END), {}, 200),
        ((head(200, b"OK", (b"\xa0\3", b"500")), END), {"method": "HEAD"}, 200),
    ],
)
def test_answers_that_pass(answer, settings, status):
    outcome = asked(*answer, **settings)
    assert (Verdict.PASS, status) == (outcome.verdict, outcome.facts["status"]), outcome


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        ((head(503, b"Stopped"), END), Reason.REJECTED, "status 503 Stopped, wanted 200-299"),
        ((head(403, b"Forbidden"), END), Reason.REJECTED, "status 403 Forbidden, wanted 200-299; it may want a secret"),
        ((head(401), END), Reason.AUTHENTICATION, "status 401"),
        ((head(302, b"", (b"\xa0\6", b"/y")), END), Reason.EXPECTATION, "it redirects to /y"),
        ((head(200, b"OK", (b"\xa0\3", b"9")), piece(b"hi"), END), Reason.PROTOCOL, "cut short: 2 of 9 bytes"),
        (
            (head(), piece(b"DOWN"), END),
            Reason.EXPECTATION,
            "expect does not match in the body, which begins with 'DOWN'",
        ),
        ((END,), Reason.PROTOCOL, "not the head of an answer: the end of an answer"),
        ((piece(b"x"),), Reason.PROTOCOL, "not the head of an answer: a piece of a body"),
        ((CPONG,), Reason.PROTOCOL, "not the head of an answer: CPong"),
        ((head(), head()), Reason.PROTOCOL, "not a part of an answer: the head of an answer"),
        ((head(99),), Reason.PROTOCOL, "not a status: 99"),
        ((said(b"\4\0\xc8\0\0\0\xff\xff"),), Reason.PROTOCOL, "65535 headers"),
        ((said(b"\4\0\xc8\0\0\0\0\1\xa0\x0c\0\0\0"),), Reason.PROTOCOL, "header of the number 12"),
        ((said(b"\4\0\xc8\0\x09OK\0\0\0"),), Reason.PROTOCOL, "ends early"),
        ((head(), said(b"\3\0\x09hi\0")), Reason.PROTOCOL, "ends early"),
        ((said(b""),), Reason.PROTOCOL, "ends early"),
        ((said(b"\x0a"),), Reason.PROTOCOL, "type 10"),
        ((b"\x124\0\1\x0a",), Reason.PROTOCOL, "not a packet of an AJP container"),
        ((b"HTTP/1.1 400 \r\n\r\n",), Reason.PROTOCOL, "it begins with b'HT'"),
        ((head(), piece(b"x"), Close()), Reason.CLOSED, "instead of a packet"),
        ((b"AB\0", Close()), Reason.CLOSED, "in the middle of a packet"),
        ((Reset(),), Reason.RESET, "reset"),
        ((Hang(),), Reason.DEADLINE, "waiting"),
    ],
)
def test_answers_that_fail(answer, reason, words):
    fails(asked(*answer, expect=Regex(b"UP")), reason, words)


def test_a_refused_secret_is_told_as_such():
    fails(asked(head(403, b""), END, secret=Secret("x")), Reason.REJECTED, "it may want another secret")


def test_a_container_that_asks_for_a_body_again_and_again_is_told_ten_times():
    wants = (said(b"\6\x1f\xfa"), Expect(NO_BODY))
    fails(asked(*wants * 10), Reason.PROTOCOL, "again and again")


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((Send(END),), Reason.PROTOCOL),
        ((Send(b"\x124\0\1\x09"),), Reason.PROTOCOL),
        ((Close(),), Reason.CLOSED),
        ((Hang(),), Reason.DEADLINE),
    ],
)
def test_what_is_no_cpong_fails(steps, reason):
    fails(run(CPING, *steps), reason)


def test_a_body_too_large_is_read_no_further():
    outcome = asked(head(), piece(b"x" * 8000), expect=Regex(b"x"), max_body=1000)
    assert (Verdict.PASS, "200 OK, more than 1000 bytes") == (outcome.verdict, outcome.detail)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"secret": Secret("x")}, "path: without one there is no request"),
        ({"over_tls": True}, "leave secret and over_tls out"),
        ({"cping": False}, "cping: without a path nothing else is asked"),
        ({"path": "/" + "x" * 9000}, "path: the request is longer than the 8188 bytes"),
        ({"path": "x"}, "path: begin with"),
        ({"status": Statuses.read(500)}, "path: without one nothing is asked for"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        AjpProbe(**settings)
