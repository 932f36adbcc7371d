"""Hosts that others depend on and that are down: each names those of whom nothing can be said meanwhile."""

from collections.abc import Iterator, Mapping
from typing import Final

from lvsmon.alerts.condition import Condition, ConditionId, Severity, Subject
from lvsmon.health import combine
from lvsmon.model import Health, Host, names
from lvsmon.monitor.snapshot import Snapshot

_MOST_NAMED: Final = 20
"""Destinations named in one sentence: a switch may carry hundreds."""


def conditions(snapshot: Snapshot) -> Iterator[Condition]:
    """Yield a condition for each host that is DOWN; what it depends on in turn is its parent."""
    down = {host.name: host for host in snapshot.plan.hosts if _health(host, snapshot) is Health.DOWN}
    cut_off = _cut_off(snapshot)
    for host in down.values():
        states = [snapshot.states[probe] for probe in host.probes if snapshot.states[probe].health is Health.DOWN]
        last = min(states, key=lambda state: state.since)
        affected = cut_off.get(host.name, [])
        named = ", ".join(affected[:_MOST_NAMED]) + (", …" if len(affected) > _MOST_NAMED else "")
        yield Condition(
            severity=Severity.DOWN,
            subject=_subject(host),
            summary=f"the host {host.name} ({host.address}) is DOWN",
            seen="" if last.last is None else last.last.detail,
            reason="" if last.last is None else last.last.reason,
            since=last.since,
            done=(f"what probes say of {len(affected)} destinations behind it is not counted: {named}",)
            if affected
            else (),
            facts={"failures": min(last.fails, snapshot.plan.alerting.most_failures)},
            parent=_parent(host, down),
        )


def unjudged(snapshot: Snapshot) -> set[Subject]:
    """Return the hosts that have not been judged yet."""
    return {_subject(host) for host in snapshot.plan.hosts if _health(host, snapshot) is Health.UNKNOWN}


def _subject(host: Host) -> Subject:
    return Subject(about=f"host {host.name}")


def _health(host: Host, snapshot: Snapshot) -> Health:
    return combine({probe: snapshot.states[probe].health for probe in host.probes if probe in snapshot.states})


def _cut_off(snapshot: Snapshot) -> Mapping[str, list[str]]:
    """Return by host which destinations depend on it and are cut off."""
    found: dict[str, list[str]] = {}
    for virtual in snapshot.plan.virtuals:
        for destination in virtual.destinations:
            choice = snapshot.decided.choices.get((virtual.key, destination.key))
            if choice is None or not choice.cut_off:
                continue
            for name in {name.name for each in destination.depends for name in names(each)}:
                found.setdefault(name, []).append(f"{virtual.name}/{destination.realserver.name}")
    return found


def _parent(host: Host, down: Mapping[str, Host]) -> ConditionId | None:
    above = [name.name for each in host.depends for name in names(each) if name.name in down]
    return (Severity.DOWN, _subject(down[above[0]])) if above else None
