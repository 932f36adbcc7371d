"""Periods mean what Time::Period 1.25 makes of them, and cron's fields what cron does."""

from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.alerts.period import Period

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment", "inside"),
    [
        ("", "2026-11-23 04:30", True),
        ("none", "2026-11-23 04:30", False),
        ("hr {9am-4pm}", "2026-11-23 16:59", True),
        ("hr {9am-4pm}", "2026-11-23 17:00", False),
        ("hr {9am-4pm}", "2026-11-23 08:59", False),
        ("wd {Mon-Fri} hr {9-16}", "2026-11-23 09:00", True),
        ("wd {Mon-Fri} hr {9-16}", "2026-11-22 09:00", False),
        ("wd {Fri - Mon}", "2026-11-22 09:00", True),
        ("wd {1}", "2026-11-22 09:00", True),
        ("hr {10pm-6am}", "2026-11-23 06:30", True),
        ("hr {10pm-6am}", "2026-11-23 07:00", False),
        ("hr {12am}", "2026-11-23 00:10", True),
        ("hr {12noon}", "2026-11-23 12:10", True),
        ("hour {12pm-1pm} minute {0-29}", "2026-11-23 13:29", True),
        ("wd {Sat Sun}, wd {Mon-Fri} hr {0-7 18-23}", "2026-11-23 18:00", True),
        ("wd {Sat Sun}, wd {Mon-Fri} hr {0-7 18-23}", "2026-11-23 12:00", False),
        ("hr {9} hr {11}", "2026-11-23 11:00", True),
        ("mo {Nov-Feb} md {23}", "2026-11-23 11:00", True),
        ("yd {327}", "2026-11-23 11:00", True),
        ("yr {2027-2025}", "2026-11-23 11:00", True),
        ("yr {26}", "2026-11-23 11:00", True),
        ("wk {1}", "2026-11-01 11:00", True),
        ("wk {2}", "2026-11-08 11:00", True),
        ("wk {1}", "2026-12-05 11:00", True),
        ("wk {2}", "2026-12-06 11:00", True),
        ("* 9-16 * * mon-fri", "2026-11-23 16:59", True),
        ("* 9-16 * * mon-fri", "2026-11-22 16:59", False),
        ("*/15 * * * *", "2026-11-23 16:45", True),
        ("*/15 * * * *", "2026-11-23 16:46", False),
        ("* * 1 * sun", "2026-11-22 16:46", True),
        ("* * 1 * sun", "2026-12-01 16:46", True),
        ("* * 1 * sun", "2026-12-02 16:46", False),
        ("* * * nov 7", "2026-11-22 16:46", True),
    ],
)
def test_a_moment_is_in_a_period_or_not(text, moment, inside):
    assert Period.parse(text).contains(datetime.fromisoformat(moment).replace(tzinfo=BERLIN)) is inside


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("office hours", "write a period such as"),
        ("hr {9am-4pm", "write scales such as"),
        ("hr {9am}}", "write scales such as"),
        ("hr {9am},", "write scales such as"),
        ("day {1}", 'there is no scale "day"'),
        ("hr {24}", "write 0 to 23"),
        ("hr {13noon}", "write an hour such as"),
        ("wd {8}", "write 1 to 7"),
        ("wd {xy}", "write a number"),
        ("md {0}", "write 1 to 31"),
        ("md {99999}", "write a number"),
        ("* 25 * * *", "write 0 to 23"),
        ("* 9-5 * * *", "the smaller number first"),
        ("*/0 * * * *", "write 0 to 59"),
        ("x" * 2000, "write a shorter one"),
    ],
)
def test_what_is_no_period_is_refused_with_what_to_write(text, says):
    with pytest.raises(ValueError) as caught:
        Period.parse(text)
    assert says in str(caught.value)


@given(st.text(alphabet="hrwdmoincs{}-,* 0123456789/ap", max_size=40))
def test_any_text_is_a_period_or_a_clear_error(text):
    with suppress(ValueError):
        assert Period.parse(text).contains(datetime(2026, 11, 23, tzinfo=BERLIN)) in (True, False)
