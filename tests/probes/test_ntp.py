"""ntp: servers that are wrong, far from their source, not synchronised, or that ask to be left alone."""

import struct
from dataclasses import dataclass, field, replace

import pytest

from lvsmon.errors import ConnectFailed, LocalFault
from lvsmon.model import Reason, Target, Verdict
from lvsmon.net.shared import Shared
from lvsmon.probes.ntp import NtpProbe
from lvsmon.testing.network import Script, ScriptedClock, ScriptedConnector, run_scripted
from lvsmon.wire import ntp

TARGET = Target(address="10.1.0.11", port=123)
PROBE = NtpProbe()


@dataclass
class TimeServer:
    """Answers requests on virtual time; ``off`` is how far its clock is ahead. What is not None replaces a field."""

    clock: ScriptedClock
    off: float = 0.0
    there: float = 0.01
    back: float = 0.01
    leap: int = 0
    mode: int = 4
    version: int = 4
    stratum: int = 2
    delay: float = 0.01
    dispersion: float = 0.02
    source: bytes = b"\xc0\0\2\1"
    set_at: float = -60.0
    received: int | None = None
    sent: int | None = None
    cookie: int = 0
    cut: int = 999
    lost: int = 0
    asked: list = field(default_factory=list)

    def answer(self, request):
        at = self.clock.utc() + self.there + self.off
        stamp = ntp.timestamp(at)
        return struct.pack(
            "!BBbbII4sQQQQ",
            self.leap << 6 | self.version << 3 | self.mode, self.stratum, 6, -20,
            int(self.delay * 65536), int(self.dispersion * 65536), self.source,
            ntp.timestamp(at + self.set_at), int.from_bytes(request[40:]) ^ self.cookie,
            stamp if self.received is None else self.received, stamp if self.sent is None else self.sent,
        )[: self.cut]  # fmt: skip


class TimeNet(ScriptedConnector):
    """Datagrams to time servers by address; an error instead of a server is raised by receiving."""

    def __init__(self, servers):
        super().__init__(*(Script() for _ in range(9)))
        self.servers = servers

    async def datagram(self, address, port, /):
        opened = await super().datagram(address, port)
        return TimeDatagram(self, self.servers[address], opened)


class TimeDatagram:
    def __init__(self, net, server, opened):
        self._net, self._server, self._opened = net, server, opened
        self._answers = []

    async def send(self, data, /):
        if isinstance(self._server, Exception):
            return
        self._server.asked.append(data)
        if len(self._server.asked) > self._server.lost:
            self._answers.append(self._server.answer(data))

    async def receive(self, limit=65536, /):
        if isinstance(self._server, Exception):
            raise self._server
        if not self._answers:
            await self._opened.receive()
        await self._net.pause(self._server.there + self._server.back)
        return self._answers.pop(0)

    def close(self):
        self._opened.close()


def outcome_of(probe=PROBE, clock=None, reference=None, shared=None, **server):
    clock = clock or ScriptedClock()
    servers = {TARGET.address: TimeServer(clock, **server)}
    if reference is not None:
        servers["192.0.2.1"] = reference if isinstance(reference, Exception) else replace(reference, clock=clock)
    return run_scripted(probe, TARGET, TimeNet(servers), 5, clock=clock, shared=shared)


def told(outcome):
    return outcome.verdict, outcome.reason


def test_a_good_server_passes_and_tells_about_itself():
    outcome = outcome_of(off=0.25)
    assert (Verdict.PASS, Reason.OK) == told(outcome)
    facts = outcome.facts
    assert (2, "192.0.2.1", 0, 4) == (facts["stratum"], facts["source"], facts["leap"], facts["version"])
    assert (0.25, 0.02) == (pytest.approx(facts["offset"], abs=1e-5), pytest.approx(facts["round_trip"], abs=1e-5))


BAD = {
    "leap alarm": ({"leap": 3}, Reason.EXPECTATION, "not synchronised"),
    "stratum 16": ({"stratum": 16}, Reason.EXPECTATION, "not synchronised"),
    "stratum 200": ({"stratum": 200}, Reason.EXPECTATION, "not synchronised"),
    "stratum 0 without a code": ({"stratum": 0, "source": bytes(4)}, Reason.EXPECTATION, "not synchronised"),
    "kiss DENY": ({"stratum": 0, "source": b"DENY", "leap": 3}, Reason.REJECTED, "denies the director"),
    "kiss RSTR": ({"stratum": 0, "source": b"RSTR", "leap": 3}, Reason.REJECTED, "RSTR"),
    "kiss INIT": ({"stratum": 0, "source": b"INIT", "leap": 3}, Reason.REJECTED, "only just started"),
    "kiss unknown": ({"stratum": 0, "source": b"XYZZ"}, Reason.EXPECTATION, "code XYZZ"),
    "no times": ({"received": 0, "sent": 0}, Reason.PROTOCOL, "does not say what time"),
    "set in the future": ({"set_at": 60.0}, Reason.PROTOCOL, "still to come"),
    "far from its source": ({"dispersion": 1.6}, Reason.EXPECTATION, "may be off by 1.605 s"),
    "ahead": ({"off": 5.0}, Reason.EXPECTATION, "5.000000 s ahead of the director, 1s allowed"),
    "behind": ({"off": -5.0}, Reason.EXPECTATION, "5.000000 s behind the director"),
    "a day ahead": ({"off": 86400.0}, Reason.EXPECTATION, "ahead"),
    "a client's answer": ({"mode": 3}, Reason.PROTOCOL, "mode 3"),
    "an unknown version": ({"version": 7}, Reason.PROTOCOL, "version 7"),
    "another's answer": ({"cookie": 1}, Reason.DEADLINE, "does not repeat the time stamp of a question"),
    "too short": ({"cut": 47}, Reason.DEADLINE, "no answer"),
    "nothing": ({"cut": 0}, Reason.DEADLINE, "no answer"),
    "silence": ({"lost": 99}, Reason.DEADLINE, "no answer"),
    "worked longer than we waited": ({"sent": ntp.timestamp(1_750_000_009.0)}, Reason.PROTOCOL, "longer than"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_server_fails(case):
    server, reason, words = BAD[case]
    outcome = outcome_of(**server)
    assert (Verdict.FAIL, reason) == told(outcome), outcome
    assert words in outcome.detail


def test_being_asked_to_ask_less_often_is_about_us():
    outcome = outcome_of(stratum=0, source=b"RATE", leap=3)
    assert (Verdict.UNKNOWN, Reason.LOCAL_FAULT) == told(outcome)
    assert "raise the probe's interval" in outcome.detail


def test_lost_datagrams_are_sent_again_each_with_its_own_cookie():
    clock = ScriptedClock()
    server = TimeServer(clock, lost=2)
    outcome = run_scripted(PROBE, TARGET, TimeNet({TARGET.address: server}), 5, clock=clock)
    assert (Verdict.PASS, 3) == (outcome.verdict, len(set(server.asked)))
    assert 0 == pytest.approx(outcome.facts["offset"], abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "server", "verdict"),
    [
        ({"max_stratum": 2}, {}, Verdict.PASS),
        ({"max_stratum": 1}, {}, Verdict.FAIL),
        ({"max_offset": 6.0}, {"off": 5.0}, Verdict.PASS),
        ({"max_offset": 0.0}, {"off": 5000.0}, Verdict.PASS),
        ({"max_root_distance": 2.0}, {"dispersion": 1.6}, Verdict.PASS),
        ({}, {"leap": 1}, Verdict.PASS),
        ({}, {"version": 3}, Verdict.PASS),
        ({}, {"off": 1.2, "there": 0.4, "back": 0.4}, Verdict.WARN),
        ({}, {"off": 1.6, "there": 0.4, "back": 0.4}, Verdict.FAIL),
        ({}, {"received": ntp.timestamp(1_750_000_000.02), "sent": ntp.timestamp(1_750_000_000.01)}, Verdict.PASS),
    ],
)
def test_limits(settings, server, verdict):
    assert verdict is outcome_of(NtpProbe(**settings), **server).verdict


def test_a_director_whose_clock_nothing_keeps_does_not_blame_others():
    assert (Verdict.UNKNOWN, Reason.LOCAL_FAULT) == told(outcome_of(clock=ScriptedClock(synchronised=False), off=5.0))
    never_set = ScriptedClock(started=1e9)
    assert (Verdict.UNKNOWN, Reason.LOCAL_FAULT) == told(outcome_of(clock=never_set, off=7e8))
    trusting = NtpProbe(trust_director=True)
    assert Verdict.FAIL is outcome_of(trusting, clock=ScriptedClock(synchronised=False), off=5.0).verdict
    by_a_day = outcome_of(clock=ScriptedClock(synchronised=False), off=90000.0)
    assert Verdict.FAIL is by_a_day.verdict


BY_REFERENCE = NtpProbe(reference="192.0.2.1")


@pytest.mark.parametrize(
    ("off", "reference_off", "verdict"),
    [(5.0, 5.0, Verdict.PASS), (0.0, 5.0, Verdict.FAIL), (5.0, 0.0, Verdict.FAIL), (-9.0, -8.5, Verdict.PASS)],
)
def test_a_reference_decides_whatever_the_director_thinks(off, reference_off, verdict):
    clock = ScriptedClock(synchronised=False)
    reference = TimeServer(clock, off=reference_off)
    outcome = outcome_of(BY_REFERENCE, clock=clock, off=off, reference=reference)
    assert verdict is outcome.verdict
    if verdict is Verdict.PASS:
        assert off - reference_off == pytest.approx(outcome.facts["offset"], abs=1e-4)


@pytest.mark.parametrize(
    "reference",
    [
        TimeServer(ScriptedClock(), lost=99),
        TimeServer(ScriptedClock(), leap=3),
        ConnectFailed("connection refused", Reason.REFUSED),
        LocalFault("no route", Reason.LOCAL_NETWORK),
    ],
)
def test_a_reference_that_tells_no_time_is_unknown_and_a_bad_server_still_fails(reference):
    assert (Verdict.UNKNOWN, Reason.REFERENCE) == told(outcome_of(BY_REFERENCE, reference=reference))
    assert (Verdict.FAIL, Reason.EXPECTATION) == told(outcome_of(BY_REFERENCE, reference=reference, leap=3))


def test_the_reference_is_asked_once_for_all():
    clock, shared = ScriptedClock(), Shared()
    reference = TimeServer(clock)
    servers = {"10.1.0.11": TimeServer(clock), "10.1.0.12": TimeServer(clock), "192.0.2.1": reference}
    for address in ("10.1.0.11", "10.1.0.12"):
        outcome = run_scripted(
            BY_REFERENCE, Target(address=address, port=123), TimeNet(servers), 5, clock=clock, shared=shared
        )
        assert Verdict.PASS is outcome.verdict
    assert 1 == len(reference.asked)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_stratum": 0}, "max_stratum: write a number from 1 to 15"),
        ({"max_stratum": 16}, "max_stratum: write a number from 1 to 15"),
        ({"max_root_distance": 0.0}, "max_root_distance: write a time up to"),
        ({"max_root_distance": 17.0}, "max_root_distance: write a time up to"),
        ({"retries": 11}, "retries: write a number from 0 to 10"),
        ({"retransmit": 0.0}, "retransmit: write a time longer than nothing"),
        ({"reference": "ntp.example.org"}, "reference: 'ntp.example.org' is no address"),
        ({"reference": "192.0.2.1", "max_offset": 0.0}, "reference is what max_offset compares with"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        NtpProbe(**settings)
