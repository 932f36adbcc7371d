"""docs/reference/verdicts.md is made of what was recorded: it cannot say anything else, and its making can fail."""

import ast
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lvsmon.model import Outcome, Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes import BUILTIN
from lvsmon.probes.memcached import MemcachedProbe
from probes.samples import SAMPLES
from verdicts import page, peers, record


def test_the_page_is_made_of_the_records():
    """A new kind or server that misbehaves is in it at once; what daemons showed, once it is recorded."""
    wanted = page.page_as_it_should_be()
    assert page.PAGE.read_text(encoding="utf-8") == wanted, "run `make verdicts-page`"


def test_every_kind_is_in_it_with_every_sample_and_its_memory():
    text = page.page_as_it_should_be()
    for kind in BUILTIN:
        assert f"\n## {kind}\n" in text
    for samples in SAMPLES.values():
        for sample in samples:
            assert sample.blind or f"lvsmon: {sample.name} |" in text


def test_the_memory_that_is_told_is_the_bound_of_each_sample():
    told = {(kind, name): bound for kind, name, bound, *_ in page.remembered()}
    for kind, samples in SAMPLES.items():
        for sample in samples:
            wanted = sample.probe.memory_bound
            assert wanted == told.get((kind, sample.name)), f"{sample.name}: make record ARGS={CONFORMANCE}"
    assert all(0 <= seen <= bound for _, _, bound, seen, _ in page.remembered())


def test_what_the_peers_have_not_been_run_on_is_told():
    """The page is of two runs: what is newer than the peers' is not to be taken for theirs."""
    old, new = ("dns", "named", "old", ""), ("dns", "named", "new", "")
    rows = {"dns": [record.Row(*key, {"IPv4": ["PASS"]}) for key in (old, new)]}
    told = page._since(rows, {}, {json.dumps(old): {"mon dns.monitor": "up"}})
    assert "seen 1 of the 2 " in told
    assert "nothing yet of dns, ftp, http" in told
    everything = {kind: {} for kind in SAMPLES}
    assert "nothing yet" not in page._since(rows, everything, {})


def test_what_differs_is_told():
    assert page.differs(["FAIL refused"], "up")
    assert page.differs(["FAIL refused"], "kept")
    assert page.differs(["WARN degraded"], "down")
    assert page.differs(["PASS"], "hangs")
    assert not page.differs(["PASS", "WARN degraded"], "up")
    assert not page.differs(["PASS", "FAIL refused"], "up")
    assert page.differs(["UNKNOWN reference"], "down")
    assert not page.differs(["UNKNOWN reference"], "up")
    assert not page.differs(["PASS or FAIL"], "down")
    assert not page.differs(["FAIL refused"], "")


DAEMONS = page.PAGE.parents[2] / "tests/daemons"
CONFORMANCE = "tests/probes/test_conformance.py"
FAILED = Outcome(verdict=Verdict.FAIL, reason=Reason.REFUSED)
PASSED = Outcome(verdict=Verdict.PASS, reason=Reason.OK)
ITEM = SimpleNamespace(
    originalname="test_a_cache", name="test_a_cache[x]", callspec=None, path=SimpleNamespace(stem="t")
)


@pytest.fixture
def recorder(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "RECORDS", tmp_path)
    monkeypatch.delenv(record.WRITE, raising=False)
    made = record.Recorder()
    made.begin(ITEM)
    return made


def test_a_verdict_that_differs_from_its_record_fails_the_test_that_saw_it(recorder, monkeypatch):
    recorder.seen(MemcachedProbe(), "127.0.0.1", 1, FAILED)
    with pytest.raises(AssertionError, match="make record"):
        recorder.hold(ITEM)
    monkeypatch.setenv(record.WRITE, "1")
    recorder.hold(ITEM)
    monkeypatch.delenv(record.WRITE)
    recorder.hold(ITEM)
    recorder.begin(ITEM)
    recorder.seen(MemcachedProbe(), "127.0.0.1", 1, PASSED)
    with pytest.raises(AssertionError, match="make record"):
        recorder.hold(ITEM)


def test_what_is_seen_while_somebody_waits_is_no_news(recorder):
    """Only what was waited for counts; a PASS only where there is nothing else."""
    probe = MemcachedProbe()
    recorder.seen(probe, "127.0.0.1", 1, FAILED)
    noted = recorder.count
    recorder.seen(probe, "127.0.0.1", 1, Outcome(verdict=Verdict.FAIL, reason=Reason.DEADLINE))
    recorder.forget(noted)
    recorder.seen(probe, "127.0.0.1", 1, PASSED)
    recorder.waited()
    (row,) = recorder.rows.values()
    assert ["FAIL refused", "PASS in the end"] == row.found["IPv4"]
    with pytest.raises(AssertionError):
        recorder.hold(ITEM)
    assert ["FAIL refused"] == row.found["IPv4"]


def test_what_came_before_a_failure_is_named_well(recorder):
    """A daemon that was ready or well, under the name of a test that tells of its failure, says nothing of that."""
    probe, other = MemcachedProbe(), MemcachedProbe(key=b"x")
    recorder.seen(probe, "127.0.0.1", 1, PASSED)
    recorder.waited()
    recorder.seen(other, "127.0.0.1", 1, FAILED)
    ready, failed = recorder.rows.values()
    recorder._settle()
    assert (record.WELL, {"IPv4": ["PASS"]}, "a cache") == (ready.situation, ready.found, failed.situation)
    assert [ready, failed] == list(recorder.rows.values())


def test_what_a_fixture_sees_is_no_news(recorder):
    recorder.seen(MemcachedProbe(), "127.0.0.1", 1, PASSED)
    with pytest.raises(AssertionError):
        recorder.hold(ITEM)
    assert PASSED is recorder.seen(MemcachedProbe(), "127.0.0.1", 1, PASSED)
    assert not recorder.rows


def test_a_daemon_is_known_by_who_listens_and_its_state_is_the_situation(recorder):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert (os.getpgid(0), "") == record.listener(port)
        daemon = SimpleNamespace(process=SimpleNamespace(pid=os.getpgid(0)), state="stopped")
        recorder.started(daemon, "memcached", [f"-p {port}"])
        recorder.seen(MemcachedProbe(key=b"x", username="u", password=Secret("hidden")), "::1", port, FAILED)
    daemon.state = "ended"
    recorder.seen(MemcachedProbe(), "::1", port, FAILED)
    stopped, ended = recorder.rows.values()
    assert (record.STOPPED, 'key="x", password, username="u"') == (stopped.situation, stopped.settings)
    assert record.ENDED == ended.situation
    assert record.listener(port) is None


def test_every_record_is_of_the_tests_of_today():
    """What is new, renamed or gone wants its module to be recorded again."""
    for path in record.RECORDS.glob("*.json"):
        tree = ast.parse((DAEMONS / path.with_suffix(".py").name).read_text())
        today = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
        known = {name.partition("[")[0] for name in record.load(path)}
        assert today == known, f"make record ARGS=tests/daemons/{path.stem}.py"


@pytest.mark.slow
def test_every_record_is_of_the_parameters_of_today():
    """The same with their parameters, for which pytest has to be asked."""
    words = ["-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(DAEMONS)]
    done = subprocess.run([sys.executable, *words], cwd=DAEMONS.parents[1], capture_output=True, text=True, check=True)
    today = {}
    for line in done.stdout.splitlines():
        path, _, name = line.partition("::")
        today.setdefault(Path(path).stem, set()).add(name)
    for path in record.RECORDS.glob("*.json"):
        assert set(record.load(path)) == today.get(path.stem), f"make record ARGS=tests/daemons/{path.stem}.py"


def test_the_records_hold_nothing_of_one_machine():
    """No path, no secret, and no port but those that protocols have."""
    text = json.dumps([record.dataclasses.asdict(row) for row in record.natural()])
    assert "pytest" not in text
    assert "Secret" not in text


def test_peers_are_told_what_the_probe_is_told():
    probe = MemcachedProbe()
    assert [] == peers.names(probe)
    (words,) = peers.mon(SAMPLES["http"][1].probe, "192.0.2.1", 8080).values()
    assert ["-p", "8080", "-t", "2", "-u", "/", "-m", "ready", "192.0.2.1"] == words[1:]
    assert {} == peers.mon(SAMPLES["http"][1].probe, "2001:db8::1", 8080)
    (job,) = peers.ldirectord(SAMPLES["http"][1].probe, "2001:db8::1", 8080).values()
    assert ("ready", "http://[2001:db8::1]:8080/") == (job["v"]["receive"], job["r"]["url"])
