"""Serial numbers (RFC 1982), with its section 7 as vectors, and how long a secondary owes one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.wire.serials import Lag, Side, newest, observe, steps

SERIALS = st.integers(0, (1 << 32) - 1)


@pytest.mark.parametrize(
    ("serial", "reference", "ahead"),
    [
        (1, 0, 1),
        (0, 1, -1),
        (44, 0, 44),
        (0, 0, 0),
        (0, (1 << 32) - 1, 1),
        ((1 << 32) - 1, 0, -1),
        (100, (1 << 32) - 100, 200),
        ((1 << 31) - 1, 0, (1 << 31) - 1),
        ((1 << 31) + 1, 0, 1 - (1 << 31)),
        (1 << 31, 0, None),
        (0, 1 << 31, None),
    ],
)
def test_steps(serial, reference, ahead):
    assert ahead == steps(serial, reference)


@given(SERIALS, st.integers(1, (1 << 31) - 1))
def test_adding_is_being_ahead(serial, more):
    later = (serial + more) % (1 << 32)
    assert (more, -more) == (steps(later, serial), steps(serial, later))
    assert later == newest([serial, later]) == newest([later, serial])


def test_the_newest_of_serials_that_cannot_be_compared_is_the_first():
    assert 7 == newest([7, 7 + (1 << 31)])
    assert 3 == newest([(1 << 32) - 5, 3, (1 << 32) - 1])


def follow(*seen, tolerated=(0, 0)):
    """Return for how long the secondary is off, after each (time, its serial, its primary's)."""
    lag, lasted = None, []
    for now, serial, reference in seen:
        lag = observe(lag, serial, reference, tolerated, now)
        lasted.append(None if lag is None else now - lag.since)
    return lasted


def test_a_stuck_secondary_owes_since_it_was_first_seen_behind():
    assert [None, 0, 10, 20] == follow((0, 5, 5), (10, 5, 6), (20, 5, 7), (30, 5, 8))


def test_a_secondary_that_keeps_up_with_a_busy_zone_owes_little():
    """Never level, but each serial is reached within 10 s."""
    assert [0, 0, 0, 0] == follow((0, 5, 6), (10, 6, 7), (20, 7, 8), (30, 8, 9))


def test_a_secondary_that_falls_farther_behind_owes_what_it_has_not_reached():
    assert [0, 10, 20, 0] == follow((0, 5, 8), (10, 6, 9), (20, 7, 10), (30, 8, 11))


def test_being_ahead_lasts_until_it_is_over():
    assert [0, 10, None, 0] == follow((0, 9, 5), (10, 9, 6), (20, 9, 9), (30, 9, 8))
    assert [0, 0] == follow((0, 9, 5), (10, 9, 10))


def test_what_cannot_be_compared_is_off():
    assert Lag(Side.APART, 1 << 31, 3.0) == observe(None, 0, 1 << 31, (0, 0), 3.0)
    assert [0, 5] == follow((0, 0, 1 << 31), (5, 0, 1 << 31))


def test_steps_that_are_tolerated_are_nothing():
    assert [None, None, 0] == follow((0, 3, 5), (1, 6, 5), (2, 7, 5), tolerated=(2, 1))
