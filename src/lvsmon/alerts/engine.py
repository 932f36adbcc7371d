"""From conditions to messages: incidents, routes and their threads, limits and digests, in one pure step.

conditions, acknowledgements ──▶ incidents ──▶ threads of each route ──▶ limit, digest ──▶ messages
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lvsmon.alerts import incidents
from lvsmon.alerts.condition import Condition, Subject
from lvsmon.alerts.failing import FailingById, count
from lvsmon.alerts.holding import Account, Held, hold
from lvsmon.alerts.incidents import Acknowledgement, Incident, Incidents, follow, root_of
from lvsmon.alerts.route import Route, choose
from lvsmon.alerts.threads import Member, Message, Thread, step

ThreadKey: TypeAlias = tuple[str, str]
"""A route's name and the group's."""


@dataclass(frozen=True, slots=True)
class State:
    """All that is remembered; it outlives the process."""

    incidents: Incidents = field(default_factory=dict)
    threads: Mapping[ThreadKey, Thread] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """By route: what was sent lately, what is held back, and counters."""
    failing: FailingById = field(default_factory=dict)
    """How often what failed lately, where a route asks for that."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be delivered by ``route``, with what was held back where it sums that up."""

    route: Route
    message: Message
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    due: tuple[Due, ...]
    opened: tuple[Incident, ...] = ()
    ended: tuple[Incident, ...] = ()


def advance(
    state: State,
    routes: Sequence[Route],
    conditions: Iterable[Condition] | None,
    now: float,
    unjudged: Container[Subject] = (),
) -> Step:
    """Return what becomes of ``state`` at ``now``, in wall-clock seconds, and what is to be told.

    ``conditions`` is everything that is wrong now, None where nobody has looked since the last step; ``unjudged`` are
    subjects of which nothing is known now. What does not change is the same object afterwards.
    """
    if conditions is None:
        conditions = [incident.condition for incident in state.incidents.values()]
    followed = follow(state.incidents, conditions, now, unjudged)
    failing = count(state.failing, followed.incidents, routes, now)
    groups = _groups(followed.incidents, failing, routes, now)
    open_now = {incident.id for incident in followed.incidents.values()}
    threads: dict[ThreadKey, Thread] = {}
    accounts: dict[str, Account] = {}
    due: list[Due] = []
    for route in routes:
        messages: list[Message] = []
        mine = groups[route.name]
        keys = [*mine, *(group for name, group in state.threads if name == route.name and group not in mine)]
        for group in keys:
            before = state.threads.get((route.name, group))
            after, said = step(route, before, mine.get(group, ()), open_now, now)
            messages += said
            if after is not None:
                threads[route.name, group] = before if before is not None and before == after else after
        known = state.accounts.get(route.name, Account())
        account, passed = hold(route, known, messages, now)
        accounts[route.name] = known if known == account else account
        due += [Due(route, message, held) for message, held in passed]
    return Step(State(followed.incidents, threads, accounts, failing), tuple(due), followed.opened, followed.ended)


def acknowledge(state: State, incident: str, ack: Acknowledgement | None) -> State:
    """Return ``state`` with the incident of that id taken on by somebody, or by nobody where ``ack`` is None."""
    return replace(state, incidents=incidents.acknowledge(state.incidents, incident, ack))


def _groups(
    open_now: Incidents, failing: FailingById, routes: Sequence[Route], now: float
) -> dict[str, dict[str, list[Member]]]:
    """Return by route and group who is in it."""
    children: dict[str, list[Condition]] = {}
    suppressed = set()
    for incident in open_now.values():
        root = root_of(open_now, incident)
        if root is not None:
            children.setdefault(root.id, []).append(incident.condition)
            suppressed.add(incident.id)
    groups: dict[str, dict[str, list[Member]]] = {route.name: {} for route in routes}
    for key, incident in open_now.items():
        ripe = failing[key].ripe if key in failing else frozenset[str]()
        for route in choose(routes, incident.condition):
            member = Member(
                incident,
                ripe=route.is_ripe(incident.condition, now, enough=route.name in ripe),
                acknowledged=incident.is_acknowledged(now),
                suppressed=incident.id in suppressed,
                follows=tuple(children.get(incident.id, ())),
            )
            groups[route.name].setdefault(route.group_of(incident.condition), []).append(member)
    return groups
