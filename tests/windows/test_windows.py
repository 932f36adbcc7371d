"""Whether it is maintenance time is a function of the time alone, right through summer time, and no edge is missed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from lvsmon import windows
from lvsmon.model import NoticeKind, WishKind
from lvsmon.model.window import Purpose, Window
from lvsmon.windows import Span

HOUR = 3600.0
BERLIN = ZoneInfo("Europe/Berlin")


def window(start="30 2 * * *", *, duration=2 * HOUR, timezone="Europe/Berlin", **more):
    return Window(
        name="backup", start=start, duration=duration, timezone=timezone, scope=frozenset({("shop", "rs1")}), **more
    )


def utc(text):
    return datetime.fromisoformat(text + "+00:00").timestamp()


def open_spans(one, since, until, step=60.0):
    """Walk through a time by the minute and return the spans that are found."""
    found = []
    at = since
    while at < until:
        current = windows.span(one, at)
        if current is not None and current not in found:
            found.append(current)
        at += step
    return found


def test_a_window_is_open_from_its_start_to_just_before_its_end():
    start = utc("2026-06-01T00:30")
    assert [None, Span(start, start + 2 * HOUR), Span(start, start + 2 * HOUR), None] == [
        windows.span(window(), at) for at in (start - 0.001, start, start + 2 * HOUR - 0.001, start + 2 * HOUR)
    ]


def test_a_start_that_summer_time_skips_is_once_and_when_the_clocks_have_moved():
    """On 2026-03-29 there is no 2:30 in Berlin; the window is as long as ever."""
    assert [Span(utc("2026-03-29T01:00"), utc("2026-03-29T03:00"))] == open_spans(
        window(), utc("2026-03-28T12:00"), utc("2026-03-29T12:00")
    )


def test_a_start_that_comes_twice_is_once_and_the_first():
    """On 2026-10-25 there are two 2:30 in Berlin."""
    assert [Span(utc("2026-10-25T00:30"), utc("2026-10-25T02:30"))] == open_spans(
        window(), utc("2026-10-24T12:00"), utc("2026-10-25T12:00")
    )


def test_in_the_hour_that_comes_again_the_start_is_past():
    """At the second 2:15 in Berlin, 1:15 UTC, the 2:30 of that day was three quarters of an hour ago."""
    again = utc("2026-10-25T01:15")
    assert [utc("2026-10-26T01:30")] == windows.starts(window(), again, 1)
    assert Span(utc("2026-10-25T00:30"), utc("2026-10-25T02:30")) == windows.span(window(), again)


def test_a_window_over_the_change_of_the_clocks_lasts_as_long_as_any():
    overnight = window("0 23 * * *", duration=8 * HOUR)
    for day in ("2026-03-28T12:00", "2026-10-24T12:00"):
        (found,) = open_spans(overnight, utc(day), utc(day) + 24 * HOUR)
        assert 8 * HOUR == found.end - found.start


@pytest.mark.parametrize(
    ("start", "day"),
    [
        ("0 2 * * 0", 6),
        ("0 2 * * 7", 6),
        ("0 2 * * sun", 6),
        ("0 2 * * 1", 0),
        ("0 2 * * MON", 0),
    ],
)
def test_the_day_of_the_week_is_crons(start, day):
    (begun,) = windows.starts(window(start), utc("2026-06-03T00:00"), 1)
    assert day == datetime.fromtimestamp(begun, BERLIN).weekday()


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
EXPRESSIONS = st.sampled_from(
    ["30 2 * * *", "0 2 * * sun", "15 1 * * *", "0 3 1 * *", "59 1 * * *", "0 0 * * *", "30 1 * 3,4,10,11 *"]
)
MOMENTS = st.floats(utc("2026-01-01T00:00"), utc("2027-12-31T00:00"))


@given(EXPRESSIONS, ZONES, MOMENTS, st.floats(60.0, 20 * HOUR))
def test_it_is_open_exactly_while_a_start_is_not_longer_ago_than_it_lasts(start, timezone, now, duration):
    """Looking from any moment finds the same starts as walking there from far away."""
    one = window(start, duration=duration, timezone=timezone)
    walked = [begun for begun in windows.starts(one, now - 40 * 24 * HOUR, 60) if now - duration < begun <= now]
    current = windows.span(one, now)
    assert walked[-1:] == ([] if current is None else [current.start])


@given(EXPRESSIONS, ZONES, MOMENTS)
def test_starts_only_ever_go_forward_and_no_day_has_two_of_a_daily_one(start, timezone, since):
    begun = windows.starts(window(start, timezone=timezone), since, 30)
    assert begun == sorted(set(begun))
    assert begun[0] > since
    days = [datetime.fromtimestamp(one, ZoneInfo(timezone)).date() for one in begun]
    assert len(set(days)) == len(days)


@given(EXPRESSIONS, MOMENTS)
def test_away_from_summer_time_it_is_what_apscheduler_says(start, since):
    trigger = CronTrigger.from_crontab(start, timezone=UTC)
    expected = trigger.get_next_fire_time(None, datetime.fromtimestamp(since, UTC) + timedelta(microseconds=1))
    assert [expected.timestamp()] == windows.starts(window(start, timezone="UTC"), since, 1)


@given(st.lists(EXPRESSIONS, min_size=1, max_size=4), MOMENTS)
def test_between_two_edges_nothing_changes(expressions, now):
    several = [window(start) for start in expressions]
    edge = windows.next_edge(several, now)
    assert edge > now
    middle = [windows.span(one, now + (edge - now) * share) for one in several for share in (0.0, 0.5, 0.999)]
    assert [windows.span(one, now) for one in several for _ in range(3)] == middle


def test_a_window_wishes_for_weight_0_while_it_is_open_and_says_so():
    one = window(comment="nightly")
    inside = utc("2026-06-01T01:00")
    (wish,) = windows.wishes([one], inside)
    assert ("backup", WishKind.DISABLE, "shop", "rs1") == (wish.name, wish.kind, wish.virtual, wish.realserver)
    assert (utc("2026-06-01T00:30"), utc("2026-06-01T02:30"), "nightly") == (wish.since, wish.until, wish.comment)
    (notice,) = windows.notices([one], inside)
    assert (NoticeKind.MAINTENANCE, True) == (notice.kind, "until 2026-06-01 04:30 CEST" in notice.text)
    assert ((), ()) == (windows.wishes([one], inside + 24 * HOUR / 2), windows.notices([one], inside + 24 * HOUR / 2))


def test_a_quiet_window_wishes_for_nothing():
    one = window(purpose=Purpose.QUIET)
    inside = utc("2026-06-01T01:00")
    assert ((), frozenset({("shop", "rs1")})) == (windows.wishes([one], inside), windows.quiet([one], inside))
    assert frozenset() == windows.quiet([window()], inside)


def test_without_windows_there_is_no_edge():
    assert windows.next_edge([], 0.0) is None


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ("61 * * * *", "its minute is wrong"),
        ("* * * *", "want five fields"),
        ("@daily", "want five fields"),
        ("0 0 31 4 *", "its day of month is wrong"),
    ],
)
def test_what_is_no_cron_expression_is_said(start, why):
    with pytest.raises(ValueError, match=why):
        windows.check(start)
