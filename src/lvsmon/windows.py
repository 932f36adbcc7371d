"""Is it maintenance time? Pure functions of the wall clock, asked anew each time: so a restart within a window, a clock
that is set and a reload that changes the window need no care, and no edge can be missed.

A window begins when a cron expression of five fields is due in its own time zone, as Debian's cron has it: a time that
summer time skips is due when the clocks have moved, one that comes twice is due the first time. It lasts as long as it
says in real time, whatever the clocks do meanwhile.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from lvsmon.model import Notice, NoticeKind, Wish, WishKind
from lvsmon.model.window import Purpose, Window

_FIELDS: Final = 5


@dataclass(frozen=True, slots=True)
class Span:
    """One time of a window, in wall-clock seconds; its end is not part of it."""

    start: float
    end: float


def check(start: str) -> None:
    """Raise ValueError if ``start`` is no cron expression of five fields that is ever due."""
    if len(start.split()) != _FIELDS:
        raise ValueError(f"want five fields (minute, hour, day of month, month, day of week), not {len(start.split())}")
    try:
        next(CronSim(start, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").replace("-", " ")
        raise ValueError(f"its {field} is wrong") from None
    except StopIteration:
        raise ValueError("it is never due") from None


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """Return the time zone of that name in the IANA database; raise ValueError if there is none."""
    if name == "UTC":
        return UTC  # also where no time zones are installed
    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError("no such time zone") from error
    except KeyError:
        raise ValueError("no such time zone is installed here") from None


def span(window: Window, now: float) -> Span | None:
    """Return the time of ``window`` that ``now`` is in, None if it is in none."""
    begun = None
    for start in _starts(window, now - window.duration):
        if start > now:
            break
        begun = start
    return None if begun is None else Span(begun, begun + window.duration)


def next_edge(windows: Iterable[Window], now: float) -> float | None:
    """Return when the next window begins or ends after ``now``, None if there are no windows."""
    edges = []
    for window in windows:
        current = span(window, now)
        edges += [*starts(window, now, 1), *([] if current is None else [current.end])]
    return min(edges, default=None)


def wishes(windows: Iterable[Window], now: float) -> tuple[Wish, ...]:
    """Return what the windows that ``now`` is in wish for."""
    return tuple(
        Wish(
            name=window.name,
            kind=WishKind.DISABLE,
            realserver=realserver,
            virtual=virtual,
            comment=window.comment,
            by="its maintenance window",
            since=current.start,
            until=current.end,
        )
        for window in windows
        if window.purpose is Purpose.DISABLE and (current := span(window, now)) is not None
        for virtual, realserver in sorted(window.scope)
    )


def quiet(windows: Iterable[Window], now: float) -> frozenset[tuple[str, str]]:
    """Return the destinations, as (virtual service, realserver), whose failing is as planned now."""
    scopes = [window.scope for window in windows if window.purpose is Purpose.QUIET and span(window, now) is not None]
    return frozenset[tuple[str, str]]().union(*scopes)


def notices(windows: Iterable[Window], now: float) -> tuple[Notice, ...]:
    """Return what is to be said of the windows that ``now`` is in."""
    return tuple(_notice(window, current) for window in windows if (current := span(window, now)) is not None)


def _notice(window: Window, current: Span) -> Notice:
    end = datetime.fromtimestamp(current.end, zone(window.timezone))
    what = "failures are as planned" if window.purpose is Purpose.QUIET else "weight 0"
    places = sorted({virtual for virtual, _ in window.scope})
    comment = f" ({window.comment})" if window.comment else ""
    text = f"maintenance window {window.name}{comment} until {end:%Y-%m-%d %H:%M %Z}: {what} in {', '.join(places)}"
    return Notice(NoticeKind.MAINTENANCE, None, text, about=window.name)


def starts(window: Window, since: float, count: int) -> list[float]:
    """Return the first ``count`` times after ``since`` at which ``window`` begins."""
    return list(islice(_starts(window, since), count))


def _starts(window: Window, since: float) -> Iterator[float]:
    begun = since
    for moment in CronSim(window.start, datetime.fromtimestamp(since, zone(window.timezone))):
        if moment.timestamp() > begun:  # in an hour that comes again cronsim tells of the first one
            begun = moment.timestamp()
            yield begun
