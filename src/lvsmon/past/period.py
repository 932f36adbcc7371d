"""Times as people write them: "7d", "yesterday", "2026-11-20 14:00"."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final

from lvsmon.model.settings import duration, shown

_TIME_OF_DAY: Final = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)


def moment(text: str, now: float) -> float:
    """Return the wall-clock seconds that ``text`` means; raise ValueError saying what to write.

    A duration is so long before ``now``, a time of day the last one before it. What has no zone is of this machine's.
    """
    here = datetime.fromtimestamp(now).astimezone()
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    match text:
        case "now":
            return now
        case "today":
            return _local(midnight)
        case "yesterday":
            return _local(midnight - timedelta(days=1))
    try:
        return now - duration(text)
    except ValueError:
        pass
    try:
        if _TIME_OF_DAY.fullmatch(text):
            that = datetime.combine(here.date(), time.fromisoformat(text))
            return _local(that if _local(that) <= now else that - timedelta(days=1))
        found = datetime.fromisoformat(text)
        return found.timestamp() if found.tzinfo else _local(found)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f'write how long ago, such as "12h" or "7d", or a time, such as "14:00", "yesterday",'
            f' "2026-11-20" or "2026-11-20 14:00", not {shown(text)}'
        ) from None


def _local(shown_time: datetime) -> float:
    """Return the seconds of what the clocks of this machine's zone show at ``shown_time``, summer time or not."""
    return shown_time.replace(tzinfo=None).timestamp()


def clock(seconds: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return ``seconds`` as the clocks of this machine's zone show them."""
    return datetime.fromtimestamp(seconds).astimezone().strftime(form)


def iso(seconds: float) -> str:
    """Return ``seconds`` in UTC, for programs."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def short(seconds: float | None) -> str:
    """Return a length in at most two units: "0.4s", "58s", "1m43s", "2h5m", "3d4h"; "-" for none."""
    if seconds is None:
        return "-"
    if 0 < seconds < 10:
        return f"{seconds:.1f}s".replace(".0s", "s")
    rest = round(seconds)
    parts: list[tuple[int, str]] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if parts or count:
            parts.append((count, unit))
    return "".join(f"{count}{unit}" for count, unit in parts[:2] if count) or "0s"
