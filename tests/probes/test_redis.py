"""redis: logged in, answering, in the role wanted, linked to its master, holding the value wanted."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.redis import RedisProbe
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, run_scripted
from lvsmon.wire.redis import command

TARGET = Target(address="10.1.0.11", port=6379)
PING = Expect(command(b"PING"))
INFO = Expect(command(b"INFO", b"replication"))
PONG = (PING, Send(b"+PONG\r\n", 3))
SECRET = Secret("s3cret")


def _bulk(text):
    return Send(b"$%d\r\n%b\r\n" % (len(text), text), 7)


def _info(**fields):
    return (INFO, _bulk(b"# Replication\r\n" + "".join(f"{k}:{v}\r\n" for k, v in fields.items()).encode()))


MASTER = _info(role="master", connected_slaves=2)
REPLICA = {"role": "slave", "master_host": "10.1.0.1", "master_port": 6379}
LINKED = _info(**REPLICA, master_link_status="up", master_last_io_seconds_ago=7)
UNLINKED = _info(**REPLICA, master_link_status="down", master_last_io_seconds_ago=-1, master_link_down_since_seconds=90)
NEVER = _info(**REPLICA, master_link_status="down", master_sync_in_progress=1, master_link_down_since_seconds=-1)


def _run(*steps, **settings):
    return run_scripted(RedisProbe(**settings), TARGET, ScriptedConnector(Script(*steps)), 3)


def test_a_master_passes_with_its_replicas_told():
    outcome = _run(*PONG, *MASTER)
    assert (Verdict.PASS, {"role": "master", "replicas": 2}) == (outcome.verdict, outcome.facts)


@pytest.mark.parametrize(
    ("steps", "settings", "verdict", "words"),
    [
        (MASTER, {"role": "master"}, Verdict.PASS, "a master"),
        (MASTER, {"role": "replica"}, Verdict.FAIL, "it is a master, wanted is a replica"),
        (LINKED, {"role": "master"}, Verdict.FAIL, "it is a replica, wanted is a master"),
        (LINKED, {}, Verdict.PASS, "a replica of 10.1.0.1:6379"),
        (LINKED, {"lag_warn": 7, "lag_fail": 8}, Verdict.PASS, "a replica"),
        (LINKED, {"lag_warn": 6, "lag_fail": 8}, Verdict.WARN, "7.0 s behind: lag_warn is 6s"),
        (LINKED, {"lag_fail": 6}, Verdict.FAIL, "7.0 s behind: lag_fail is 6s"),
        (UNLINKED, {}, Verdict.FAIL, "its link to the master 10.1.0.1:6379 is down since 90 s"),
        (UNLINKED, {"link": "warn"}, Verdict.WARN, "is down since 90 s"),
        (UNLINKED, {"link": "warn", "lag_fail": 60}, Verdict.FAIL, "90.0 s behind"),
        (UNLINKED, {"link": "ignore", "role": "replica"}, Verdict.PASS, "is down"),
        (UNLINKED, {"link": "ignore", "lag_warn": 60}, Verdict.WARN, "90.0 s behind"),
        (NEVER, {}, Verdict.FAIL, "it is copying the master's data"),
        (NEVER, {"link": "warn", "lag_fail": 60}, Verdict.FAIL, "nobody knows how far"),
        ((), {"link": "ignore"}, Verdict.PASS, "answers PING"),
    ],
)
def test_role_link_and_lag(steps, settings, verdict, words):
    outcome = _run(*PONG, *steps, **settings)
    assert verdict is outcome.verdict, outcome
    assert words in outcome.detail


def test_login_with_and_without_a_user():
    for settings, words in (({}, (b"s3cret",)), ({"username": "lvsmon"}, (b"lvsmon", b"s3cret"))):
        steps = (Expect(command(b"AUTH", *words)), Send(b"+OK\r\n"), *PONG, *MASTER)
        assert Verdict.PASS is _run(*steps, password=SECRET, **settings).verdict


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (b"WRONGPASS invalid username-password pair", Reason.AUTHENTICATION, "the login is refused: WRONGPASS"),
        (b"ERR Client sent AUTH, but no password is set", Reason.AUTHENTICATION, "but no password is set"),
        (b"ERR max number of clients reached", Reason.AUTHENTICATION, "max number of clients"),
        (b"LOADING Redis is loading", Reason.REJECTED, "still loading"),
    ],
)
def test_a_login_that_is_refused(error, reason, words):
    outcome = _run(Expect(command(b"AUTH", b"s3cret")), Send(b"-" + error + b"\r\n"), password=SECRET)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail
    assert "s3cret" not in outcome.detail


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Send(b"-LOADING Redis is loading the dataset in memory\r\n"),), Reason.REJECTED, "still loading its data"),
        ((Send(b"-MASTERDOWN Link with MASTER is down\r\n"),), Reason.REJECTED, "its link to the master is down"),
        ((Send(b"-NOAUTH Authentication required.\r\n"),), Reason.AUTHENTICATION, "set password_file"),
        ((Send(b"-NOPERM no permissions\r\n"),), Reason.AUTHENTICATION, "may not do that"),
        ((Send(b"-DENIED protected mode\r\n"), Close()), Reason.REJECTED, "protected mode"),
        ((Send(b"-ERR max number of clients reached\r\n"), Close()), Reason.REJECTED, "max number of clients"),
        ((Send(b"+PANG\r\n"),), Reason.PROTOCOL, "the answer to PING is not PONG: 'PANG'"),
        ((Send(b"$4\r\nPONG\r\n"),), Reason.PROTOCOL, "not PONG"),
        ((Send(b":1\r\n"),), Reason.PROTOCOL, "not PONG: 1"),
        ((Send(b"$-1\r\n"),), Reason.PROTOCOL, "not PONG: nothing"),
        ((Send(b"+PONG\r\n+PONG\r\n"),), Reason.PROTOCOL, "more than it was asked"),
        ((Close(),), Reason.CLOSED, "instead of a reply"),
        ((Send(b"+PO"), Close()), Reason.CLOSED, "in the middle of a reply"),
        ((Reset(),), Reason.RESET, "reset"),
        ((Hang(),), Reason.DEADLINE, "still waiting for the first byte"),
        ((Send(b"+PONG\r\n"), INFO, Send(b"-NOPERM x\r\n")), Reason.AUTHENTICATION, "NOPERM x"),
        ((Send(b"+PONG\r\n"), INFO, Send(b"-ERR unknown command\r\n")), Reason.REJECTED, "INFO replication is an err"),
        ((Send(b"+PONG\r\n"), INFO, Send(b"+OK\r\n")), Reason.PROTOCOL, "no text"),
        ((Send(b"+PONG\r\n"), INFO, _bulk(b"role:sentinel\r\n")), Reason.PROTOCOL, "tells no role"),
        ((Send(b"+PONG\r\n"), INFO, _bulk(b"role:master\r\nconnected_slaves:--1\r\n")), Reason.PROTOCOL, "no number"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = _run(PING, *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


GET = Expect(command(b"GET", b"health"))


@pytest.mark.parametrize(
    ("answer", "settings", "reason"),
    [
        (b"$5\r\nready\r\n", {"value": b"ready"}, Reason.OK),
        (b"$5\r\nready\r\n", {}, Reason.OK),
        (b"$0\r\n\r\n", {"value": b""}, Reason.OK),
        (b"$6\r\nready2\r\n", {"value": b"ready"}, Reason.EXPECTATION),
        (b"$-1\r\n", {}, Reason.EXPECTATION),
        (b"$-1\r\n", {"value": b""}, Reason.EXPECTATION),
        (b"+ready\r\n", {"value": b"ready"}, Reason.PROTOCOL),
        (b"-WRONGTYPE Operation against a key\r\n", {}, Reason.REJECTED),
        (b"-MASTERDOWN x\r\n", {}, Reason.REJECTED),
    ],
)
def test_a_key_is_held_against_its_value(answer, settings, reason):
    assert reason is _run(*PONG, *MASTER, GET, Send(answer), key=b"health", **settings).reason


def test_without_a_password_the_demand_for_one_may_be_answer_enough():
    outcome = _run(PING, Send(b"-NOAUTH x\r\n"), login="optional")
    assert (Verdict.PASS, {"wants_password": True}) == (outcome.verdict, outcome.facts)
    assert Verdict.FAIL is _run(PING, Send(b"-LOADING x\r\n"), login="optional").verdict
    assert Verdict.PASS is _run(*PONG, *MASTER, login="optional").verdict


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username": "x"}, "give password_file too"),
        ({"username": "", "password": SECRET}, "leave it out for the default user"),
        ({"value": b"x"}, "give key too"),
        ({"role": "master", "lag_fail": 3}, "a master is never behind"),
        ({"lag_warn": 3, "lag_fail": 3}, "would never warn"),
        ({"login": "optional", "role": "master"}, "lets nothing else be asked"),
        ({"login": "optional", "password": SECRET}, "lets nothing else be asked"),
        ({"tls_warn_days": 30}, 'has no effect without tls = "implicit"'),
    ],
)
def test_settings_that_decide_nothing_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        RedisProbe(**settings)
