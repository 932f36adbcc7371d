"""identd: any answer of the protocol, or the owner that is wanted."""

import pytest

from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.probes.identd import IdentdProbe
from lvsmon.testing.network import Close
from probes.mail_support import play

ASKED = "C: 113 , 1"


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ("113, 1 : USERID : UNIX : root", {"owner": "root", "system": "UNIX"}),
        ("113,1:ERROR:NO-USER", {"error": "NO-USER"}),
        ("113 , 1 : ERROR : HIDDEN-USER", {"error": "HIDDEN-USER"}),
        ("113 , 1 : ERROR : X-BUSY", {"error": "X-BUSY"}),
    ],
)
def test_any_answer_passes(answer, facts):
    outcome = play(IdentdProbe(), ASKED, answer, Close())
    assert (Verdict.PASS, facts) == (outcome.verdict, dict(outcome.facts))


OWNER = IdentdProbe(owner=Regex(b"^nobody$"), server_port=80, client_port=4000)


@pytest.mark.parametrize(
    ("probe", "answer", "reason", "words"),
    [
        (OWNER, "80, 4000 : USERID : UNIX : root", Reason.EXPECTATION, "in the user named: 'root'"),
        (OWNER, "80, 4000 : ERROR : NO-USER", Reason.EXPECTATION, "no owner is named: NO-USER"),
        (OWNER, "80, 4001 : USERID : UNIX : nobody", Reason.PROTOCOL, "asked for ports 80, 4000"),
        (IdentdProbe(), "113, 1 : ERROR : INVALID-PORT", Reason.REJECTED, "INVALID-PORT"),
        (IdentdProbe(), "root", Reason.PROTOCOL, "not an answer of ident"),
    ],
)
def test_failures_say_why(probe, answer, reason, words):
    outcome = play(probe, f"C: {probe.server_port} , {probe.client_port}", answer)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_the_owner_wanted_passes():
    assert Verdict.PASS is play(OWNER, "C: 80 , 4000", "80, 4000 : USERID : UNIX : nobody").verdict
    assert Reason.CLOSED is play(OWNER, "C: 80 , 4000", Close()).reason


@pytest.mark.parametrize("settings", [{"server_port": 0}, {"client_port": 65536}, {"owner": Regex(b".*")}])
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(ValueError, match=r"write a port from 1|can never fail"):
        IdentdProbe(**settings)
