"""ntp against chrony, healthy and as it fails in life."""

import signal

import pytest

from daemons.conftest import HOSTS, eventually, free_port, probe_once, ready
from lvsmon.model import Reason, Verdict
from lvsmon.probes.ntp import NtpProbe

CONF = """
port {port}
cmdport 0
bindaddress 127.0.0.1
bindaddress ::1
pidfile {directory}/chronyd.pid
{more}
"""
LOCAL = "local stratum 8\nallow"
PROBE = NtpProbe(retransmit=0.2)


def chrony(start, directory, more=LOCAL, before=()):
    """Start a chronyd that leaves the machine's clock alone; return it and its port."""
    port = free_port()
    files = {"chrony.conf": CONF.format(port=port, directory=directory, more=more)}
    options = ("-d", "-x", "-u", "root", "-f", "{directory}/chrony.conf")
    program, *rest = (*before, "chronyd", *options)
    daemon = start(program, *rest, files=files, directory=directory)
    ready(lambda: probe_once(PROBE, port, timeout=0.5))
    return daemon, port


@pytest.fixture(scope="module")
def local(start, tmp_path_factory):
    return chrony(start, tmp_path_factory.mktemp("local"))


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_with_the_machine_s_own_time_passes(local, host):
    outcome = probe_once(PROBE, local[1], host)
    assert (Verdict.PASS, 8, 0) == (outcome.verdict, outcome.facts["stratum"], outcome.facts["leap"]), outcome
    assert abs(outcome.facts["offset"]) < 0.5


def test_a_stratum_that_is_too_high_fails(local):
    outcome = probe_once(NtpProbe(max_stratum=7), local[1])
    assert (Verdict.FAIL, "stratum 8 is above 7") == (outcome.verdict, outcome.detail)


def test_a_server_without_a_source_is_not_synchronised(start, tmp_path):
    _, port = chrony(start, tmp_path, more="allow")
    for host in HOSTS:
        outcome = probe_once(PROBE, port, host)
        assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)
        assert "not synchronised" in outcome.detail


def test_a_server_whose_clock_is_wrong_fails_by_a_reference(start, local, tmp_path):
    """An hour ahead, by the clock that faketime gives it; the director's own clock has no say."""
    _, port = chrony(start, tmp_path, before=("faketime", "-f", "+3600s"))
    reference = {"reference": f"127.0.0.1:{local[1]}"}
    outcome = probe_once(NtpProbe(**reference), port)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason), outcome
    assert "s ahead of the reference" in outcome.detail
    assert Verdict.PASS is probe_once(NtpProbe(**reference), local[1], "::1").verdict
    assert Verdict.FAIL is probe_once(NtpProbe(trust_director=True), port).verdict
    assert Verdict.PASS is probe_once(NtpProbe(max_offset=0.0), port).verdict


def test_a_server_that_does_not_let_the_director_in_is_silent(start, tmp_path):
    _, port = chrony(start, tmp_path, more="local stratum 8\nallow 127.0.0.1\nallow 2001:db8::1")
    assert Verdict.PASS is probe_once(PROBE, port).verdict
    assert Reason.DEADLINE is probe_once(PROBE, port, "::1", timeout=0.3).reason


def test_a_server_that_hangs_or_is_gone(start, tmp_path):
    daemon, port = chrony(start, tmp_path)
    daemon.stop()
    assert Reason.DEADLINE is probe_once(PROBE, port, timeout=0.4).reason
    daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(PROBE, port)).verdict
    daemon.end()
    for host in HOSTS:
        outcome = probe_once(PROBE, port, host)
        assert (Verdict.FAIL, Reason.REFUSED) == (outcome.verdict, outcome.reason)
