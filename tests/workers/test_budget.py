"""A worker may say what can happen to its probes, and no more."""

import pytest

from lvsmon.monitor.workers.budget import Budget, Flood


def test_all_probes_may_fall_and_rise_at_once_and_not_for_ever():
    budget = Budget()
    budget.update(10_000)
    for _ in range(4):
        budget.changed(10_000)
        budget.heard(10_000 * 2000)
        budget.passed(2.0)
    budget.changed(60_000)
    with pytest.raises(Flood):
        budget.changed(60_000)


def test_a_flood_of_bytes_is_found_and_what_was_used_comes_back():
    budget = Budget()
    budget.heard(4 << 20)
    with pytest.raises(Flood):
        budget.heard(1)
    budget.passed(10.0)
    budget.heard((4 << 20) - 1)


def test_lines_of_the_log_are_let_go_where_they_are_too_many():
    budget = Budget()
    assert sum(budget.logs() for _ in range(1000)) == 200
    budget.passed(1.0)
    assert sum(budget.logs() for _ in range(1000)) == 20


def test_fewer_probes_may_say_less():
    budget = Budget()
    budget.update(1000)
    budget.update(0)
    with pytest.raises(Flood):
        budget.heard((4 << 20) + 1)
