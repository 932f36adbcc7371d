"""smtp: greeting, EHLO or HELO, QUIT; never a word before the greeting has ended."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.base import aim
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.testing.network import (
    Close,
    Expect,
    Hang,
    Reset,
    Script,
    ScriptedConnector,
    Secure,
    Send,
    Wait,
    run_scripted,
)
from probes.mail_support import play, session

TARGET = Target(address="10.1.0.11", port=25, hostname="mail.example.org")
EHLO = Expect(b"EHLO localhost.localdomain\r\n")
QUIT = Expect(b"QUIT\r\n")


def _run(*steps, probe=None, target=TARGET, timeout=3):
    return run_scripted(probe or SmtpProbe(), target, ScriptedConnector(Script(*steps)), timeout)


@pytest.mark.parametrize("chunk", [1, 9, 999])
def test_a_whole_conversation(chunk):
    outcome = _run(
        Send(b"220-mail.example.org ESMTP\r\n220 be nice\r\n", chunk),
        EHLO,
        Send(b"250-mail.example.org\r\n250-SIZE 1000\r\n250 8BITMIME\r\n", chunk),
        QUIT,
        Send(b"221 bye\r\n", chunk),
        Close(),
    )
    assert (Verdict.PASS, "220 mail.example.org ESMTP be nice") == (outcome.verdict, outcome.detail)
    assert "mail.example.org ESMTP\nbe nice" == outcome.facts["banner"]


def test_a_slow_banner_is_waited_for():
    """A server with a greet pause drops clients that talk first; the script refuses a byte before its banner ends."""
    steps = (
        Wait(2),
        Send(b"220-wait\r\n"),
        Wait(2),
        Send(b"220 now\r\n"),
        EHLO,
        Send(b"250 ok\r\n"),
        QUIT,
        Send(b"221 x\r\n"),
    )
    outcome = _run(*steps, timeout=5)
    assert Verdict.PASS is outcome.verdict
    assert Reason.DEADLINE is _run(*steps, timeout=3).reason


def test_helo_where_ehlo_is_refused_for_good():
    helo = Expect(b"HELO localhost.localdomain\r\n")
    for code in (500, 501, 502, 504, 550):
        steps = (
            Send(b"220 x\r\n"),
            EHLO,
            Send(b"%d what\r\n" % code),
            helo,
            Send(b"250 ok\r\n"),
            QUIT,
            Send(b"221 x\r\n"),
        )
        assert Verdict.PASS is _run(*steps).verdict
    probe = SmtpProbe(command="HELO", helo="director.example.org")
    steps = Send(b"220 x\r\n"), Expect(b"HELO director.example.org\r\n"), Send(b"250 ok\r\n"), QUIT, Close()
    assert Verdict.PASS is _run(*steps, probe=probe).verdict


@pytest.mark.parametrize("end", [Close(), Reset()])
def test_who_is_refused_and_cut_off_at_ehlo_hears_why(end):
    """The reply to EHLO tells, not that the HELO after it finds nobody."""
    outcome = _run(
        Send(b"220 x\r\n"), EHLO, Send(b"550 5.7.1 blocked\r\n"), Expect(b"HELO localhost.localdomain\r\n"), end
    )
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "the answer to EHLO is a refusal: 550 5.7.1 blocked" == outcome.detail


@pytest.mark.parametrize("refusal", ["421 later", "451 eh", "521 no mail here", "554 no SMTP service here"])
def test_a_rejection_of_the_client_is_not_asked_again_by_helo(refusal):
    outcome = _run(Send(b"220 x\r\n"), EHLO, Send(f"{refusal}\r\n".encode()))
    assert (Reason.REJECTED, f"the answer to EHLO is a refusal: {refusal}") == (outcome.reason, outcome.detail)


@pytest.mark.parametrize("end", [(Close(),), (Reset(),), (Send(b"451 eh\r\n"),)])
def test_a_server_that_ends_without_221_has_served(end):
    assert Verdict.PASS is _run(Send(b"220 x\r\n"), EHLO, Send(b"250 x\r\n"), QUIT, *end).verdict


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Send(b"554 5.7.1 go away\r\n"), Close()), Reason.REJECTED, "the greeting is a refusal: 554 5.7.1 go away"),
        ((Send(b"421-too\r\n421 busy\r\n"), Close()), Reason.REJECTED, "421 too busy"),
        ((Send(b"250 eh\r\n"),), Reason.PROTOCOL, "the greeting is not 220: 250 eh"),
        ((Send(b"220-x\r\n250 y\r\n"),), Reason.PROTOCOL, "begins with 220 goes on with 250"),
        ((Send(b"SSH-2.0-x\r\n"),), Reason.PROTOCOL, "not an SMTP reply: b'SSH-2.0-x'"),
        ((Close(),), Reason.CLOSED, "instead of a reply"),
        ((Send(b"220-x\r\n"), Close()), Reason.CLOSED, "in the middle of a reply"),
        ((Send(b"220 x\r\n"), EHLO, Send(b"451 who\r\n")), Reason.REJECTED, "the answer to EHLO is a refusal: 451 who"),
        ((Send(b"220 x\r\n"), EHLO, Reset()), Reason.RESET, "reset"),
        (
            (Send(b"220-x\r\n"), Hang()),
            Reason.DEADLINE,
            "waiting for its whole greeting: a lookup of the director (ident",
        ),
        ((Send(b"220 x\r\n"), EHLO, Hang()), Reason.DEADLINE, "still waiting for the answer to EHLO"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = _run(*steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


REST = (EHLO, Send(b"250 x\r\n"), QUIT, Close())


def test_the_banner_is_held_against_the_expectation():
    probe = SmtpProbe(expect_banner=Regex(b"(?m)^be nice$"))
    assert Verdict.PASS is _run(Send(b"220-x\r\n220 be nice\r\n"), *REST, probe=probe).verdict
    assert Reason.EXPECTATION is _run(Send(b"220 x\r\n"), probe=probe).reason


@pytest.mark.parametrize(
    ("banner", "reason"),
    [
        (b"220 mail.example.org ESMTP\r\n", Reason.OK),
        (b"220 MAIL.example.ORG. ESMTP\r\n", Reason.OK),
        (b"220 rs1.example.org ESMTP for mail.example.org\r\n", Reason.EXPECTATION),
        (b"220\r\n", Reason.EXPECTATION),
    ],
)
def test_the_name_shown_is_the_clients(banner, reason):
    assert reason is _run(Send(banner), *REST, probe=SmtpProbe(expect_hostname=True)).reason


def test_a_probe_that_needs_a_name_says_so():
    probe = SmtpProbe(expect_hostname=True)
    with pytest.raises(ValueError, match="needs the hostname of the virtual service"):
        aim(probe, "10.1.0.11", 25)
    assert Verdict.UNKNOWN is _run(Send(b"220 x\r\n"), probe=probe, target=aim(SmtpProbe(), "10.1.0.11", 25)).verdict


@pytest.mark.parametrize(
    "settings",
    [{"helo": ""}, {"helo": "a b"}, {"helo": "a\r\nMAIL"}, {"helo": "ü"}, {"expect_banner": Regex(b".*")}],
)
def test_settings_that_no_server_takes_are_refused(settings):
    with pytest.raises(ValueError, match=r"helo: write|can never fail"):
        SmtpProbe(**settings)


OFFERS = "250-mail\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250-AUTH=LOGIN\r\n250 AUTH PLAIN LOGIN"
HELLO = ("220 mail.example.org", "C: EHLO localhost.localdomain", OFFERS)
BYE = ("C: QUIT", "221 bye")
CREDENTIALS = {"username": "probe", "password": Secret("secret")}


def test_what_must_be_offered():
    probe = SmtpProbe(extensions=("size",), auth=("LOGIN", "ANY"))
    outcome = play(probe, *HELLO, *BYE)
    assert Verdict.PASS is outcome.verdict
    assert ("SIZE STARTTLS AUTH", "LOGIN PLAIN LOGIN") == (outcome.facts["extensions"], outcome.facts["auth"])
    outcome = play(SmtpProbe(extensions=("8BITMIME",)), *HELLO)
    assert "8BITMIME is not offered: offered are SIZE STARTTLS AUTH" == outcome.detail
    outcome = play(SmtpProbe(auth=("CRAM-MD5",)), *HELLO)
    assert "AUTH CRAM-MD5 is not offered: offered are LOGIN PLAIN LOGIN" == outcome.detail
    outcome = play(SmtpProbe(auth=("ANY",)), *HELLO[:2], "250 mail")
    assert (Reason.EXPECTATION, "AUTH ANY is not offered: no AUTH is offered at all") == (
        outcome.reason,
        outcome.detail,
    )


def test_a_greeting_that_takes_long_is_told():
    """From one second on in the detail, over slow_banner as a WARN; half banners count to their end."""
    steps = (Wait(0.4), "220-wait", Wait(1.2), "220 now", *HELLO[1:], *BYE)
    outcome = play(SmtpProbe(), *steps)
    assert (Verdict.PASS, 1.6) == (outcome.verdict, outcome.facts["banner_seconds"])
    assert "220 wait now, a slow banner: it took 1.6 s" == outcome.detail
    outcome = play(SmtpProbe(slow_banner=1.5), *steps)
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)
    slow = (Wait(9), *HELLO, *BYE)
    assert (Verdict.WARN, Verdict.PASS) == (
        play(SmtpProbe(), *slow).verdict,
        play(SmtpProbe(slow_banner=0), *slow).verdict,
    )
    assert "slow" not in play(SmtpProbe(), *HELLO, *BYE).detail


@pytest.mark.parametrize("early", ["220 x\r\n250 x", "220 x\r\n221 bye\r\n"])
def test_a_server_that_answers_before_it_is_asked_does_not_pass(early):
    outcome = play(SmtpProbe(), early)
    assert (Verdict.FAIL, Reason.PROTOCOL) == (outcome.verdict, outcome.reason)
    assert "more than it was asked" in outcome.detail


def test_an_envelope_is_named_and_taken_back():
    probe = SmtpProbe(mail_from="probe@example.org", rcpt_to="postmaster@example.org")
    envelope = ("C: MAIL FROM:<probe@example.org>", "250 ok", "C: RCPT TO:<postmaster@example.org>")
    for taken in ("250 ok", "251 there", "252 it shall be tried"):
        assert Verdict.PASS is play(probe, *HELLO, *envelope, taken, "C: RSET", "250 ok", *BYE).verdict
    null = ("C: MAIL FROM:<>", "250 ok", "C: RSET", "250 ok")
    assert Verdict.PASS is play(SmtpProbe(mail_from=""), *HELLO, *null, *BYE).verdict
    steps = ("C: MAIL FROM:<>", "250 ok", "C: RCPT TO:<x@example.org>", "550 who")
    outcome = play(SmtpProbe(rcpt_to="x@example.org"), *HELLO, *steps)
    assert "the answer to RCPT TO:<x@example.org> is a refusal: 550 who" == outcome.detail
    assert Reason.REJECTED is play(SmtpProbe(mail_from=""), *HELLO, "C: MAIL FROM:<>", "451 later").reason
    assert Reason.PROTOCOL is play(SmtpProbe(mail_from=""), *HELLO, *null[:3], "220 eh").reason


def test_no_secret_stands_in_what_was_waited_for():
    """A line of AUTH LOGIN is nothing but the secret."""
    login = (
        *HELLO[:2],
        "250-x\r\n250 AUTH LOGIN",
        "C: AUTH LOGIN",
        "334 VXNlcm5hbWU6",
        "C: cHJvYmU=",
        "334 UGFzc3dvcmQ6",
    )
    outcome = play(SmtpProbe(**CREDENTIALS), *login, "C: c2VjcmV0", Hang())
    assert outcome.detail.endswith("still waiting for the answer to the password")


def test_logins():
    plain = ("C: AUTH PLAIN AHByb2JlAHNlY3JldA==",)
    probe = SmtpProbe(**CREDENTIALS)
    assert Verdict.PASS is play(probe, *HELLO, *plain, "235 in", *BYE).verdict
    refused = play(probe, *HELLO, *plain, "535 5.7.8 no")
    assert (Reason.AUTHENTICATION, "the login is refused: 535 5.7.8 no") == (refused.reason, refused.detail)
    assert Reason.REJECTED is play(probe, *HELLO, *plain, "454 4.7.0 later").reason
    login = (
        *HELLO[:2],
        "250-x\r\n250 AUTH LOGIN",
        "C: AUTH LOGIN",
        "334 VXNlcm5hbWU6",
        "C: cHJvYmU=",
        "334 UGFzc3dvcmQ6",
    )
    assert Verdict.PASS is play(probe, *login, "C: c2VjcmV0", "235 in", *BYE).verdict
    assert "neither AUTH PLAIN nor LOGIN" in play(probe, *HELLO[:2], "250-x\r\n250 AUTH GSSAPI").detail


STARTTLS = SmtpProbe(tls="starttls")


def test_starttls_says_hello_again_within_tls():
    outcome = play(STARTTLS, *HELLO, "C: STARTTLS", "220 go", Secure(session()), HELLO[1], "250 mail", *BYE)
    assert (Verdict.PASS, "220 mail.example.org, certificate good for 100 days") == (outcome.verdict, outcome.detail)
    assert "extensions" not in outcome.facts


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((*HELLO[:2], "250 mail"), Reason.EXPECTATION, "STARTTLS is not offered: no extension is offered at all"),
        ((*HELLO, "C: STARTTLS", "454 later"), Reason.REJECTED, "the answer to STARTTLS is a refusal: 454 later"),
        ((*HELLO, "C: STARTTLS", "250 eh"), Reason.PROTOCOL, "the answer to STARTTLS is not 220"),
        ((*HELLO, "C: STARTTLS", "220 go\r\n250 injected"), Reason.PROTOCOL, "more than it was asked"),
        ((*HELLO, "C: STARTTLS", "220 go", Secure(session("rs1.example.org"))), Reason.CERTIFICATE, "rs1.example.org"),
        ((*HELLO, "C: STARTTLS", "220 go", Secure(session()), HELLO[1], "453 eh"), Reason.REJECTED, "453 eh"),
    ],
)
def test_starttls_that_fails_says_why(steps, reason, words):
    outcome = play(STARTTLS, *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_tls_from_the_start():
    assert Verdict.PASS is play(SmtpProbe(tls="implicit"), Secure(session()), *HELLO, *BYE).verdict


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"command": "HELO", "tls": "starttls"}, "command: after HELO nothing is offered"),
        ({"command": "HELO", "auth": ("ANY",)}, "command: after HELO nothing is offered"),
        ({"extensions": ("AUTH",)}, "extensions: write keywords"),
        ({"extensions": ("A B",)}, "extensions: write keywords"),
        ({"auth": ("plain",)}, "auth: write mechanisms in capitals"),
        ({"mail_from": "a>b"}, "mail_from: write an address"),
        ({"rcpt_to": ""}, "rcpt_to: write an address"),
        ({"rcpt_to": "x\r\nDATA"}, "rcpt_to: write an address"),
        ({"username": "x"}, "give both or none"),
        ({"tls_ca_file": "/x.pem"}, "tls_ca_file: has no effect without tls"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        SmtpProbe(**settings)


def test_the_certificate_makes_the_name_matter():
    assert (False, True) == (SmtpProbe().uses_hostname, STARTTLS.uses_hostname)
    assert SmtpProbe().memory_bound < STARTTLS.memory_bound
