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
    at, severity, subject = _time(raw.get("at")), Severity(raw["severity"]), Subject(**names)
    summary = raw.get("summary") or f"{'/'.join(filter(None, names.values())) or 'the director'}: {severity}"
    failures = {"failures": raw["failures"]} if isinstance(raw.get("failures"), int) else {}
    condition = Condition(
        severity=severity, subject=subject, summary=str(summary), since=at,
        tags=frozenset(map(str, raw.get("tags", []))), facts=failures,
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


def simulate(records: Sequence[Record], routes: Sequence[Route], director: str) -> Iterator[tuple[Route, Alert]]:
    """Yield what each route would have told, in order."""
    if not records:
        return
    renderer, state = Renderer(About(director, next((route.zone for route in routes), About("").zone))), State()
    open_now: dict[ConditionId, Condition] = {}
    start, end = records[0].at, records[-1].at + AFTERWARDS
    stride = max(1.0, (end - start) / MOST_STEPS)
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
        following = records[position].at if position < len(records) else end + stride
        now = min(now + stride, following) if following > now else now + stride


def _nothing_held(state: State) -> bool:
    return all(account.held is None for account in state.accounts.values())
