"""`lvsmon demo`: the README's first command."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_the_demo_shows_a_death_and_a_return_and_ends_by_itself():
    ended = subprocess.run(
        [sys.executable, "-m", "lvsmon", "demo"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (0, "") == (ended.returncode, ended.stderr)
    before, _, after = ended.stdout.partition("rs2 is started again")
    assert "DOWN    weight 0" in before.partition("rs2 is killed")[2]
    assert 9 == after.rpartition("virtual service")[2].count("UP      weight 1")
