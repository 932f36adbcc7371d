"""identd against oidentd."""

import os

import pytest

from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.probes.identd import IdentdProbe
from lvsmon.probes.pop3 import Pop3Probe

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="oidentd looks into the kernel's connections: that takes root"
)


@pytest.fixture(scope="module")
def port(start):
    port = free_port()
    start("oidentd", "-i", "-S", "-p", str(port), "-a", "127.0.0.1", "-a", "::1", "-u", "nobody", "-g", "nogroup")
    eventually(lambda: probe_once(IdentdProbe(), port))
    return port


@pytest.mark.parametrize("host", HOSTS)
def test_nobody_has_a_connection_that_there_is_not(port, host):
    outcome = probe_once(IdentdProbe(), port, host)
    assert (Verdict.PASS, "NO-USER") == (outcome.verdict, outcome.facts["error"])


def test_an_owner_that_nobody_names_is_missed(port):
    outcome = probe_once(IdentdProbe(owner=Regex(b"root")), port)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)


def test_another_protocol_on_the_port(port):
    outcome = probe_once(Pop3Probe(), port, timeout=0.5)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
