"""A recorded stream replayed against routes: who would have been told what, and when. Pure.

A record is one JSON object in a line: ``at`` (seconds since 1970, or ISO 8601 with a time zone), ``severity``, and
``virtual``, ``realserver``, ``destination``, ``about``, ``tags``, ``summary``, ``failures`` as far as they apply; with
``"over": true`` it ends.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lvsmon.alerts.alert import Alert
from lvsmon.alerts.condition import Condition, ConditionId, Severity, Subject
from lvsmon.alerts.engine import State, advance
from lvsmon.alerts.facts import About
from lvsmon.alerts.render import Renderer
from lvsmon.alerts.route import Route

MOST_STEPS: Final = 100_000
"""Moments that are looked at: every second of a day, or a year in steps of five minutes."""

AFTERWARDS: Final = 86_400.0
"""Seconds that are looked at after the last record, for what is told late: digests, repetitions."""

_KEYS: Final = {
    "at", "severity", "virtual", "realserver", "destination", "about", "tags", "summary", "failures", "over",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """``condition`` begins or changes ``at`` this wall-clock time, or is over."""

    at: float
    condition: Condition
    over: bool


def read(lines: Iterable[str]) -> list[Record]:
    """Return the records, in the order of their times; raise ValueError naming the line."""
    records = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            records.append(_record(json.loads(line)))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"line {number}: {error}") from None
    return sorted(records, key=lambda one: one.at)


def _record(raw: Any) -> Record:
    if not isinstance(raw, dict):
        raise ValueError("write a JSON object in each line")  # noqa: TRY004  one kind of error for whoever reads
    if unknown := raw.keys() - _KEYS:
        raise ValueError(f"unknown key {min(unknown)!r}: there is {', '.join(sorted(_KEYS))}")
    if raw.get("severity") not in list(Severity):
        raise ValueError(f"severity: write one of {', '.join(Severity)}")
    names = {key: raw.get(key, "") for key in ("virtual", "realserver", "destination", "about")}
    if not all(isinstance(name, str) for name in names.values()):
        raise ValueError("names are strings")
    summary, tags, failures = raw.get("summary", ""), raw.get("tags", []), raw.get("failures", 0)
    if not isinstance(summary, str):
        raise ValueError("summary: write a string")  # noqa: TRY004
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError('tags: write a list of strings, such as ["rack1"]')
    if not isinstance(failures, int) or isinstance(failures, bool) or failures < 0:
        raise ValueError("failures: write a number from 0")
    if not isinstance(raw.get("over", False), bool):
        raise ValueError("over: write true or false")  # noqa: TRY004
    at, severity, subject = _time(raw.get("at")), Severity(raw["severity"]), Subject(**names)
    default = f"{'/'.join(filter(None, names.values())) or 'the director'}: {severity}"
    condition = Condition(
        severity=severity, subject=subject, summary=summary or default, since=at,
        tags=frozenset(tags), facts={"failures": failures} if "failures" in raw else {},
    )  # fmt: skip
    return Record(at, condition, raw.get("over") is True)


def _time(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return float(value)
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.timestamp()
    raise ValueError("at: write seconds since 1970, or a time such as 2026-11-23T04:30:00+01:00")


def stride(records: Sequence[Record]) -> float:
    """Return every how many seconds a stream is looked at."""
    return max(1.0, (records[-1].at - records[0].at + AFTERWARDS) / MOST_STEPS) if records else 1.0


def simulate(records: Sequence[Record], routes: Sequence[Route], director: str) -> Iterator[tuple[Route, Alert]]:
    """Yield what each route would have told, in order."""
    if not records:
        return
    renderer, state = Renderer(About(director, next((route.zone for route in routes), About("").zone))), State()
    open_now: dict[ConditionId, Condition] = {}
    start, end = records[0].at, records[-1].at + AFTERWARDS
    pause = stride(records)
    position, now = 0, start
    while now <= end:
        while position < len(records) and records[position].at <= now:
            record = records[position]
            position += 1
            if record.over:
                open_now.pop(record.condition.id, None)
            else:
                open_now[record.condition.id] = record.condition
        step = advance(state, routes, open_now.values(), now)
        state = step.state
        for due in step.due:
            yield due.route, renderer.alert(due, now)
        if position == len(records) and not open_now and not state.threads and _nothing_held(state):
            return
        following = records[position].at if position < len(records) else end + pause
        now = min(now + pause, following) if following > now else now + pause


def _nothing_held(state: State) -> bool:
    return all(account.held is None for account in state.accounts.values())
