"""One rule for all that say goodbye."""

import pytest

from lvsmon.model import Reason, Verdict
from lvsmon.probes.ftp import FtpProbe
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.lmtp import LmtpProbe
from lvsmon.probes.nntp import NntpProbe
from lvsmon.probes.pop3 import Pop3Probe
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.testing.network import Close, Hang, Reset
from probes.mail_support import play

NAMED = "localhost.localdomain"
TALKS = {
    "ftp": (FtpProbe(login="none"), ["220 x"], "QUIT", "C: QUIT"),
    "imap": (
        ImapProbe(),
        ["* OK x", "C: a1 CAPABILITY", "* CAPABILITY IMAP4\r\na1 OK x"],
        "LOGOUT",
        "C: a2 LOGOUT",
    ),
    "lmtp": (LmtpProbe(), ["220 x", f"C: LHLO {NAMED}", "250 x"], "QUIT", "C: QUIT"),
    "nntp": (NntpProbe(), ["200 x", "C: CAPABILITIES", "101 x\r\nVERSION 2\r\n."], "QUIT", "C: QUIT"),
    "pop3": (Pop3Probe(), ["+OK", "C: CAPA", "+OK\r\n."], "QUIT", "C: QUIT"),
    "smtp": (SmtpProbe(), ["220 x", f"C: EHLO {NAMED}", "250 x"], "QUIT", "C: QUIT"),
}


@pytest.mark.parametrize("kind", TALKS)
def test_the_end_of_the_conversation_makes_no_failure_but_silence_does(kind):
    """Whoever answers no command any more serves nobody; whoever hangs up has served."""
    probe, steps, command, said = TALKS[kind]
    silent, garbage, *served = (play(probe, *steps, said, end) for end in (Hang(), "\0what", Close(), Reset()))
    assert (Verdict.FAIL, Reason.DEADLINE) == (silent.verdict, silent.reason)
    assert silent.detail.endswith(f"still waiting for the answer to {command}")
    assert (Verdict.FAIL, Reason.PROTOCOL) == (garbage.verdict, garbage.reason)
    assert {Verdict.PASS} == {outcome.verdict for outcome in served}


@pytest.mark.parametrize("kind", sorted(TALKS.keys() - {"ftp"}))
def test_an_answer_before_the_last_command_belongs_to_another_one(kind):
    probe, steps, _, _ = TALKS[kind]
    *before, last = steps
    tagged = "\r\na7 OK" if kind == "imap" else "\r\n250 more"
    outcome = play(probe, *before, last + tagged)
    assert (Verdict.FAIL, Reason.PROTOCOL) == (outcome.verdict, outcome.reason)
