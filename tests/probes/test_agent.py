"""agent: what a realserver says of itself, as verdict and weight."""

import pytest

from lvsmon.model import Reason, Target, Verdict, Weight
from lvsmon.probes.agent import AgentProbe
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, run_scripted

TARGET = Target(address="10.1.0.11", port=9707)


def _run(*steps, probe=None):
    return run_scripted(probe or AgentProbe(), TARGET, ScriptedConnector(Script(*steps)))


@pytest.mark.parametrize("chunk", [1, 99])
@pytest.mark.parametrize(
    ("line", "verdict", "reason", "weight"),
    [
        (b"up\n", Verdict.PASS, Reason.OK, None),
        (b"ready 75%\n", Verdict.PASS, Reason.OK, Weight(75, percent=True)),
        (b"40\r\n", Verdict.FAIL, Reason.PROTOCOL, None),
        (b"220 ready\r\n", Verdict.FAIL, Reason.PROTOCOL, None),
        (b"maxconn:30 up\r\n", Verdict.PASS, Reason.OK, None),
        (b"drain\n", Verdict.WARN, Reason.DEGRADED, Weight(0)),
        (b"maint 100%\n", Verdict.WARN, Reason.DEGRADED, Weight(0)),
        (b"down\n", Verdict.FAIL, Reason.REJECTED, None),
        (b"stopped 100%\n", Verdict.FAIL, Reason.REJECTED, None),
        (b"hello\n", Verdict.FAIL, Reason.PROTOCOL, None),
        (b"HTTP/1.1 200 OK\r\n", Verdict.FAIL, Reason.PROTOCOL, None),
    ],
)
def test_lines(line, verdict, reason, weight, chunk):
    outcome = _run(Send(line, chunk), Hang())
    assert (verdict, reason, weight) == (outcome.verdict, outcome.reason, outcome.weight), outcome.detail


def test_a_line_may_end_with_the_connection():
    assert Weight(30, percent=True) == _run(Send(b"30%"), Close()).weight


def test_what_is_sent_comes_first_and_the_reason_is_told():
    outcome = _run(Expect(b"web1\n"), Send(b"down # backup\n"), probe=AgentProbe(send=b"web1\n"))
    assert "the agent says down: backup" == outcome.detail


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((Close(),), Reason.CLOSED),
        ((Reset(),), Reason.RESET),
        ((Send(b"up"), Hang()), Reason.DEADLINE),
        ((Send(b"u" * 2000),), Reason.PROTOCOL),
    ],
)
def test_failures(steps, reason):
    outcome = _run(*steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)


def test_a_text_that_no_agent_takes_is_refused():
    with pytest.raises(ValueError, match="send: write at most"):
        AgentProbe(send=b"x" * 5000)
