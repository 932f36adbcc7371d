"""smtp: greeting, EHLO or HELO, QUIT; never a word before the greeting has ended."""

import re

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.probes.base import aim
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, Wait, run_scripted

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


def test_helo_where_ehlo_is_not_known():
    helo = Expect(b"HELO localhost.localdomain\r\n")
    for code in (500, 502, 504):
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
        ((Send(b"220 x\r\n"), EHLO, Send(b"550 who\r\n")), Reason.REJECTED, "the answer to EHLO is a refusal: 550 who"),
        ((Send(b"220 x\r\n"), EHLO, Reset()), Reason.RESET, "reset"),
        ((Send(b"220 x\r\n"), EHLO, Send(b"250 x\r\n"), QUIT, Hang()), Reason.DEADLINE, "still talking"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = _run(*steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


REST = (EHLO, Send(b"250 x\r\n"), QUIT, Close())


def test_the_banner_is_held_against_the_expectation():
    probe = SmtpProbe(expect_banner=re.compile(b"(?m)^be nice$"))
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
    [{"helo": ""}, {"helo": "a b"}, {"helo": "a\r\nMAIL"}, {"helo": "ü"}, {"expect_banner": re.compile(b".*")}],
)
def test_settings_that_no_server_takes_are_refused(settings):
    with pytest.raises(ValueError, match=r"helo: write|can never fail"):
        SmtpProbe(**settings)
