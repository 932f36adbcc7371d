"""lmtp: smtp that says LHLO."""

from lvsmon.model import Reason, Verdict
from lvsmon.probes.lmtp import LmtpProbe
from probes.mail_support import play

HELLO = ("220 mail LMTP", "C: LHLO localhost.localdomain")


def test_a_recipient_is_taken():
    probe = LmtpProbe(rcpt_to="postmaster@example.org")
    envelope = ("C: MAIL FROM:<>", "250 ok", "C: RCPT TO:<postmaster@example.org>", "250 ok", "C: RSET", "250 ok")
    assert Verdict.PASS is play(probe, *HELLO, "250 mail", *envelope, "C: QUIT", "221 x").verdict


def test_a_server_of_plain_smtp_does_not_pass():
    assert Reason.REJECTED is play(LmtpProbe(), *HELLO, "502 what").reason
