"""What a route holds back, for a limit or until its next digest, and how that is summed up. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Condition
from lvsmon.alerts.route import Route
from lvsmon.alerts.threads import Message, Thread

MOST_KEPT: Final = 50
"""Messages whose words a summary keeps; of the rest it has the number."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message that was held back, in short."""

    at: float
    stage: Stage
    condition: Condition


@dataclass(frozen=True, slots=True)
class Held:
    """Messages that were held back: the first of them, and how many of each stage."""

    since: float
    lines: tuple[Line, ...] = ()
    counts: Mapping[Stage, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def adding(self, message: Message, now: float) -> "Held":
        counts = {**self.counts, message.stage: self.counts.get(message.stage, 0) + 1}
        room = len(self.lines) < MOST_KEPT and message.conditions
        lines = (*self.lines, Line(now, message.stage, message.conditions[0])) if room else self.lines
        return replace(self, lines=lines, counts=counts)


@dataclass(frozen=True, slots=True)
class Account:
    """What one route has sent lately, in wall-clock seconds, and what it holds back. The counters only ever grow."""

    sent: tuple[float, ...] = ()
    held: Held | None = None
    messages: int = 0
    held_back: int = 0
    looked: float = 0.0
    """The minute in which digests were last thought of."""


def hold(
    route: Route, account: Account, messages: Sequence[Message], now: float
) -> tuple[Account, list[tuple[Message, Held | None]]]:
    """Return the account after ``messages``, and those that go out, with what was held back where they sum it up."""
    passed: list[tuple[Message, Held | None]] = []
    if route.limit is not None:
        account = replace(account, sent=tuple(at for at in account.sent if now - route.limit.window < at <= now))
    if account.held is not None and _is_over(route, account, account.held, now):
        passed.append((_summary(route, account, now), account.held))
        account = replace(account, held=None, sent=(now,), messages=account.messages + 1)
    for message in messages:
        if route.digest or account.held is not None or (route.limit and len(account.sent) >= route.limit.count):
            held = (account.held or Held(now)).adding(message, now)
            account = replace(account, held=held, held_back=account.held_back + 1)
        else:
            passed.append((message, None))
            account = replace(account, sent=(*account.sent, now) if route.limit else (), messages=account.messages + 1)
    return replace(account, looked=now // 60 * 60) if route.digest else account, passed


def _is_over(route: Route, account: Account, held: Held, now: float) -> bool:
    if not route.is_open(now):
        return False
    if route.digest:
        return any(account.looked < at <= now for at in _digests(route, account.looked, now))
    return route.limit is None or now >= held.since + route.limit.window or now < held.since


def _digests(route: Route, since: float, now: float) -> list[float]:
    """Return the times of digests on the days of ``since`` and of ``now``."""
    days = {datetime.fromtimestamp(moment, route.zone).date() for moment in (max(since, now - 86400.0), now)}
    midnights = [datetime(day.year, day.month, day.day, tzinfo=route.zone) for day in sorted(days)]
    return [(day + timedelta(minutes=minute)).timestamp() for day in midnights for minute in route.digest]


def _summary(route: Route, account: Account, now: float) -> Message:
    stage = Stage.DIGEST if route.digest else Stage.HELD_BACK
    held = account.held
    lines = () if held is None else held.lines
    since = now if held is None else held.since
    conditions = tuple({line.condition.id: line.condition for line in lines}.values())
    worst_first = tuple(sorted(conditions, key=lambda one: (-one.severity.rank, one.subject)))
    thread = Thread(id=f"{route.name}-{since:.0f}", since=since, number=1)
    return Message(stage=stage, thread=thread, conditions=worst_first)
