"""From outcomes and stored counters to states, statuses and the wished table. Pure."""

import math
from collections.abc import Mapping
from dataclasses import replace

from lvsmon.health import combine, observe
from lvsmon.model import (
    Choice,
    Destination,
    DestinationId,
    Health,
    Outcome,
    ProbeState,
    Rule,
    Table,
    Verdict,
    VirtualEntry,
    VirtualKey,
    VirtualService,
)
from lvsmon.monitor.selection import Selection
from lvsmon.oneshot.report import DestinationView, ProbeView, SorryView, VirtualView
from lvsmon.probes.base import ProbeSpec

_SEEN: Mapping[Verdict, Health] = {
    Verdict.PASS: Health.UP,
    Verdict.WARN: Health.WARN,
    Verdict.FAIL: Health.DOWN,
    Verdict.UNKNOWN: Health.UNKNOWN,
}


def advance(
    states: Mapping[str, ProbeState], probes: Mapping[str, ProbeSpec], outcomes: Mapping[str, Outcome], now: float
) -> dict[str, ProbeState]:
    """Return the state of every probe of the plan: with its outcome where it was run, as stored where it was not."""
    advanced = {}
    for name, spec in probes.items():
        state = states.get(name, ProbeState())
        if name in outcomes:
            # There is no decision before this one, so whatever it asks for a fresh outcome of, it has.
            passed = math.inf if outcomes[name].answered else 0.0
            state = replace(observe(state, spec.damping, outcomes[name], now), heard=math.inf, passed=passed)
        advanced[name] = state
    return advanced


def status(probe: ProbeView) -> Health:
    """Return what a look says of one probe: what was seen, unless earlier failures still keep it out."""
    seen = _SEEN[probe.outcome.verdict]
    return Health.DOWN if seen.serves and probe.state.health is Health.DOWN else seen


def view(
    virtual: VirtualService,
    *,
    selection: Selection | None,
    probes: Mapping[str, ProbeView],
    observed: Table,
    wished: Mapping[VirtualKey, VirtualEntry],
    unprobed: Mapping[tuple[VirtualKey, str], str],
    choices: Mapping[DestinationId, Choice],
) -> VirtualView:
    """Return what is shown of ``virtual``: its selected destinations with their weights before and after."""

    def weights(destination: Destination) -> tuple[int | None, int | None]:
        entries = [table.get(virtual.key) for table in (observed, wished)]
        found = [entry.destinations.get(destination.key) if entry else None for entry in entries]
        before, after = [None if entry is None else entry.settings.weight for entry in found]
        return before, after

    def shown(destination: Destination) -> DestinationView:
        views = tuple(probes[name] for name in destination.probes)
        reason = unprobed.get((virtual.key, str(destination.key)), "")
        before, after = weights(destination)
        poll = destination.policy.poll
        seen = combine({probe.spec.id: status(probe) for probe in views}, poll)
        health = combine({probe.spec.id: probe.state.health for probe in views}, poll)
        choice = choices.get((virtual.key, destination.key), Choice(health, None, Rule.UNKNOWN))
        return DestinationView(
            destination=destination,
            status=Health.UNKNOWN if reason else seen if choice.health is health else choice.health,
            health=choice.health,
            overruled=choice.overruled,
            probes=views,
            before=before,
            after=after,
            unprobed=reason,
        )

    sorry = None if virtual.sorry is None else SorryView(virtual.sorry, *weights(virtual.sorry))
    selected = (d for d in virtual.destinations if selection is None or selection.holds(virtual, d))
    return VirtualView(virtual, tuple(shown(destination) for destination in selected), sorry)
