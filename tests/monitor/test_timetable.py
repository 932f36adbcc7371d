"""Due times: fixed rate, spread, no drift, no bursts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.monitor.timetable import FIRST_SPREAD, JITTER, Timetable


def starts(table, until):
    """Return [(time, probe)] of everything due until ``until``, taken the moment it is due."""
    found = []
    while (due := table.next_due()) is not None and due <= until:
        found += [(due, probe) for probe in table.take(due)]
    return found


def test_a_probe_runs_at_its_rate_and_jitter_does_not_add_up():
    table = Timetable(seed=1)
    table.add("a", 2.0, now=100.0)
    times = [moment for moment, _ in starts(table, until=100.0 + 2.0 * 10_000)]
    assert 10_000 == pytest.approx(len(times), abs=1)
    first = times[0]
    for n, moment in enumerate(times):
        assert 0 <= moment - (first + 2.0 * n) <= 2.0 * JITTER + 1e-6


@given(st.lists(st.floats(0.1, 3600), min_size=1, max_size=20))
def test_first_runs_come_soon_and_within_one_interval(intervals):
    table = Timetable()
    for n, interval in enumerate(intervals):
        table.add(str(n), interval, now=50.0)
    firsts = {}
    for moment, probe in starts(table, until=50.0 + FIRST_SPREAD):
        firsts.setdefault(probe, moment)
    for n, interval in enumerate(intervals):
        assert 50.0 <= firsts[str(n)] <= 50.0 + min(interval, FIRST_SPREAD)


def test_first_runs_are_spread():
    table = Timetable()
    for n in range(1000):
        table.add(f"tcp:10.0.0.{n}:80", 1.0, now=0.0)
    busiest = max(len([1 for moment, _ in starts(table, until=edge / 100)]) for edge in range(1, 101))
    assert busiest <= 30, "1,000 probes over one second in slices of 10 ms: about 10 each"


def test_after_a_stall_each_probe_starts_once_and_keeps_its_phase():
    table = Timetable(jitter=0)
    table.add("a", 1.0, now=0.0)
    slot = table.next_due()
    table.take(slot)
    assert ["a"] == table.take(slot + 7.5)
    assert slot + 8 == pytest.approx(table.next_due())
    assert [] == table.take(slot + 7.9)


def test_what_is_removed_is_not_due_and_what_returns_is_due_once():
    table = Timetable()
    table.add("a", 1.0, now=0.0)
    table.add("b", 1.0, now=0.0)
    table.remove("a")
    table.remove("b")
    assert table.next_due() is None
    table.add("a", 1.0, now=5.0)
    assert ["a"] == table.take(7.0)
    assert "b" not in table
