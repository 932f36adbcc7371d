"""Every kind against every server that misbehaves."""

import os
import time

import pytest

from lvsmon.errors import ExpectationFailed, LocalFault
from lvsmon.model import Reason, Verdict
from lvsmon.monitor.lag import BEAT
from lvsmon.probes import BUILTIN
from lvsmon.probes.base import passed
from lvsmon.probes.exec import ExecProbe
from lvsmon.probes.file import FileProbe
from lvsmon.testing.misbehaving import LOOPBACKS, MisbehavingServers
from lvsmon.testing.probe_conformance import (
    DEADLINE,
    GRACE,
    Sample,
    memory_complaints,
    memory_peak,
    memory_peaks,
    verdict_complaints,
)
from probes.samples import SAMPLES, may_ping
from verdicts import page
from verdicts.record import WRITE


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
    complaints = verdict_complaints(_samples(kind), servers)
    assert not complaints, "\n".join(complaints)


def _samples(kind):
    if kind == "ping" and not may_ping():
        pytest.skip("this user may send no echo requests")
    return SAMPLES[kind]


@pytest.fixture
def local_floods(tmp_path):
    """What floods a kind that looks at no server: a program's output, and a file that grew and grew."""
    (tmp_path / "log").write_bytes(b"ready\n" * 1_000_000)
    return {
        "exec": [("yes", Sample("exec that floods", ExecProbe(command=("/usr/bin/yes",))))],
        "file": [("6 MB", Sample("file that is too long", FileProbe(path=str(tmp_path / "log"))))],
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAMPLES)
def test_it_keeps_to_its_memory_bound(servers, kind, local_floods):
    """What docs/reference/verdicts.md tells of it is what `make record` saw here."""
    held = [(sample, {} if sample.blind else memory_peaks(sample, servers)) for sample in _samples(kind)]
    floods = local_floods.get(kind, [])
    held += [(sample, {flood: memory_peak(sample.probe, servers, "refuse")}) for flood, sample in floods]
    if os.environ.get(WRITE):
        most = [(sample, *max(((peak, by) for by, peak in seen.items()), default=(0, ""))) for sample, seen in held]
        page.remember(kind, most)
    assert all(0 < sample.probe.memory_bound <= 64 << 20 for sample, _ in held)
    over = [(sample.name, *one) for sample, seen in held for one in seen.items() if one[1] > sample.probe.memory_bound]
    assert not over


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
