"""Values that routes are written in: periods, templates, times of the day, limits."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field

from lvsmon.alerts.facts import VARIABLES
from lvsmon.alerts.period import Period
from lvsmon.alerts.route import After, Limit
from lvsmon.config.guesses import meant
from lvsmon.config.values import between
from lvsmon.model.settings import Written, duration, format_duration, shown

_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_WITHIN: Final = re.compile(r"(\d{1,5}) in (\S+)", re.ASCII)
_MON_AFTER: Final = re.compile(r"(\d{1,5})\s+(\d+[smhd])", re.ASCII)
_MOST_FAILURES: Final = 1000
_AFTER: Final = 'write a number of failures, such as 3, a time, such as "5m", or both, such as "3 in 30m"'


def _period(value: str) -> str:
    Period.parse(value)
    return value


def _template(value: str) -> str:
    from lvsmon.alerts.templates import Template  # noqa: PLC0415  with Jinja it takes longer to load than to probe

    try:
        unknown = Template(value).variables - VARIABLES
    except ValueError as error:
        raise ValueError(f"not a template that may be used: {error}") from None
    if unknown:
        near = meant(min(unknown), VARIABLES, "docs/reference/alerts.md")
        raise ValueError(f"a template has no variable {shown(min(unknown))}{near}")
    return value


def time_of_day(value: str) -> int:
    """Return the minute of the day; raise ValueError."""
    match = _TIME.fullmatch(value)
    if match is None:
        raise ValueError(f'write a time of the day, such as "08:00", not {shown(value)}')
    return int(match[1]) * 60 + int(match[2])


def _time(value: str) -> str:
    time_of_day(value)
    return value


def _after(value: object) -> After:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_FAILURES:
        return After(failures=value)
    if isinstance(value, str):
        return _after_text(value)
    raise ValueError(f"{_AFTER}, not {shown(value)}")


def _after_text(value: str) -> After:
    if value.isdecimal() and value.isascii():
        raise ValueError(f"write a number of failures without quotes, such as 3, not {shown(value)}")
    if match := _MON_AFTER.fullmatch(value):
        raise ValueError(f'write failures within a time as "{match[1]} in {match[2]}", not {shown(value)} as in mon')
    if " in " not in value:
        return After(seconds=duration(value))
    match = _WITHIN.fullmatch(value)
    if match is None or not 2 <= int(match[1]) <= _MOST_FAILURES or duration(match[2]) < 1:
        raise ValueError(f"{_AFTER}, with 2 to {_MOST_FAILURES} failures within at least 1s, not {shown(value)}")
    return After(failures=int(match[1]), within=duration(match[2]))


def _write_after(after: After) -> int | str:
    if after.within:
        return f"{after.failures} in {format_duration(after.within)}"
    return after.failures or format_duration(after.seconds)


def _limit(value: object) -> Limit:
    """Return the limit; "off" is one that nothing reaches."""
    if value == "off":
        return OFF
    match = _WITHIN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) < 1 or duration(match[2]) < 1:
        raise ValueError(f'write a limit, such as "60 in 1h", or "off", not {shown(value)}')
    return Limit(int(match[1]), duration(match[2]))


def _write_limit(limit: Limit) -> str:
    return "off" if limit == OFF else f"{limit.count} in {format_duration(limit.window)}"


OFF: Final = Limit(0, 0.0)

PeriodText: TypeAlias = Annotated[str, AfterValidator(_period), Field(examples=["wd {Mon-Fri} hr {9am-4pm}"])]
TemplateText: TypeAlias = Annotated[str, AfterValidator(_template), Field(examples=["{{ conditions[0].summary }}"])]
TimeOfDay: TypeAlias = Annotated[str, AfterValidator(_time), Field(examples=["08:00"])]
AfterSetting: TypeAlias = Annotated[After, Written(_after, "5m", _write_after, number=True)]
LimitSetting: TypeAlias = Annotated[Limit, Written(_limit, "60 in 1h", _write_limit)]
Every: TypeAlias = Annotated[float, Written(between("1s", "31d"), "1h", format_duration)]
Wait: TypeAlias = Annotated[float, Written(between("0s", "1h"), "10s", format_duration)]
Lasting: TypeAlias = Annotated[float, Written(between("0s", "31d"), "10m", format_duration)]
