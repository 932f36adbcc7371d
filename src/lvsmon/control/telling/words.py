"""Numbers and times as people read them at a glance, and colours that only repeat what the words say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lvsmon.text import escape

_DAY: Final = 86400

_COLOURS: Final[Mapping[str, str]] = {
    "UP": "32",
    "WARN": "33",
    "DOWN": "1;31",
    "UNKNOWN": "35",
    "loud": "1;33",
    "head": "2",
    "title": "1",
}
"""SGR parameters (ECMA-48 section 8.3.117)."""

_UNITS: Final = ((1e3, "k"), (1e6, "M"), (1e9, "G"))

_BADNESS: Final = {"PASS": 0, "WARN": 1, "UNKNOWN": 2, "FAIL": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """``width`` is in terminal cells, None where lines need no end; ``arrow`` is what the encoding has."""

    width: int | None = None
    colour: bool = False
    arrow: str = "→"

    def paint(self, text: str, what: str) -> str:
        """Return ``text`` in the colour of ``what``, a health or a role."""
        return f"\x1b[{_COLOURS[what]}m{text}\x1b[0m" if self.colour and what in _COLOURS else text


def age(seconds: float) -> str:
    """Return a time that has passed, in at most two units: "12s", "4m12s", "5h07m", "3d4h", "120d"."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < _DAY:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    days = whole // _DAY
    return f"{days}d{whole % _DAY // 3600}h" if days < 10 else f"{days}d"


def clock(when: float, now: float) -> str:
    """Return a moment by the local clock, with its date where that is not today's."""
    moment = datetime.fromtimestamp(when).astimezone()
    today = datetime.fromtimestamp(now).astimezone().date() == moment.date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def number(count: float | None) -> str:
    """Return a count in at most five cells: "9999", "12.3k", "4.5M"; "-" where it is not known."""
    if count is None:
        return "-"
    if count < 10_000:
        return f"{count:.0f}"
    divisor, unit = next((each for each in _UNITS if count < 1000 * each[0]), _UNITS[-1])
    scaled = f"{count / divisor:.1f}" if count < 100 * divisor else f"{count / divisor:.0f}"
    return scaled.removesuffix(".0") + unit


def seconds(taken: float) -> str:
    """Return how long a run took."""
    if taken >= 1:
        return f"{taken:.1f} s"
    return f"{taken * 1000:.0f} ms" if taken >= 0.01 else f"{taken * 1000:.1f} ms"


def counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def weight(value: int | None) -> str:
    return "absent" if value is None else str(value)


def worst(probes: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the probe that people want to hear of first."""

    def badness(probe: Mapping[str, Any]) -> tuple[bool, int]:
        return probe["health"] == "DOWN", -1 if probe["last"] is None else _BADNESS[probe["last"]["verdict"]]

    return max(probes, key=badness, default=None)


def outcome(probe: Mapping[str, Any]) -> str:
    """Return the last outcome of a probe, and how far rise or fall have come; escaped."""
    last = probe["last"]
    if last is None:
        return escape(f"{probe['kind']} not run yet")
    text = f"{probe['kind']} {last['detail'] or last['reason']}"
    verdict, health = last["verdict"], probe["health"]
    if verdict == "FAIL":
        return escape(text if health == "DOWN" else f"failure {probe['fails']} of {probe['fall']}: {text}")
    if verdict == "UNKNOWN":
        return escape(f"could not be told: {text}")
    if health in ("DOWN", "UNKNOWN"):
        return escape(f"pass {probe['passes']} of {probe['rise']}: {text}")
    return escape(f"{text} in {seconds(last['seconds'])}")
