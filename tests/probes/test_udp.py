"""udp: a closed port fails; a reply is wanted where it is asked for, and must match."""

import asyncio

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.udp import UdpProbe
from lvsmon.testing.misbehaving import MisbehavingServers
from lvsmon.testing.network import Expect, Reset, Script, ScriptedConnector, Send, Wait, run_scripted

TARGET = Target(address="10.1.0.11", port=514)
PONG = Regex(b"^PONG")


def outcome_of(probe, *steps, timeout=5):
    net = ScriptedConnector(Script(*steps))
    outcome = run_scripted(probe, TARGET, net, timeout)
    return outcome, net.opened[0].sent


def test_silence_passes_where_no_reply_is_required():
    outcome, sent = outcome_of(UdpProbe(send=b"<13>test"))
    assert (Verdict.PASS, [b"<13>test"], False) == (outcome.verdict, sent, outcome.facts["replied"])
    assert "none is required" in outcome.detail


@pytest.mark.parametrize(("wait", "timeout"), [(0.5, 0.4), (10, 5)])
def test_silence_passes_however_short_the_timeout(wait, timeout):
    """Silence is no fault where no reply is required: a wait that the timeout cuts must not make it one."""
    outcome, _ = outcome_of(UdpProbe(wait=wait), timeout=timeout)
    assert (Verdict.PASS, False) == (outcome.verdict, outcome.facts["replied"])


def test_a_wrong_reply_is_told_as_such_however_short_the_timeout():
    outcome, _ = outcome_of(UdpProbe(expect=PONG), Send(b"NO"), timeout=0.5)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize("probe", [UdpProbe(), UdpProbe(reply=True), UdpProbe(expect=PONG)])
def test_a_closed_port_fails(probe):
    outcome, _ = outcome_of(probe, Wait(0.3), Reset())
    assert (Verdict.FAIL, Reason.REFUSED) == (outcome.verdict, outcome.reason)


def test_a_reply_passes_where_any_will_do():
    outcome, _ = outcome_of(UdpProbe(reply=True), Send(b"hello\xff"))
    assert (Verdict.PASS, "hello\\xff") == (outcome.verdict, outcome.facts["reply"])


def test_silence_fails_where_a_reply_is_required_and_is_asked_again_before():
    outcome, sent = outcome_of(UdpProbe(send=b"PING", expect=PONG, retries=2))
    assert (Verdict.FAIL, Reason.DEADLINE, [b"PING"] * 3) == (outcome.verdict, outcome.reason, sent)


@pytest.mark.parametrize("late", [0.5, 1.5, 2.5, 4.0])
def test_a_late_reply_passes(late):
    outcome, _ = outcome_of(UdpProbe(send=b"PING", expect=PONG), Expect(b"PING"), Wait(late), Send(b"PONG"))
    assert Verdict.PASS is outcome.verdict


def test_something_else_may_come_before_what_is_expected():
    """As a SIP server says 100 before 200."""
    outcome, _ = outcome_of(UdpProbe(expect=PONG), Send(b"TRYING"), Send(b"PONG"))
    assert Verdict.PASS is outcome.verdict


@pytest.mark.parametrize("reply", [True, False])
@pytest.mark.parametrize("steps", [[Send(b"NO")], [Wait(0.1), Send(b""), Send(b"NO")], [Send(b"NO")] * 99])
def test_a_reply_that_does_not_match_fails_whether_one_was_required_or_not(reply, steps):
    outcome, _ = outcome_of(UdpProbe(expect=PONG, reply=reply), *steps)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)


def test_a_reply_that_does_not_match_after_the_last_try_fails_at_once():
    outcome, _ = outcome_of(UdpProbe(expect=PONG, retries=0), Wait(3), Send(b"NO"))
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)


def test_hexadecimal_is_sent_as_bytes():
    assert [b"\xde\xad"] == outcome_of(UdpProbe(send_hex=b"\xde\xad"))[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"send": b"x", "send_hex": b"y"}, "send and send_hex: give one of them"),
        ({"send": b"x" * 1233}, "send: at most 1232 bytes"),
        ({"expect": Regex(b"x*")}, "matches even the empty text"),
        ({"wait": 0.0}, "longer than nothing"),
        ({"retransmit": 0.0}, "longer than nothing"),
        ({"retries": 11}, "retries: write a number from 0 to 10"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        UdpProbe(**settings)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_on_real_sockets(address):
    async def main(servers):
        def at(probe, name):
            target = Target(address=address, port=servers.port(name, address))
            return in_reactor(lambda engine: run(probe, target, 3, engine))

        echoed = await at(UdpProbe(send=b"PING", expect=Regex(b"^PING$")), "udp_echo")
        assert (Verdict.PASS, "PING") == (echoed.verdict, echoed.facts["reply"])
        assert Verdict.PASS is (await at(UdpProbe(send=b"PING", wait=0.05), "udp_silent")).verdict
        closed = await at(UdpProbe(send=b"PING"), "refuse")
        assert (Verdict.FAIL, Reason.REFUSED) == (closed.verdict, closed.reason)

    with MisbehavingServers() as servers:
        asyncio.run(main(servers))
