"""Shares are exact whatever happened: no time is lost, counted twice or negative, and nobody's guess counts as up."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import Health
from lvsmon.model.history import CAME, WENT, Entry, EntryKind, Moment, Session
from lvsmon.past.figures import figures
from lvsmon.past.timeline import State, Stretch, combined, merged, timeline

DAY = 86400.0


def session(number=1, *, started, seen, clock=0.0, stopped=True):
    """A session whose clock says ``clock`` at its start."""
    return Session(
        number=number, version="1", started=Moment(started, clock), seen=Moment(seen, clock + seen - started),
        stopped=stopped,
    )  # fmt: skip


def entry(session, after, clock, *, rule="", planned=False, step=0.0):
    """An entry at ``clock`` seconds of its session, read off a wall clock that was wrong by ``step`` then."""
    at = session.seen.at - (session.seen.clock - clock) + step
    return Entry(
        moment=Moment(at, clock), kind=EntryKind.HEALTH, session=session.number,
        after=after, rule=rule, planned=planned,
    )  # fmt: skip


def states(stretches):
    return [(one.start, one.end, one.state.value) for one in stretches]


SESSION = session(started=1000.0, seen=2000.0)


def test_a_day_in_the_life_of_a_destination():
    told = [
        entry(SESSION, "UNKNOWN", 0.0, rule=CAME), entry(SESSION, "UP", 10.0), entry(SESSION, "DOWN", 100.0),
        entry(SESSION, "WARN", 160.0), entry(SESSION, "", 900.0, rule=WENT),
    ]  # fmt: skip
    assert [
        (900.0, 1000.0, "no_record"), (1000.0, 1010.0, "unknown"), (1010.0, 1100.0, "up"), (1100.0, 1160.0, "down"),
        (1160.0, 1900.0, "warn"), (1900.0, 2100.0, "no_record"),
    ] == states(timeline([SESSION], told, 900.0, 2100.0, now=5000.0))  # fmt: skip


def test_while_lvsmon_did_not_run_nobody_is_up_or_down():
    again = session(2, started=2500.0, seen=3000.0, clock=70.0)
    told = [entry(SESSION, "UNKNOWN", 0.0), entry(SESSION, "DOWN", 100.0), entry(again, "UP", 80.0)]
    assert [
        (1100.0, 2000.0, "down"), (2000.0, 2500.0, "not_running"), (2500.0, 2510.0, "unknown"), (2510.0, 3000.0, "up"),
        (3000.0, 4000.0, "not_running"),
    ] == states(timeline([SESSION, again], told, 1100.0, 4000.0, now=4000.0))  # fmt: skip


def test_the_session_that_goes_on_reaches_to_now_and_one_that_was_killed_does_not():
    living = replace(SESSION, stopped=False)
    told = [entry(living, "UP", 0.0)]
    assert [(1000.0, 2010.0, "up")] == states(timeline([living], told, 1000.0, 2010.0, now=2010.0))
    assert (2000.0, 9000.0, "not_running") == states(timeline([living], told, 1000.0, 9000.0, now=9000.0))[-1]


def test_a_clock_that_was_set_back_an_hour_in_a_session_changes_no_length():
    """Entries before the step bear later times than those after it; only the other clock counts."""
    told = [
        entry(SESSION, "UP", 0.0, step=3600.0),
        entry(SESSION, "DOWN", 300.0, step=3600.0),
        entry(SESSION, "UP", 400.0),
    ]
    assert [(1000.0, 1300.0, "up"), (1300.0, 1400.0, "down"), (1400.0, 2000.0, "up")] == states(
        timeline([SESSION], told, 1000.0, 2000.0, now=2000.0)
    )


def test_a_clock_that_was_set_back_between_two_sessions_counts_no_time_twice():
    again = session(2, started=1500.0, seen=2500.0)
    told = [entry(SESSION, "UP", 0.0), entry(again, "DOWN", 0.0)]
    assert [(1000.0, 1500.0, "up"), (1500.0, 2500.0, "down")] == states(
        timeline([SESSION, again], told, 1000.0, 2500.0, now=2500.0)
    )


def test_what_is_planned_is_neither_up_nor_down():
    told = [
        entry(SESSION, "UP", 0.0), entry(SESSION, "UP", 100.0, planned=True),
        entry(SESSION, "DOWN", 200.0, planned=True), entry(SESSION, "UP", 300.0),
    ]  # fmt: skip
    assert ["up", "planned", "up"] == [one.state for one in timeline([SESSION], told, 1000.0, 2000.0, now=2000.0)]


@pytest.mark.parametrize(
    ("each", "together"),
    [
        (["up", "down", "unknown"], "up"),
        (["down", "unknown"], "unknown"),
        (["down", "planned", "no_record"], "down"),
        (["planned", "planned"], "planned"),
        (["warn", "down"], "warn"),
        (["not_running", "not_running"], "not_running"),
        (["no_record"], "no_record"),
    ],
)
def test_a_virtual_service_is_up_while_one_serves_and_down_only_if_nobody_may(each, together):
    assert [Stretch(0.0, 1.0, State(together))] == combined([[Stretch(0.0, 1.0, State(one))] for one in each])


def test_incidents_are_told_with_what_is_known_of_them():
    """One that goes on while nobody looks is one; it grows by what was seen."""
    made = figures(
        [
            Stretch(0.0, 10.0, State.DOWN), Stretch(10.0, 20.0, State.NOT_RUNNING), Stretch(20.0, 25.0, State.DOWN),
            Stretch(25.0, 85.0, State.UP), Stretch(85.0, 90.0, State.DOWN), Stretch(90.0, 95.0, State.UNKNOWN),
            Stretch(95.0, 97.0, State.WARN), Stretch(97.0, 100.0, State.DOWN),
        ]
    )  # fmt: skip
    assert [(0.0, 25.0, 15.0), (85.0, 95.0, 5.0), (97.0, None, 3.0)] == [
        (one.start, one.end, one.down) for one in made.incidents
    ]
    assert (15.0, 10.0) == (made.longest, made.mean_repair)
    assert 62 / 85 == made.available


def test_of_a_time_of_which_nothing_is_known_no_share_is_told():
    made = figures(timeline([], [], 0.0, DAY, now=DAY))
    assert (None, None, None, 1.0) == (made.available, made.longest, made.mean_repair, made.shares[State.NO_RECORD])


_TIMES = st.floats(min_value=0, max_value=40 * DAY, allow_nan=False)
_HEALTH = st.sampled_from([*Health, ""])


@st.composite
def pasts(draw):
    """Runs on a wall clock that is set forwards and back, with entries in each."""
    sessions, told = [], []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        clock = draw(_TIMES)
        lasted = draw(st.floats(0, 10 * DAY))
        step = draw(st.floats(-DAY, DAY))
        started = draw(_TIMES)
        sessions.append(
            Session(
                number=number, version="", started=Moment(started + step, clock),
                seen=Moment(started + lasted, clock + lasted), stopped=draw(st.booleans()),
            )
        )  # fmt: skip
        told += [
            entry(sessions[-1], draw(_HEALTH), clock + at * lasted, planned=draw(st.booleans()))
            for at in sorted(draw(st.lists(st.floats(0, 1), max_size=8)))
        ]
    return sessions, told


@given(pasts(), _TIMES, st.floats(1, 40 * DAY), _TIMES)
def test_every_timeline_fills_its_time_without_gap_or_overlap(past, since, length, now):
    sessions, told = past
    made = timeline(sessions, told, since, since + length, now=now)
    assert (since, since + length) == (made[0].start, made[-1].end)
    assert all(one.start < one.end for one in made)
    assert all(one.end == following.start for one, following in pairwise(made))
    found = figures(made)
    assert math.isclose(1.0, sum(found.shares.values()), rel_tol=1e-9)
    assert math.isclose(found.seconds[State.DOWN], sum(one.down for one in found.incidents), rel_tol=1e-9)
    assert found.available is None or 0.0 <= found.available <= 1.0


@given(pasts(), _TIMES, st.floats(2, 40 * DAY), st.floats(0.1, 0.9), _TIMES)
def test_two_periods_that_adjoin_come_to_the_one_they_make(past, since, length, share, now):
    sessions, told = past
    middle, until = since + length * share, since + length
    parts = [timeline(sessions, told, *times, now=now) for times in ((since, middle), (middle, until))]
    assert timeline(sessions, told, since, until, now=now) == merged([*parts[0], *parts[1]])


@given(st.lists(pasts(), min_size=1, max_size=4), _TIMES, st.floats(1, 40 * DAY), _TIMES)
def test_a_virtual_service_is_at_least_as_long_up_as_its_best_destination(pasts_of, since, length, now):
    each = [timeline(sessions, told, since, since + length, now=now) for sessions, told in pasts_of]
    together = combined(each)
    assert (since, since + length) == (together[0].start, together[-1].end)
    assert all(one.end == following.start for one, following in pairwise(together))
    best = max(figures(one).up for one in each)
    assert figures(together).up >= best or math.isclose(figures(together).up, best, rel_tol=1e-9)
