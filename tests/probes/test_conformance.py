"""Every kind against every server that misbehaves."""

import pytest

from lvsmon.model import Reason, Verdict
from lvsmon.probes import BUILTIN
from lvsmon.testing.misbehaving import MisbehavingServers
from lvsmon.testing.probe_conformance import Sample, memory_complaints, verdict_complaints
from probes.samples import SAMPLES


@pytest.fixture(scope="module")
def servers():
    with MisbehavingServers() as running:
        yield running


def test_every_kind_has_a_sample():
    assert set(BUILTIN) == set(SAMPLES)
    assert all(sample.probe.kind == kind for kind, samples in SAMPLES.items() for sample in samples)


def test_every_kind_tells_every_misbehaving_server_in_time(servers):
    """FAIL (or what the sample documents) within the deadline and 100 ms, no exception, no descriptor left."""
    complaints = verdict_complaints([sample for samples in SAMPLES.values() for sample in samples], servers)
    assert not complaints, "\n".join(complaints)


def test_every_kind_keeps_to_its_memory_bound(servers):
    complaints = memory_complaints([sample for samples in SAMPLES.values() for sample in samples], servers)
    assert not complaints, "\n".join(complaints)


class Liar:
    """Breaks every rule: passes without looking, holds on to memory, dies of a bug now and then."""

    kind = "liar"
    uses_hostname = needs_hostname = False
    memory_bound = 100_000

    async def check(self, target, ctx):
        stream = await ctx.net.connect(target.address, target.port)
        await stream.read()
        held = bytearray(10_000_000)
        raise RuntimeError(len(held))


def test_the_suite_notices_a_probe_that_breaks_the_rules(servers, caplog):
    sample = Sample("liar", Liar())
    complaints = verdict_complaints([sample], servers)
    assert any(f"{Verdict.UNKNOWN} ({Reason.PROBE_BUG}" in complaint for complaint in complaints)
    assert "held 10" in memory_complaints([sample], servers)[0]
