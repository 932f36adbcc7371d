"""tcp: connects, sends, expects, closes as told."""

import re

import pytest

from lvsmon.errors import ConnectFailed, LocalFault
from lvsmon.model import Reason, Target, Verdict
from lvsmon.probes.tcp import TcpProbe
from lvsmon.testing.network import Close, Expect, Hang, Reset, Script, ScriptedConnector, Send, run_scripted

TARGET = Target(address="10.1.0.11", port=7)


def _run(probe, *steps):
    connector = ScriptedConnector(Script(*steps))
    return run_scripted(probe, TARGET, connector), connector.opened[0]


def test_a_connection_is_enough():
    outcome, stream = _run(TcpProbe(), Hang())
    assert (Verdict.PASS, "connected", b"", "closed") == (outcome.verdict, outcome.detail, stream.written, stream.ended)


def test_close_by_reset_where_told():
    assert "reset" == _run(TcpProbe(close="reset"), Hang())[1].ended


@pytest.mark.parametrize(
    "probe",
    [
        TcpProbe(send=b"PI\0NG", expect=re.compile(b"^PONG$")),
        TcpProbe(send_hex=b"PI\0NG", expect=re.compile(b"^PONG$")),
    ],
)
def test_expect_matches_across_reads(probe):
    outcome, _ = _run(probe, Expect(b"PI\0NG"), Send(b"PONG", 1), Hang())
    assert (Verdict.PASS, "PONG") == (outcome.verdict, outcome.facts["banner"])


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Close(),), Reason.CLOSED, "without a word"),
        ((Send(b"NO"), Close()), Reason.CLOSED, "after 'NO'"),
        ((Send(b"NO"), Reset()), Reason.RESET, "reset"),
        ((Send(b"NO"), Hang()), Reason.DEADLINE, "no answer within 3 s: still talking"),
        ((Hang(),), Reason.DEADLINE, "still waiting for the first byte"),
        ((Send(b"x" * 100),), Reason.EXPECTATION, "in the first 10 bytes"),
    ],
)
def test_an_expectation_not_met_fails(steps, reason, words):
    outcome, _ = _run(TcpProbe(expect=re.compile(b"PONG"), max_read=10), *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_a_connect_error_fails_whatever_is_expected():
    """Trap 25: an empty expectation is no pass."""
    for probe in (TcpProbe(), TcpProbe(expect=re.compile(b"x"))):
        assert Reason.REFUSED is run_scripted(probe, TARGET, ScriptedConnector(ConnectFailed("refused"))).reason
        assert Verdict.UNKNOWN is run_scripted(probe, TARGET, ScriptedConnector(LocalFault("EMFILE"))).verdict


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"send": b"a", "send_hex": b"b"}, "give one of them"),
        ({"max_read": 0}, "write a size from 1B to 1MiB"),
        ({"expect": re.compile(b"")}, "can never fail"),
        ({"expect": re.compile(b"x*")}, "can never fail"),
    ],
)
def test_settings_that_decide_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TcpProbe(**settings)
