"""memcached: its version, its login, a value, and statistics as facts."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.memcached import MemcachedProbe
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, run_scripted

TARGET = Target(address="10.1.0.11", port=11211)
VERSION = Expect(b"version\r\n")
KNOWN = (VERSION, Send(b"VERSION 1.6.18\r\n", 3))
QUIT = Expect(b"quit\r\n")
GET = Expect(b"get health\r\n")
STATS = Expect(b"stats\r\n")
LOGIN = {"username": "lvsmon", "password": Secret("s3cret")}
AUTH = Expect(b"set auth 0 0 13\r\nlvsmon s3cret\r\n")


def _run(*steps, **settings):
    return run_scripted(MemcachedProbe(**settings), TARGET, ScriptedConnector(Script(*steps)), 3)


def test_the_version_is_a_fact():
    outcome = _run(*KNOWN, QUIT)
    assert (Verdict.PASS, {"version": "1.6.18"}) == (outcome.verdict, outcome.facts)


def test_statistics_are_facts():
    said = b"STAT pid 7\r\nSTAT curr_items 12\r\nSTAT uptime nonsense\r\nSTAT evictions 0\r\nEND\r\n"
    outcome = _run(*KNOWN, STATS, Send(said, 5), QUIT, stats=True)
    assert outcome.facts == {"version": "1.6.18", "curr_items": 12, "evictions": 0}
    for end in (b"OK\r\n", b"STAT x y\r\n" * 1001, b"VALUE k 0 1\r\nx\r\n", b"END\r\nEND\r\n"):
        assert Reason.PROTOCOL is _run(*KNOWN, STATS, Send(end), stats=True).reason


def test_without_a_login_the_demand_for_one_may_be_answer_enough():
    """As for a look at a port of which nothing else is known."""
    outcome = _run(Expect(b"version\r\n"), Send(b"CLIENT_ERROR unauthenticated\r\n"), login="optional")
    assert (Verdict.PASS, {"wants_login": True}) == (outcome.verdict, dict(outcome.facts))
    outcome = _run(Expect(b"version\r\n"), Send(b"SERVER_ERROR out of memory\r\n"), login="optional")
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)


def test_a_login_comes_first():
    assert Verdict.PASS is _run(AUTH, Send(b"STORED\r\n"), *KNOWN, QUIT, **LOGIN).verdict
    outcome = _run(AUTH, Send(b"CLIENT_ERROR authentication failure\r\n"), **LOGIN)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)
    assert Reason.PROTOCOL is _run(AUTH, Send(b"END\r\n"), **LOGIN).reason
    assert Reason.REJECTED is _run(AUTH, Send(b"ERROR\r\n"), **LOGIN).reason


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Send(b"CLIENT_ERROR unauthenticated\r\n"),), Reason.AUTHENTICATION, "it wants a login: set username"),
        ((Send(b"ERROR Too many open connections\r\n"), Close()), Reason.REJECTED, "Too many open connections"),
        ((Send(b"SERVER_ERROR out of memory\r\n"),), Reason.REJECTED, "SERVER_ERROR out of memory"),
        ((Send(b"VERSION\r\n"),), Reason.PROTOCOL, "names none"),
        ((Send(b"END\r\n"),), Reason.PROTOCOL, "END where VERSION was due"),
        ((Send(b"VALUE k 0 1\r\nx\r\n"),), Reason.PROTOCOL, "a value of 'k' where VERSION was due"),
        ((Send(b"version\r\n"),), Reason.PROTOCOL, "not an answer of memcached"),
        ((Send(b"VERSION 1\r\nVERSION 1\r\n"),), Reason.PROTOCOL, "more than it was asked"),
        ((Close(),), Reason.CLOSED, "instead of an answer"),
        ((Send(b"VERS"), Close()), Reason.CLOSED, "in the middle of an answer"),
        ((Reset(),), Reason.RESET, "reset"),
        ((Hang(),), Reason.DEADLINE, "waiting for the first byte"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = _run(VERSION, *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("answer", "settings", "reason"),
    [
        (b"VALUE health 0 5\r\nready\r\nEND\r\n", {"value": b"ready"}, Reason.OK),
        (b"VALUE health 0 5\r\nready\r\nEND\r\n", {}, Reason.OK),
        (b"VALUE health 0 0\r\n\r\nEND\r\n", {"value": b""}, Reason.OK),
        (b"VALUE health 0 6\r\nready!\r\nEND\r\n", {"value": b"ready"}, Reason.EXPECTATION),
        (b"END\r\n", {"value": b""}, Reason.EXPECTATION),
        (b"VALUE other 0 5\r\nready\r\nEND\r\n", {}, Reason.PROTOCOL),
        (b"VALUE health 0 5\r\nready\r\nERROR\r\n", {}, Reason.REJECTED),
        (b"VALUE health 0 5\r\nready\r\nVALUE health 0 5\r\nready\r\nEND\r\n", {}, Reason.PROTOCOL),
        (b"SERVER_ERROR x\r\n", {}, Reason.REJECTED),
    ],
)
def test_a_key_is_held_against_its_value(answer, settings, reason):
    assert reason is _run(*KNOWN, GET, Send(answer, 9), QUIT, key=b"health", **settings).reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username": "x"}, "give both or none"),
        ({"password": Secret("x")}, "give both or none"),
        ({"username": "a b", "password": Secret("x")}, "without blanks"),
        ({"key": b"a b"}, "without blanks"),
        ({"key": b"a\r\nflush_all"}, "without blanks"),
        ({"key": b"k" * 251}, "1 to 250 bytes"),
        ({"value": b"x"}, "give key too"),
        ({"login": "optional", "key": b"x"}, "lets nothing else be asked"),
        ({"tls_name": "x"}, 'has no effect without tls = "implicit"'),
    ],
)
def test_settings_that_decide_nothing_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        MemcachedProbe(**settings)
