"""pop3: greeting, capabilities, TLS, login by two ways, counting, and which refusal says what."""

import pytest

from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.pop3 import Pop3Probe
from lvsmon.testing.network import Close, Hang, Reset, Secure
from probes.mail_support import play, session

CAPA = ("C: CAPA", "+OK list\r\nTOP\r\nUIDL\r\nSTLS\r\nSASL PLAIN\r\n.")
QUIT = ("C: QUIT", "+OK bye")
LOGIN = Pop3Probe(username="probe", password=Secret("pass word"))


def test_a_whole_conversation():
    outcome = play(Pop3Probe(capabilities=("uidl", "SASL")), "+OK ready", *CAPA, *QUIT, Close())
    assert (Verdict.PASS, "+OK ready") == (outcome.verdict, outcome.detail)
    assert {"banner": "ready", "capabilities": "TOP, UIDL, STLS, SASL PLAIN"} == outcome.facts


@pytest.mark.parametrize("end", [Close(), Reset(), "-ERR eh"])
def test_a_server_that_ends_without_ok_has_served(end):
    assert Verdict.PASS is play(Pop3Probe(), "+OK", *CAPA, "C: QUIT", end).verdict


def test_a_server_older_than_capa_passes():
    assert Verdict.PASS is play(Pop3Probe(), "+OK", "C: CAPA", "-ERR what", *QUIT).verdict
    outcome = play(Pop3Probe(capabilities=("UIDL",)), "+OK", "C: CAPA", "-ERR what")
    assert (Reason.EXPECTATION, "UIDL is not offered: it does not know CAPA") == (outcome.reason, outcome.detail)


def test_a_login_counts_the_mail():
    outcome = play(
        LOGIN, "+OK", *CAPA, "C: USER probe", "+OK", "C: PASS pass word", "+OK", "C: STAT", "+OK 3 120", *QUIT
    )
    assert (Verdict.PASS, "logged in, 3 messages") == (outcome.verdict, outcome.detail)
    assert (3, 120) == (outcome.facts["messages"], outcome.facts["octets"])


def test_apop_sends_the_digest_of_rfc_1939():
    """The example of its section 7."""
    probe = Pop3Probe(username="mrose", password=Secret("tanstaaf"), apop=True)
    banner = "+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>"
    apop = "C: APOP mrose c4c9334bac560ecc979e58001b3e22fb"
    assert Verdict.PASS is play(probe, banner, *CAPA, apop, "+OK", "C: STAT", "+OK 1 369", *QUIT).verdict
    assert "the greeting has no timestamp" in play(probe, "+OK ready", *CAPA).detail


@pytest.mark.parametrize(
    ("refusal", "verdict", "reason", "words"),
    [
        ("-ERR [AUTH] no", Verdict.FAIL, Reason.AUTHENTICATION, "the login is refused: -ERR [AUTH] no"),
        ("-ERR no", Verdict.FAIL, Reason.AUTHENTICATION, "the login is refused"),
        ("-ERR [SYS/TEMP] no", Verdict.FAIL, Reason.REJECTED, "out of order for now"),
        ("-ERR [SYS/PERM] no", Verdict.FAIL, Reason.REJECTED, "until somebody repairs it"),
        ("-ERR [IN-USE] no", Verdict.WARN, Reason.DEGRADED, "another session holds the mailbox"),
        ("-ERR [LOGIN-DELAY 60] no", Verdict.WARN, Reason.DEGRADED, "probe less often"),
    ],
)
def test_refused_logins_are_told_apart(refusal, verdict, reason, words):
    """What says nothing against the realserver does not take it out."""
    steps = ("+OK", *CAPA, "C: USER probe", "+OK", "C: PASS pass word", refusal, *QUIT)
    outcome = play(LOGIN, *steps)
    assert (verdict, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail
    assert "pass word" not in outcome.detail


@pytest.mark.parametrize("stat", ["+OK", "+OK three 5", "+OK 3", "+OK 99999999999 1"])
def test_stat_without_its_numbers_is_no_answer(stat):
    steps = ("+OK", *CAPA, "C: USER probe", "+OK", "C: PASS pass word", "+OK", "C: STAT", stat)
    assert Reason.PROTOCOL is play(LOGIN, *steps).reason


STARTTLS = Pop3Probe(tls="starttls")


def test_stls_asks_again_within_tls():
    outcome = play(STARTTLS, "+OK", *CAPA, "C: STLS", "+OK go", Secure(session()), *CAPA, *QUIT)
    assert Verdict.PASS is outcome.verdict
    assert ("+OK, certificate good for 100 days", 100) == (outcome.detail, outcome.facts["certificate_days"])


def test_stls_is_tried_where_capabilities_are_not_told():
    old = ("C: CAPA", "-ERR what")
    assert Verdict.PASS is play(STARTTLS, "+OK", *old, "C: STLS", "+OK", Secure(session()), *old, *QUIT).verdict


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        (("C: CAPA", "+OK\r\nTOP\r\n."), Reason.EXPECTATION, "STLS is not offered: offered are TOP"),
        ((*CAPA, "C: STLS", "-ERR no"), Reason.REJECTED, "the answer to STLS is a refusal"),
        ((*CAPA, "C: STLS", "+OK go\r\n+OK injected"), Reason.PROTOCOL, "more than it was asked"),
        ((*CAPA, "C: STLS", "+OK", Secure(session("other.example.org"))), Reason.CERTIFICATE, "other.example.org"),
    ],
)
def test_stls_that_fails_says_why(steps, reason, words):
    outcome = play(STARTTLS, "+OK", *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_tls_from_the_start():
    assert Verdict.PASS is play(Pop3Probe(tls="implicit"), Secure(session()), "+OK", *CAPA, *QUIT).verdict


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        (("-ERR [SYS/TEMP] later",), Reason.REJECTED, "the greeting is a refusal: -ERR [SYS/TEMP] later"),
        (("* OK IMAP4rev1",), Reason.PROTOCOL, "not a POP3 answer: b'* OK IMAP4rev1'"),
        (("220 mail ESMTP",), Reason.PROTOCOL, "not a POP3 answer"),
        (("+OK\r\n+OK",), Reason.PROTOCOL, "more than it was asked: '+OK'"),
        ((Close(),), Reason.CLOSED, "instead of an answer"),
        (("+OK", "C: CAPA", "+OK\r\nTOP", Close()), Reason.CLOSED, "in the middle of an answer"),
        (("+OK", "C: CAPA", Hang()), Reason.DEADLINE, "no answer within"),
        ((Reset(),), Reason.RESET, "reset"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = play(Pop3Probe(), *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_the_banner_is_held_against_the_expectation():
    probe = Pop3Probe(expect_banner=Regex(b"^Dovecot"))
    assert Verdict.PASS is play(probe, "+OK Dovecot ready", *CAPA, *QUIT).verdict
    assert Reason.EXPECTATION is play(probe, "+OK qpopper").reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username": "x"}, "give both or none"),
        ({"username": "x\r\nDELE 1", "password": Secret("y")}, "username: write 1 to"),
        ({"username": "x", "password": Secret("y\n")}, "password: write 1 to"),
        ({"apop": True}, "apop: has no effect"),
        ({"username": "a b", "password": Secret("y"), "apop": True}, "cannot carry a space"),
        ({"capabilities": ("A B",)}, "capabilities: write names"),
        ({"expect_banner": Regex(b".*")}, "can never fail"),
        ({"tls_name": "x.example.org"}, 'no effect without tls = "starttls" or tls = "implicit"'),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Pop3Probe(**settings)


def test_only_the_certificate_makes_the_name_matter():
    assert not Pop3Probe().uses_hostname
    assert STARTTLS.uses_hostname
    assert not Pop3Probe(tls="starttls", tls_name="x.example.org").uses_hostname
    assert Pop3Probe().memory_bound < STARTTLS.memory_bound
