"""pgsql: as far as the demand for a password, or logged in, with the answer and the role wanted."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.pgsql import PgsqlProbe
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, Until, run_scripted
from lvsmon.wire import pgsql

TARGET = Target(address="10.1.0.11", port=5432)
SECRET = Secret("s3cret")


def _says(kind, body=b""):
    return kind + (len(body) + 4).to_bytes(4) + body


def _asks(method, more=b""):
    return Send(_says(b"R", method.to_bytes(4) + more), 3)


def _error(sqlstate, text, severity="FATAL"):
    return Send(_says(b"E", f"S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0\0".encode()))


def _row(*columns):
    body = len(columns).to_bytes(2)
    for column in columns:
        body += b"\xff\xff\xff\xff" if column is None else len(column).to_bytes(4) + column
    return _says(b"D", body)


OK = _asks(0)
READY = Send(_says(b"S", b"server_version\x0015.6\0") + _says(b"K", bytes(8)) + _says(b"Z", b"I"), 7)
NOBODY = Expect(pgsql.startup("lvsmon", None))
USER = Expect(pgsql.startup("probe", "shop"))
IN = (USER, OK, READY)
END = Expect(pgsql.TERMINATE)
SELECT = Expect(pgsql.query("SELECT 1"))
STATE = Until(b"timestamp()) END\0")
DONE = _says(b"C", b"SELECT 1\0") + _says(b"Z", b"I")


def _run(*steps, **settings):
    return run_scripted(PgsqlProbe(**settings), TARGET, ScriptedConnector(Script(*steps)), 3)


def _run_in(*steps, **settings):
    return _run(*steps, user="probe", database="shop", **settings)


@pytest.mark.parametrize(
    ("steps", "auth"),
    [
        ((_asks(10, b"SCRAM-SHA-256\0\0"),), "scram-sha-256"),
        ((_asks(5, b"salt"),), "md5"),
        ((_asks(3),), "password"),
        ((_asks(99),), "other"),
        ((OK, READY, END), "trust"),
        ((OK, _error("3D000", "no database"), END), "refused"),
        ((_error("28000", "no pg_hba.conf entry"),), "refused"),
        ((Send(_says(b"N", b"SNOTICE\0\0")), _asks(3)), "password"),
    ],
)
def test_without_a_user_the_demand_for_one_is_answer_enough(steps, auth):
    outcome = _run(NOBODY, *steps)
    assert (Verdict.PASS, {"auth": auth}) == (outcome.verdict, outcome.facts)


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((_error("57P03", "the database system is starting up"),), Reason.REJECTED, "takes no connections now: FATAL"),
        ((_error("53300", "sorry, too many clients already"),), Reason.REJECTED, "it has too many connections: FATAL"),
        (
            (
                OK,
                _error("53300", "too many"),
            ),
            Reason.REJECTED,
            "53300",
        ),
        ((OK, Send(DONE)), Reason.PROTOCOL, "'C' where the server should be ready"),
        ((Send(_says(b"Z", b"I")),), Reason.PROTOCOL, "'Z' where the server should ask who we are"),
        ((Send(_says(b"R", b"\0")),), Reason.PROTOCOL, "should ask who we are"),
        ((Send(_says(b"E", b"\0")),), Reason.PROTOCOL, "without its SQLSTATE"),
        ((Send(b"HTTP/1.1 400 Bad Request"),), Reason.PROTOCOL, "not a message of PostgreSQL"),
        ((Send(_says(b"N", bytes(60000)) * 20),), Reason.PROTOCOL, "it says more than"),
        ((Close(),), Reason.CLOSED, "instead of a message"),
        ((Send(b"R\0\0"), Close()), Reason.CLOSED, "in the middle of a message"),
        ((Reset(),), Reason.RESET, "reset"),
        ((Hang(),), Reason.DEADLINE, "waiting for the first byte"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = _run(NOBODY, *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("asks", "answer"),
    [
        (_asks(3), pgsql.password(b"s3cret")),
        (_asks(5, b"salt"), pgsql.password(pgsql.md5("probe", "s3cret", b"salt"))),
    ],
)
def test_passwords_in_clear_text_and_hashed(asks, answer):
    outcome = _run_in(USER, asks, Expect(answer), OK, READY, END, password=SECRET)
    assert (Verdict.PASS, "15.6") == (outcome.verdict, outcome.facts["version"])
    outcome = _run_in(USER, asks, Expect(answer), _error("28P01", "no"), password=SECRET)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(
    ("steps", "settings", "reason", "words"),
    [
        ((_asks(3),), {}, Reason.AUTHENTICATION, "it wants a password (password): set password_file"),
        ((_asks(7),), {"password": SECRET}, Reason.AUTHENTICATION, "a login by gss"),
        ((_asks(3), Until(b"s3cret\0"), _asks(3)), {"password": SECRET}, Reason.PROTOCOL, "goes on asking"),
        ((_asks(10, b"OTHER\0\0"),), {"password": SECRET}, Reason.PROTOCOL, "not by SCRAM-SHA-256"),
        ((_asks(10, b"SCRAM-SHA-256\0\0"), Until(b"r="), OK), {"password": SECRET}, Reason.PROTOCOL, "does not go on"),
        ((_asks(10, b"SCRAM-SHA-256\0\0"), Until(b"r="), _asks(11, b"r=x")), {"password": SECRET}, Reason.PROTOCOL, ""),
        ((_error("3D000", 'database "shop" does not exist'),), {}, Reason.AUTHENTICATION, "3D000"),
    ],
)  # fmt: skip
def test_logins_that_fail(steps, settings, reason, words):
    outcome = _run_in(USER, *steps, **settings)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail
    assert "s3cret" not in outcome.detail


@pytest.mark.parametrize(
    ("answer", "value", "reason"),
    [
        (_row(b"1") + DONE, "1", Reason.OK),
        (_row(b"1", b"2") + _row(b"3") + DONE, "1", Reason.OK),
        (_row(None) + DONE, None, Reason.OK),
        (_row(None) + DONE, "", Reason.EXPECTATION),
        (_row(b"11") + DONE, "1", Reason.EXPECTATION),
        (DONE, None, Reason.EXPECTATION),
        (_row() + DONE, None, Reason.EXPECTATION),
        (_says(b"I") + _says(b"Z", b"I"), None, Reason.EXPECTATION),
        (_row(b"1") + _says(b"Z", b"I"), "1", Reason.PROTOCOL),
        (_row(b"1") + _says(b"R", bytes(4)), "1", Reason.PROTOCOL),
        (_says(b"D", b"\0\1\0") + DONE, "1", Reason.PROTOCOL),
        (_row(b"x" * 60000) * 20 + DONE, None, Reason.PROTOCOL),
        (_row(b"1") + _says(b"E", b"SERROR\0C22012\0Mdivision by zero\0\0") + _says(b"Z", b"I"), "1", Reason.REJECTED),
    ],
)
def test_a_query_is_held_against_its_value(answer, value, reason):
    said = Send(_says(b"T", b"\0\1") + answer)
    assert reason is _run_in(*IN, SELECT, said, END, query="SELECT 1", value=value).reason


@pytest.mark.parametrize(
    ("columns", "settings", "verdict", "words"),
    [
        ((b"primary", None), {"role": "primary"}, Verdict.PASS, "logged in"),
        ((b"primary", None), {"role": "replica"}, Verdict.FAIL, "it is a primary, wanted is a replica"),
        ((b"primary", None), {"lag_fail": 9}, Verdict.PASS, "logged in"),
        ((b"replica", b"0"), {"role": "primary"}, Verdict.FAIL, "it is a replica"),
        ((b"replica", b"-0.5"), {"role": "replica", "lag_fail": 9}, Verdict.PASS, "logged in"),
        ((b"replica", b"8.5"), {"lag_warn": 8, "lag_fail": 9}, Verdict.WARN, "8.5 s behind"),
        ((b"replica", b"9.5"), {"lag_warn": 8, "lag_fail": 9}, Verdict.FAIL, "9.5 s behind"),
        ((b"replica", None), {"lag_fail": 9}, Verdict.FAIL, "its lag is not known"),
        ((b"replica", None), {"role": "replica"}, Verdict.PASS, "logged in"),
        ((b"replica", b"nan"), {"lag_fail": 9}, Verdict.FAIL, "about its role"),
        ((b"replica", b"x"), {"role": "replica"}, Verdict.FAIL, "about its role"),
        ((b"\xff", None), {"role": "replica"}, Verdict.FAIL, "about its role"),
        ((b"replica",), {"role": "replica"}, Verdict.FAIL, "about its role"),
    ],
)
def test_role_and_lag(columns, settings, verdict, words):
    outcome = _run_in(*IN, STATE, Send(_row(*columns) + DONE), END, **settings)
    assert verdict is outcome.verdict, outcome
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((Send(b"N"),), Reason.TLS),
        ((Send(b"E"),), Reason.PROTOCOL),
        ((Send(b"H"),), Reason.PROTOCOL),
        ((Close(),), Reason.CLOSED),
        ((Hang(),), Reason.DEADLINE),
    ],
)
def test_a_server_without_tls(steps, reason):
    outcome = _run(Expect(pgsql.SSL_REQUEST), *steps, tls="starttls")
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"password": SECRET}, "need a user"),
        ({"query": "SELECT 1"}, "need a user"),
        ({"role": "replica"}, "need a user"),
        ({"lag_fail": 1}, "need a user"),
        ({"user": "", "password": SECRET}, "user: must not be empty"),
        ({"user": "x", "query": " "}, "query: must not be empty"),
        ({"database": "a\0b"}, "zero byte"),
        ({"user": "x", "value": "1"}, "give query too"),
        ({"user": "x", "role": "primary", "lag_fail": 1}, "a primary is never behind"),
        ({"user": "x", "tls_verify": False}, 'has no effect without tls = "starttls"'),
    ],
)
def test_settings_that_decide_nothing_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        PgsqlProbe(**settings)
