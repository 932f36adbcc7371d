"""mysql: refused as nobody, or logged in, with the answer, the state and the lag wanted."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.mysql import MysqlProbe
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, run_scripted
from lvsmon.wire import mysql

TARGET = Target(address="10.1.0.11", port=3306)
SECRET = Secret("s3cret")
SALT = bytes(range(1, 21))
OTHER = bytes(range(31, 51))


def _greeting(plugin=mysql.SHA2, flags=0xDFFFF7FF):
    low, high = (flags & 0xFFFF).to_bytes(2, "little"), (flags >> 16).to_bytes(2, "little")
    body = b"\x0a8.0.36\0" + bytes(4) + SALT[:8] + b"\0" + low + b"\xff\2\0" + high + b"\x15" + bytes(10)
    return Send(mysql.packet(0, body + SALT[8:] + b"\0" + plugin.encode() + b"\0"), 5)


def _says(*bodies, first=2):
    return Send(b"".join(mysql.packet(first + number, body) for number, body in enumerate(bodies)))


def _error(code, text="x", state=b"#28000"):
    return _says(b"\xff" + code.to_bytes(2, "little") + state + text.encode())


def _login(user, plugin=mysql.SHA2, secret=""):
    return Expect(mysql.login(user, None, mysql.proof(plugin, secret, SALT), plugin, tls=False))


def _column(name):
    return b"\3def\0\0\0" + bytes((len(name),)) + name.encode() + b"\0\x0c" + bytes(12)


def _answer(names, *rows):
    end = b"\xfe\0\0\2\0"
    packed = [b"".join(b"\xfb" if one is None else bytes((len(one),)) + one for one in row) for row in rows]
    return _says(bytes((len(names),)), *map(_column, names), end, *packed, end, first=1)


OK = _says(b"\0\0\0\2\0\0\0")
NOBODY = (_greeting(), _login("lvsmon"))
IN = (_greeting(), _login("probe", secret="s3cret"), _says(b"\1\3", b"\0\0\0\2\0\0\0"))
QUIT = Expect(mysql.QUIT)
LOGIN = {"user": "probe", "password": SECRET}


def _run(*steps, **settings):
    return run_scripted(MysqlProbe(**settings), TARGET, ScriptedConnector(Script(*steps)), 3)


def _asks(sql):
    return Expect(mysql.query(sql))


@pytest.mark.parametrize(
    "steps",
    [
        (*NOBODY, _error(1045, "Access denied")),
        (*NOBODY, OK, QUIT),
        (_error(1130, "Host is not allowed", b""),),
        (*NOBODY, _says(b"\xfeclient_ed25519\0" + OTHER), Expect(mysql.packet(3, b"")), _error(1045)),
    ],
)
def test_without_a_user_a_refused_login_is_answer_enough(steps):
    outcome = _run(*steps)
    assert (Verdict.PASS, "takes logins") == (outcome.verdict, outcome.detail)


def test_a_server_that_has_blocked_the_director_says_nothing_of_itself():
    """Its clients are other hosts, and it serves them."""
    outcome = _run(_error(1129, "Host is blocked", b""))
    assert (Verdict.UNKNOWN, Reason.LOCAL_PERMISSION) == (outcome.verdict, outcome.reason)
    assert "run FLUSH HOSTS there: error 1129: Host is blocked" in outcome.detail


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((_error(1040, "Too many connections", b""),), Reason.REJECTED, "it has too many connections: error 1040"),
        ((*NOBODY, _error(1053, "Server shutdown in progress")), Reason.REJECTED, "it is shutting down"),
        ((_greeting(flags=0x0DF7),), Reason.PROTOCOL, "older than MySQL 4.1"),
        ((_says(b"\x09x\0"),), Reason.PROTOCOL, "protocol 9"),
        ((_says(b""),), Reason.PROTOCOL, "an empty packet"),
        ((Send(b"SSH-2.0-x\r\n"),), Reason.PROTOCOL, "not a packet of MySQL"),
        ((*NOBODY, _says(b"\7what")), Reason.PROTOCOL, "not an answer to a login"),
        ((Close(),), Reason.CLOSED, "instead of a packet"),
        ((Send(b"\5\0"), Close()), Reason.CLOSED, "in the middle of a packet"),
        ((Reset(),), Reason.RESET, "reset"),
        ((*NOBODY, Hang()), Reason.DEADLINE, ""),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = _run(*steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


def test_logins_by_both_plugins_and_by_a_switch():
    native = (_greeting(mysql.NATIVE), _login("probe", mysql.NATIVE, "s3cret"), OK, QUIT)
    switched = Expect(mysql.packet(3, mysql.proof(mysql.NATIVE, "s3cret", OTHER)))
    switch = (*IN[:2], _says(b"\xfemysql_native_password\0" + OTHER + b"\0"), switched, OK, QUIT)
    for steps in ((*IN, QUIT), native, switch):
        outcome = _run(*steps, **LOGIN)
        assert (Verdict.PASS, "8.0.36") == (outcome.verdict, outcome.facts["version"]), outcome


def test_the_whole_password_is_sealed_with_the_servers_key(monkeypatch):
    """As after each start of MySQL 8: it says 4, is asked for its key, tells it, and gets what only it can open."""
    monkeypatch.setattr(mysql, "sealed", lambda *given: b"|".join(map(bytes, (given[0].encode(), *given[1:]))))
    pem = b"-----BEGIN PUBLIC KEY-----\nxyz\n"
    asks = (_says(b"\1\4"), Expect(mysql.packet(3, b"\2")), _says(b"\1" + pem, first=4))
    sealed = Expect(mysql.packet(5, b"s3cret|" + SALT + b"|" + pem))
    outcome = _run(*IN[:2], *asks, sealed, _says(b"\0\0\0\2\0\0\0", first=6), QUIT, get_server_public_key=True, **LOGIN)
    assert (Verdict.PASS, "logged in") == (outcome.verdict, outcome.detail), outcome
    refused = _run(*IN[:2], *asks, sealed, _error(1045), get_server_public_key=True, **LOGIN)
    assert Reason.AUTHENTICATION is refused.reason
    unasked = _run(*IN[:2], _says(b"\1" + pem), **LOGIN)
    assert Reason.PROTOCOL is unasked.reason


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((_error(1045, "Access denied"),), Reason.AUTHENTICATION, "error 1045: Access denied"),
        ((_says(b"\1\4"),), Reason.AUTHENTICATION, 'set tls = "starttls"'),
        ((_says(b"\xfeclient_ed25519\0" + OTHER),), Reason.AUTHENTICATION, "a login by client_ed25519"),
        ((_says(*[b"\1\3"] * 9),), Reason.PROTOCOL, "goes on asking"),
        ((_says(b"\1\5"),), Reason.PROTOCOL, "not an answer to a login"),
    ],
)
def test_logins_that_fail(steps, reason, words):
    outcome = _run(*IN[:2], *steps, **LOGIN)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("answer", "value", "reason"),
    [
        (_answer(["x"], [b"1"]), "1", Reason.OK),
        (_answer(["x", "x"], [b"1", b"2"], [b"3", b"4"]), "1", Reason.OK),
        (_answer(["x"], [None]), None, Reason.OK),
        (_answer(["x"], [None]), "", Reason.EXPECTATION),
        (_answer(["x"], [b"11"]), "1", Reason.EXPECTATION),
        (_answer(["x"]), None, Reason.EXPECTATION),
        (OK, None, Reason.EXPECTATION),
        (_error(1146, "no such table"), None, Reason.REJECTED),
        (_says(b"\xfb", first=1), None, Reason.PROTOCOL),
        (_says(b"\1", _column("x"), _column("y"), first=1), None, Reason.PROTOCOL),
    ],
)
def test_a_query_is_held_against_its_value(answer, value, reason):
    assert reason is _run(*IN, _asks("SELECT 1"), answer, QUIT, query="SELECT 1", value=value, **LOGIN).reason


@pytest.mark.parametrize(
    ("state", "wanted", "reason"),
    [
        (b"1", True, Reason.OK),
        (b"0", False, Reason.OK),
        (b"0", True, Reason.EXPECTATION),
        (b"1", False, Reason.EXPECTATION),
        (b"ON", True, Reason.PROTOCOL),
        (None, False, Reason.PROTOCOL),
    ],
)
def test_read_only(state, wanted, reason):
    steps = (_asks("SELECT @@global.read_only"), _answer(["x"], [state]), QUIT)
    assert reason is _run(*IN, *steps, read_only=wanted, **LOGIN).reason


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        (_answer(["Seconds_Behind_Source"], [b"5"]), Verdict.PASS, "logged in"),
        (_answer(["Seconds_Behind_Master"], [b"6"]), Verdict.WARN, "6.0 s behind: lag_warn is 5s"),
        (_answer(["Seconds_Behind_Source"], [b"11"]), Verdict.FAIL, "11.0 s behind: lag_fail is 10s"),
        (_answer(["Seconds_Behind_Source", "Last_IO_Error"], [None, b"no"]), Verdict.FAIL, "stands still: no"),
        (_answer(["Seconds_Behind_Source"], [None]), Verdict.FAIL, "stands still: stopped"),
        (_answer(["x"]), Verdict.FAIL, "it is no replica"),
        (_answer(["Seconds_Behind_Source"], [b"x"]), Verdict.FAIL, "no number"),
        (_error(1227, "you need REPLICA MONITOR"), Verdict.FAIL, "REPLICA MONITOR"),
    ],
)
def test_lag(answer, verdict, words):
    limits = {"lag_warn": 5, "lag_fail": 10}
    for before in ((), (_error(1064, "syntax"), _asks("SHOW SLAVE STATUS"))):
        outcome = _run(*IN, _asks("SHOW REPLICA STATUS"), *before, answer, QUIT, **limits, **LOGIN)
        assert verdict is outcome.verdict, outcome
        assert words in outcome.detail


def test_a_server_without_tls():
    assert Reason.TLS is _run(_greeting(flags=0xDFFFF7FF), tls="starttls").reason
    assert Reason.REJECTED is _run(_error(1040, state=b""), tls="starttls").reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"password": SECRET}, "need a user"),
        ({"read_only": False}, "need a user"),
        ({"lag_fail": 1}, "need a user"),
        ({"user": ""}, "user: must not be empty"),
        ({"user": "x", "query": ""}, "query: must not be empty"),
        ({"user": "x", "value": "1"}, "give query too"),
        ({"get_server_public_key": True}, "no password to encrypt"),
        ({**LOGIN, "get_server_public_key": True, "tls": "starttls"}, "get_server_public_key: has no effect with tls"),
        ({"tls_sni": "x"}, 'has no effect without tls = "starttls"'),
    ],
)
def test_settings_that_decide_nothing_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        MysqlProbe(**settings)
