"""The bench's own way to take the processor from the daemon, with few outcomes: `make bench ARGS='--only starved'`."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "benchmarks" / "run.py"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_director_that_is_stopped_or_has_a_busy_neighbour_calls_nobody_down(tmp_path):
    """Stopped for 5 s at least twice, while a good part of the realservers are about to answer."""
    table = tmp_path / "table.md"
    options = ["--only", "starved", "--rates", "http:300", "--outcomes", "4000", "--output", table]
    done = subprocess.run([sys.executable, BENCH, *options], capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    rows = {}
    for line in table.read_text().splitlines():
        if " of healthy http " in line:
            cells = line.split(" | ")
            rows[cells[0].split()[1]] = float(cells[4])
    assert rows["outcomes"] >= 4000
    assert rows["stalled"] >= 9
    assert rows["UNKNOWN"] > 0  # those who were not asked in time: else nothing was shown
    assert rows["FAIL"] == 0
