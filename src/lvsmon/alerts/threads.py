"""A thread: what one route tells of one group of incidents, from the first message to the last. Pure.

    nothing told ──ripe, group_wait──▶ OPENED ──more, or less──▶ CHANGED ──every──▶ REPEATED
                                          └────────── all over, group_wait ──▶ RESOLVED, and the thread ends

Everything is decided by what holds now, so a step that was missed (a restart, a closed window) is made up for by the
next one: what still holds when a window opens is told then, what was told and is over is told to be over then.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Condition
from lvsmon.alerts.incidents import Incident
from lvsmon.alerts.route import Resolve, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Times in wall-clock seconds. ``told`` are the conditions told of and not yet told to be over, by incident.

    ``number`` counts all messages, ``troubles`` those that count for `Route.most`. ``changing`` is since when there is
    something new to tell, or since when everything is over.
    """

    id: str
    since: float
    number: int = 0
    troubles: int = 0
    told_at: float = 0.0
    changing: float | None = None
    told: Mapping[str, Condition] = field(default_factory=dict)
    seen: Mapping[str, Condition] = field(default_factory=dict)
    """Conditions that were to be told and were not yet, by incident."""
    acknowledged: frozenset[str] = frozenset()
    """Incidents whose acknowledgement was told, or that were acknowledged before they were."""


@dataclass(frozen=True, slots=True)
class Member:
    """An incident of the group at a moment; ``follows`` are conditions that it explains."""

    incident: Incident
    ripe: bool
    acknowledged: bool
    suppressed: bool = False
    follows: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be said, not yet in words. ``conditions`` hold (of RESOLVED: are over), ``over`` ended meanwhile."""

    stage: Stage
    thread: Thread
    conditions: tuple[Condition, ...]
    over: tuple[Condition, ...] = ()
    follows: tuple[Condition, ...] = ()
    by: tuple[Incident, ...] = ()
    """Of ACKNOWLEDGED: the incidents that were."""


def step(
    route: Route, thread: Thread | None, members: Sequence[Member], open_now: Container[str], now: float
) -> tuple[Thread | None, list[Message]]:
    """Return the thread after ``now`` (None when there is nothing to tell) and what it says.

    ``open_now`` holds the ids of all incidents that are open: one that left the group and is open was moved by a
    reload, and that is no end of trouble.
    """
    if thread is None:
        watched = [one for one in members if _is_watched(route, one)]
        if not watched:
            return None, []
        since = min(one.incident.condition.since for one in watched)
        thread = Thread(id=watched[0].incident.id, since=since)
    if thread.number == 0:
        return _begin(route, thread, members, open_now, now)
    return _go_on(route, thread, members, open_now, now)


def _is_news(member: Member, told: Mapping[str, Condition]) -> bool:
    return member.ripe and not member.acknowledged and not member.suppressed and member.incident.id not in told


def _is_watched(route: Route, member: Member) -> bool:
    """Say whether the end of ``member`` may have to be told, or its beginning."""
    return _is_news(member, {}) or (route.resolve is Resolve.ALWAYS and not member.suppressed)


def _begin(
    route: Route, thread: Thread, members: Sequence[Member], open_now: Container[str], now: float
) -> tuple[Thread | None, list[Message]]:
    news = [one for one in members if _is_news(one, {})]
    watched = {one.incident.id: one.incident.condition for one in members if _is_watched(route, one)}
    seen = {**{name: condition for name, condition in thread.seen.items() if name not in open_now}, **watched}
    changing = (now if thread.changing is None else thread.changing) if news else None
    thread = replace(thread, seen=seen, changing=changing)
    if changing is None:
        if watched:
            return thread, []
        if route.resolve is not Resolve.ALWAYS or not seen:
            return None, []
        if not route.is_open(now):
            return thread, []
        return None, _resolved(route, replace(thread, number=1), tuple(seen.values()), now)
    if now < changing + route.group_wait or not route.is_open(now):
        return thread, []
    told = {one.incident.id: one.incident.condition for one in news}
    since = min(condition.since for condition in told.values())
    after = replace(thread, number=1, troubles=1, told_at=now, changing=None, told=told, seen={}, since=since)
    return after, [_say(Stage.OPENED, after, tuple(told.values()), follows=_follows(news))]


def _go_on(
    route: Route, thread: Thread, members: Sequence[Member], open_now: Container[str], now: float
) -> tuple[Thread | None, list[Message]]:
    here = {one.incident.id: one for one in members}
    thread = _with_who_came_back(route, thread, members, open_now, now)
    holding = {name: here[name] for name in thread.told if name in here}
    news = [one for one in members if _is_news(one, thread.told)]
    over = {name: condition for name, condition in thread.told.items() if name not in here and name not in open_now}
    if not (holding or news or over):
        return None, []
    current = {name: one.incident.condition for name, one in holding.items()}
    thread = replace(thread, told={**over, **current})
    messages: list[Message] = []
    if holding or news:
        thread, messages = _acknowledged(route, thread, holding, now)
    if not (news or not holding or (over and route.resolve is not Resolve.NO)):
        thread, more = _repeat(route, replace(thread, changing=None), holding, now)
        return thread, [*messages, *more]
    changing = now if thread.changing is None else thread.changing
    thread = replace(thread, changing=changing)
    if now < changing + route.group_wait or not route.is_open(now):
        return thread, messages
    if not holding and not news:
        ended = replace(thread, number=thread.number + 1)
        return None, [*messages, *_resolved(route, ended, tuple(over.values()), now)]
    current |= {one.incident.id: one.incident.condition for one in news}
    thread = replace(thread, told=current, changing=None, told_at=now if news else thread.told_at)
    if route.most is not None and thread.troubles >= route.most:
        return replace(thread, told={**over, **current}), messages  # the last message will tell that all is over
    thread = replace(thread, number=thread.number + 1, troubles=thread.troubles + bool(news))
    follows = _follows([*holding.values(), *news])
    said = _say(Stage.CHANGED, thread, tuple(current.values()), over=tuple(over.values()), follows=follows)
    return thread, [*messages, said]


def _with_who_came_back(
    route: Route, thread: Thread, members: Sequence[Member], open_now: Container[str], now: float
) -> Thread:
    """Return the thread as if what came back within ``group_wait`` had never been over."""
    if thread.changing is None or now >= thread.changing + route.group_wait:
        return thread
    back = {one.incident.condition.id: one.incident for one in members if _is_news(one, thread.told)}
    told = {
        back[condition.id].id if name not in open_now and condition.id in back else name: condition
        for name, condition in thread.told.items()
    }
    return replace(thread, told=told)


def _resolved(route: Route, thread: Thread, over: tuple[Condition, ...], now: float) -> list[Message]:
    if route.resolve is Resolve.NO or now - thread.since < route.resolve_after:
        return []
    return [_say(Stage.RESOLVED, thread, over)]


def _acknowledged(
    route: Route, thread: Thread, holding: Mapping[str, Member], now: float
) -> tuple[Thread, list[Message]]:
    """Tell once that somebody has taken on what was told; whose time is over is forgotten, and repeated again."""
    acked = {name for name, one in holding.items() if one.acknowledged}
    news = [holding[name].incident for name in holding if name in acked - thread.acknowledged]
    thread = replace(thread, acknowledged=frozenset(acked))
    if not news or not route.acknowledgements or not route.is_open(now):
        return thread, []
    thread = replace(thread, number=thread.number + 1)
    conditions = tuple(incident.condition for incident in news)
    return thread, [replace(_say(Stage.ACKNOWLEDGED, thread, conditions), by=tuple(news))]


def _repeat(route: Route, thread: Thread, holding: Mapping[str, Member], now: float) -> tuple[Thread, list[Message]]:
    due = route.every is not None and now >= thread.told_at + route.every
    spent = route.most is not None and thread.troubles >= route.most
    wanted = [one for one in holding.values() if not one.acknowledged]
    if not due or spent or not wanted or not route.is_open(now):
        return thread, []
    thread = replace(thread, number=thread.number + 1, troubles=thread.troubles + 1, told_at=now)
    conditions = tuple(one.incident.condition for one in wanted)
    return thread, [_say(Stage.REPEATED, thread, conditions, follows=_follows(wanted))]


def _say(
    stage: Stage,
    thread: Thread,
    conditions: tuple[Condition, ...],
    *,
    over: tuple[Condition, ...] = (),
    follows: tuple[Condition, ...] = (),
) -> Message:
    worst_first = tuple(sorted(conditions, key=lambda one: (-one.severity.rank, one.subject)))
    return Message(stage=stage, thread=thread, conditions=worst_first, over=over, follows=follows)


def _follows(members: Sequence[Member]) -> tuple[Condition, ...]:
    return tuple(condition for one in members for condition in one.follows)
