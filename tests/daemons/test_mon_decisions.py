"""The table of docs/reference/mon-alerts.md says what the real mon does: each stream goes through it again."""

import pytest

from alerts import compatibility


@pytest.mark.parametrize("name", compatibility.rows())
def test_mon_does_what_was_recorded(name, tmp_path):
    if not compatibility.MON.exists():
        pytest.skip("mon is not installed: run `make daemons` as root on a Debian machine")
    assert compatibility.run_mon(compatibility.rows()[name], tmp_path) == compatibility.recorded()[name]
