"""What mon's keywords mean here, beside what mon made of the same streams; tests/daemons has mon itself."""

import pytest

from alerts import compatibility


@pytest.mark.parametrize("name", compatibility.rows())
def test_a_stream_is_told_as_the_table_says(name, tmp_path):
    """And the row's word for whether mon told the same is true."""
    row = compatibility.rows()[name]
    told = compatibility.run_ours(row, tmp_path)
    assert compatibility.of_ours(row, told) == row["told"]
    assert (compatibility.moments(row) == compatibility.moments(row, told)) is row["same"]


def test_the_table_is_made_of_the_rows_and_of_what_mon_did():
    assert compatibility.page_as_it_should_be() == compatibility.PAGE.read_text(encoding="utf-8"), (
        "run .venv/bin/python tests/alerts/compatibility.py"
    )
