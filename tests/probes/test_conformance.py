"""Every kind against every server that misbehaves."""

import time

import pytest

from lvsmon.errors import ExpectationFailed, LocalFault
from lvsmon.model import Reason, Verdict
from lvsmon.monitor.lag import BEAT
from lvsmon.probes import BUILTIN
from lvsmon.probes.base import passed
from lvsmon.testing.misbehaving import LOOPBACKS, MisbehavingServers
from lvsmon.testing.probe_conformance import DEADLINE, GRACE, Sample, memory_complaints, verdict_complaints
from probes.samples import SAMPLES


@pytest.fixture(scope="module")
def servers():
    with MisbehavingServers() as running:
        yield running


def test_every_kind_has_a_sample():
    assert set(BUILTIN) == set(SAMPLES)
    assert all(sample.probe.kind == kind for kind, samples in SAMPLES.items() for sample in samples)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAMPLES)
def test_it_tells_every_misbehaving_server_in_time(servers, kind):
    """FAIL (or what the sample documents) within the deadline and 100 ms, no exception, no descriptor left."""
    complaints = verdict_complaints(SAMPLES[kind], servers)
    assert not complaints, "\n".join(complaints)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAMPLES)
def test_it_keeps_to_its_memory_bound(servers, kind):
    complaints = memory_complaints(SAMPLES[kind], servers)
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


def test_the_suite_notices_a_probe_that_breaks_the_rules(servers, caplog, monkeypatch):
    monkeypatch.setattr("lvsmon.testing.probe_conformance.BEHAVIOURS", ("echo", "garbage", "endless_line"))
    sample = Sample("liar", Liar())
    complaints = verdict_complaints([sample], servers)
    assert any(f"{Verdict.UNKNOWN} ({Reason.PROBE_BUG}" in complaint for complaint in complaints)
    assert "held 10" in memory_complaints([sample], servers)[0]


class Busy:
    """Keeps the whole director from running for longer than its deadline."""

    kind = "busy"
    uses_hostname = needs_hostname = False
    memory_bound = 100_000

    async def check(self, target, ctx):
        began = time.process_time()
        while time.process_time() < began + DEADLINE + 2 * GRACE:
            pass
        raise ExpectationFailed("at last")


class Frozen(Busy):
    """As if the machine had taken the time away: it passes without one cycle of ours."""

    async def check(self, target, ctx):
        time.sleep(2 * DEADLINE)  # noqa: ASYNC251  standing still is what is shown
        raise ExpectationFailed("at last")


def _time_complaints(probe, servers, monkeypatch):
    monkeypatch.setattr("lvsmon.testing.probe_conformance.BEHAVIOURS", ("silent",))
    monkeypatch.setattr("lvsmon.testing.probe_conformance.LOOPBACKS", LOOPBACKS[:1])
    return verdict_complaints([Sample("slow", probe)], servers)


def test_a_probe_that_computes_beyond_its_deadline_gets_no_allowance(servers, monkeypatch):
    """The time it took from everybody is its own doing."""
    complaints = _time_complaints(Busy(), servers, monkeypatch)
    assert len(complaints) == 1
    assert "its deadline was" in complaints[0]


def test_time_that_the_machine_took_away_is_allowed_for(servers, monkeypatch):
    assert [] == _time_complaints(Frozen(), servers, monkeypatch)


def test_a_case_is_repeated_alone_where_the_loop_stood_still(servers, monkeypatch):
    """Once: the first result of a batch that stalled counts for nothing, the second one counts."""
    runs = []

    class Recovering(Frozen):
        async def check(self, target, ctx):
            runs.append(target.address)
            if len(runs) == 1:
                time.sleep(2 * BEAT)  # noqa: ASYNC251
                return passed("wrongly")
            raise ExpectationFailed("rightly")

    assert [] == _time_complaints(Recovering(), servers, monkeypatch)
    assert len(runs) == 2


@pytest.mark.parametrize(("starved", "complaints"), [(2, 0), (99, 1)])
def test_a_case_that_could_not_begin_is_repeated_alone_a_few_times(servers, monkeypatch, starved, complaints):
    """The director had no time for it, which is nothing that the probe has done; for ever it is."""
    runs = []

    class Unbegun(Frozen):
        async def check(self, target, ctx):
            runs.append(target.address)
            if len(runs) - 1 <= starved:  # the first run of all is for what it opens
                raise LocalFault("it could not be started in time", Reason.STARVED)
            raise ExpectationFailed("rightly")

    assert len(_time_complaints(Unbegun(), servers, monkeypatch)) == complaints
