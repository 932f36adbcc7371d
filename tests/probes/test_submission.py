"""submission: smtp with the defaults that port 587 wants."""

from lvsmon.model import Reason, Verdict
from lvsmon.probes.submission import SubmissionProbe
from lvsmon.testing.network import Secure
from probes.mail_support import play, session

HELLO = ("220 mail.example.org", "C: EHLO localhost.localdomain")
OFFERS = "250-mail\r\n250 STARTTLS"
IN_TLS = (Secure(session()), HELLO[1])


def test_tls_and_a_login_are_wanted():
    steps = (*HELLO, OFFERS, "C: STARTTLS", "220 go", *IN_TLS)
    assert Verdict.PASS is play(SubmissionProbe(), *steps, "250-x\r\n250 AUTH PLAIN", "C: QUIT", "221 x").verdict
    outcome = play(SubmissionProbe(), *steps, "250 mail")
    assert (Reason.EXPECTATION, "AUTH ANY is not offered: no AUTH is offered at all") == (
        outcome.reason,
        outcome.detail,
    )
    assert "STARTTLS is not offered" in play(SubmissionProbe(), *HELLO, "250-x\r\n250 AUTH PLAIN").detail


def test_without_tls_and_login_where_that_is_set():
    probe = SubmissionProbe(tls="none", auth=())
    assert Verdict.PASS is play(probe, *HELLO, "250 mail", "C: QUIT", "221 x").verdict


def test_there_is_no_way_back_to_helo():
    assert Reason.REJECTED is play(SubmissionProbe(), *HELLO, "502 what").reason
