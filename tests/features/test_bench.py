"""`make bench` measures this very tree: a second of it must come to a table."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "benchmarks" / "run.py"


@pytest.mark.slow
def test_a_second_of_the_bench_prints_its_table_with_what_was_counted(tmp_path):
    table = tmp_path / "table.md"
    options = ["--quick", "--alone", "--only", "check", "probes", "--rates", "tcp:50", "http:50", "--seconds", "1"]
    done = subprocess.run(
        [sys.executable, BENCH, *options, "--output", table], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert table.read_text() == done.stdout
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in done.stdout.splitlines()}
    for kind in ("tcp", "http"):
        assert float(rows[f"CPU per {kind} probe, 50/s"][4]) > 10  # µs: no program connects for less
        assert 0.5 < float(rows[f"achieved ÷ asked, {kind}, 50/s"][4]) < 1.5
    assert float(rows["check of 10 tcp probes, CPU exec to exit"][4]) > 0
