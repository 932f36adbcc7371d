"""When something is told: mon's periods (Time::Period of Perl), and windows written as cron writes times. Pure.

    wd {Mon-Fri} hr {9am-4pm}      mon's: scales with ranges, a comma between alternatives; hr {9am-4pm} ends at 16:59
    * 9-16 * * mon-fri             cron's five fields: minute, hour, day of month, month, day of week

Ranges include both ends and may go round (``hr {10pm-6am}``). The semantics are those of Time::Period 1.25; an empty
text is always, ``none`` is never. In cron's fields, where both days are restricted, either is enough, as in cron.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("su", "mo", "tu", "we", "th", "fr", "sa")
_CRON_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONG: Final = {
    "year": "yr", "month": "mo", "week": "wk", "yday": "yd", "mday": "md", "wday": "wd", "hour": "hr",
    "minute": "min", "second": "sec",
}  # fmt: skip
_SCALE: Final = re.compile(r"([a-z]+)\s*\{([^{}]*)\}")
_HOUR: Final = re.compile(r"(\d{1,2})(am|pm|noon)?", re.ASCII)
_LONGEST: Final = 1000
"""Characters of a period: the longest useful ones name every weekday and hour."""

Values: TypeAlias = frozenset[int]


@dataclass(frozen=True, slots=True)
class _Scale:
    """The values of one scale that a text may name: their names, and the numbers of the first and the last one."""

    read: Callable[[str], int]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Period:
    """A set of moments; ``text`` is as it was written. A moment is in it if one of ``parts`` holds all its scales."""

    text: str
    parts: tuple[Mapping[str, Values], ...]

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Raise ValueError saying what to write instead."""
        if len(text) > _LONGEST:
            raise ValueError(f"a period of more than {_LONGEST} characters: write a shorter one")
        low = text.strip().lower()
        if low in ("", "none"):
            return cls(text, ({},) if not low else ())
        if "{" in low or "}" in low:
            return cls(text, tuple(_part(part.strip()) for part in low.split(",")))
        return cls(text, _cron(low))

    def contains(self, moment: datetime) -> bool:
        """Say whether ``moment``, in the time zone that is meant, is in the period."""
        fields = _fields(moment)
        return any(all(fields[scale] in values for scale, values in part.items()) for part in self.parts)


def _fields(moment: datetime) -> dict[str, int]:
    sunday_first = (moment.weekday() + 1) % 7
    return {
        "yr": moment.year,
        "mo": moment.month,
        "wk": (moment.day - 1 + (sunday_first - moment.day + 1) % 7) // 7 + 1,
        "yd": moment.timetuple().tm_yday,
        "md": moment.day,
        "wd": sunday_first + 1,
        "hr": moment.hour,
        "min": moment.minute,
        "sec": moment.second,
    }


def _part(text: str) -> Mapping[str, Values]:
    found: dict[str, Values] = {}
    if not text or _SCALE.sub("", text).strip():
        raise ValueError(f'write scales such as wd {{Mon-Fri}} hr {{9am-4pm}}, not "{text}"')
    for scale, ranges in _SCALE.findall(text):
        name = _LONG.get(scale, scale)
        if name not in _SCALES:
            raise ValueError(f'there is no scale "{scale}": write yr, mo, wk, yd, md, wd, hr, min or sec')
        found[name] = found.get(name, frozenset()) | _ranges(name, re.sub(r"\s*-\s*", "-", ranges))
    return found


def _ranges(name: str, text: str) -> Values:
    scale, found = _SCALES[name], set[int]()
    for one in text.split():
        low, dash, high = one.partition("-")
        first, last = scale.read(low), scale.read(high if dash else low)
        if not all(scale.first <= value <= scale.last for value in (first, last)):
            raise ValueError(f"{name} {{{one}}}: write {scale.first} to {scale.last}")
        if first <= last:
            found |= set(range(first, last + 1))
        elif name == "yr":  # years go round nowhere: Time::Period swaps them
            found |= set(range(last, first + 1))
        else:
            found |= {*range(first, scale.last + 1), *range(scale.first, last + 1)}
    return frozenset(found)


def _number(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 4:
        raise ValueError(f'write a number, not "{text}"')
    return int(text)


def _named(names: tuple[str, ...]) -> Callable[[str], int]:
    def read(text: str) -> int:
        short = text[: len(names[0])]
        return names.index(short) + 1 if short in names else _number(text)

    return read


def _hour(text: str) -> int:
    match = _HOUR.fullmatch(text)
    if match is None or (match[2] == "noon" and match[1] != "12"):
        raise ValueError(f'write an hour such as 9, 9am or 5pm, not "{text}"')
    hour = int(match[1])
    if match[2] == "am":
        return 0 if hour == 12 else hour
    return hour + 12 if match[2] == "pm" and hour != 12 else hour


def _year(text: str) -> int:
    """Two digits are of this century: Time::Period takes the century of the moment that it is asked about."""
    year = _number(text)
    return 2000 + year if year < 100 else year


_SCALES: Final[Mapping[str, _Scale]] = {
    "yr": _Scale(_year, 1970, 2099),
    "mo": _Scale(_named(_MONTHS), 1, 12),
    "wk": _Scale(_number, 1, 6),
    "yd": _Scale(_number, 1, 366),
    "md": _Scale(_number, 1, 31),
    "wd": _Scale(_named(_DAYS), 1, 7),
    "hr": _Scale(_hour, 0, 23),
    "min": _Scale(_number, 0, 59),
    "sec": _Scale(_number, 0, 59),
}


def _cron(text: str) -> tuple[Mapping[str, Values], ...]:
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(
            f'write a period such as "wd {{Mon-Fri}} hr {{9am-4pm}}" or cron\'s five fields such as '
            f'"* 9-16 * * mon-fri", not "{text}"'
        )
    minutes, hours, days, months, weekdays = fields
    common = {
        "min": _field(minutes, 0, 59), "hr": _field(hours, 0, 23), "mo": _field(months, 1, 12, _MONTHS, 1),
    }  # fmt: skip
    of_month = {"md": _field(days, 1, 31)}
    of_week = {"wd": frozenset(day % 7 + 1 for day in _field(weekdays, 0, 7, _CRON_DAYS))}
    if not days.startswith("*") and not weekdays.startswith("*"):
        return {**common, **of_month}, {**common, **of_week}
    return ({**common, **of_month, **of_week},)


def _field(text: str, first: int, last: int, names: tuple[str, ...] = (), offset: int = 0) -> Values:
    found = set[int]()
    for one in text.split(","):
        span, slash, step = one.partition("/")
        low, dash, high = span.partition("-")
        if span == "*":
            begin, end = first, last
        else:
            begin = _cron_value(low, names, offset)
            end = _cron_value(high, names, offset) if dash else (last if slash else begin)
        stride = _number(step) if slash else 1
        if not first <= begin <= end <= last or stride < 1:
            raise ValueError(f'"{one}": write {first} to {last}, the smaller number first')
        found |= set(range(begin, end + 1, stride))
    return frozenset(found)


def _cron_value(text: str, names: tuple[str, ...], offset: int) -> int:
    return names.index(text) + offset if text in names else _number(text)
