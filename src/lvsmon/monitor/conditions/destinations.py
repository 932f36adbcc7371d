"""Destinations that are DOWN or in WARN, whose certificate ends soon, or that cannot be probed."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from lvsmon.actions.ipvs.base import DeleteDestination, EditDestination
from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.alerts.condition import Condition, ConditionId, Severity, Subject
from lvsmon.model import (
    Choice,
    Destination,
    FactValue,
    Health,
    NoticeKind,
    Outcome,
    ProbeState,
    Rule,
    Verdict,
    VirtualKey,
    VirtualService,
)
from lvsmon.monitor.snapshot import Snapshot


def conditions(snapshot: Snapshot, quiet: Collection[tuple[str, str]] = ()) -> Iterator[Condition]:
    """Yield what is wrong with each destination, by what was decided of it; nothing of what is as planned."""
    kinds = {notice.kind for notice in snapshot.decided.notices}
    flapping = {
        (notice.subject, notice.about)
        for notice in snapshot.decided.notices
        if notice.kind is NoticeKind.FLAPPING and notice.subject is not None
    }
    for virtual in snapshot.plan.virtuals:
        look = _Look(snapshot, virtual, flapping)
        for destination in virtual.destinations:
            choice = snapshot.decided.choices.get((virtual.key, destination.key))
            if choice is None or choice.cut_off:
                continue
            if choice.rule is Rule.WISH or (virtual.name, destination.realserver.name) in quiet:
                continue
            if choice.health is Health.UNKNOWN and NoticeKind.BRAKE in kinds:
                continue  # the brake's own condition says it for all of them
            yield from look.at(destination, choice)


def subject_of(virtual: VirtualService, destination: Destination) -> Subject:
    return Subject(virtual.name, destination.realserver.name, str(destination.key))


class _Look:
    """One virtual service's destinations."""

    def __init__(self, snapshot: Snapshot, virtual: VirtualService, flapping: set[tuple[VirtualKey, str]]) -> None:
        self._snapshot = snapshot
        self._virtual = virtual
        self._flapping = flapping
        choices = [snapshot.decided.choices.get((virtual.key, each.key)) for each in virtual.destinations]
        serving = sum(choice is not None and bool(choice.weight) for choice in choices)
        self._left = f"{serving} of {len(choices)} destinations serve"
        self._most_asked = snapshot.plan.alerting.most_failures

    def at(self, destination: Destination, choice: Choice) -> Iterator[Condition]:
        states = {probe: self._snapshot.states[probe] for probe in destination.probes if probe in self._snapshot.states}
        if choice.health is Health.DOWN:
            down = self._make(destination, choice, Severity.DOWN, "is DOWN", _worst(states, Health.DOWN))
            yield replace(down, done=tuple(self._done(destination, choice)), parent=self._parent(destination, choice))
        elif choice.health is Health.WARN:
            probe, state = _worst(states, Health.WARN) or ("", ProbeState())
            if self._ends_soon(probe, state):
                what = f"has a certificate that ends in {_days(state)}"
                yield self._make(destination, choice, Severity.CERTIFICATE, what, (probe, state))
            else:
                yield self._make(destination, choice, Severity.WARN, "serves, but with a warning", (probe, state))
        blind = [(probe, state) for probe, state in states.items() if self._is_blind(probe, state)]
        if blind:
            what = "cannot be probed by this director, so its weight is left as it is"
            yield self._make(destination, choice, Severity.CANNOT_PROBE, what, blind[0])

    def _make(
        self,
        destination: Destination,
        choice: Choice,
        severity: Severity,
        what: str,
        cause: tuple[str, ProbeState] | None,
    ) -> Condition:
        probe, state = cause or ("", ProbeState())
        outcome = state.last
        realserver = destination.realserver
        together = f", with {choice.tied} on the same realserver" if choice.tied else ""
        facts = {} if outcome is None else dict(outcome.facts)
        return Condition(
            severity=severity,
            subject=subject_of(self._virtual, destination),
            summary=f"{realserver.name} ({destination.key}) of {self._virtual.name} {what}{together}",
            seen="" if outcome is None else outcome.detail,
            reason="" if outcome is None else outcome.reason,
            since=state.since,
            left=self._left,
            tags=self._virtual.tags | realserver.tags,
            facts={**facts, **({"probe": probe, **self._counted(severity, probe, state)} if probe else {})},
        )

    def _counted(self, severity: Severity, probe: str, state: ProbeState) -> dict[str, int]:
        """Return how many runs in a row have said so, as far as a route may ask: a number that stands still makes no
        news. Also where it is 0 again, because a pass came and one pass is not enough to be UP.
        """
        counts = {Severity.DOWN: state.fails, Severity.CANNOT_PROBE: state.unknowns}
        most = max(self._most_asked, self._snapshot.plan.probes[probe].damping.fall)
        return {"failures": min(counts[severity], most)} if severity in counts else {}

    def _done(self, destination: Destination, choice: Choice) -> Iterator[str]:
        """Yield what was done in the kernel, in words and as ipvsadm would do it."""
        if choice.rule is Rule.FLOOR:
            yield f"it keeps weight {choice.weight}: too few others serve (floor)"
            return
        if isinstance(self._snapshot.last, str) and self._snapshot.last:
            yield f"nothing: {self._snapshot.last}"
            return
        virtual, key = self._virtual.key, destination.key
        entry = None if (there := self._snapshot.observed.get(virtual)) is None else there.destinations.get(key)
        if entry is not None and entry.settings.weight != choice.weight:
            yield f"nothing yet: the kernel still has weight {entry.settings.weight}"
        elif choice.weight is None:
            yield f"taken out of the table: {ipvsadm(DeleteDestination(virtual, key))}"
        elif choice.rule is not Rule.DOWN:
            yield f"weight {choice.weight}: {choice.because[-1]}" if choice.because else f"weight {choice.weight}"
        elif entry is None:
            yield "nothing: it is not in the kernel's table"
        else:
            quiesced = EditDestination(virtual, key, replace(destination.settings, weight=0))
            yield f"no new connections are sent there: {ipvsadm(quiesced)}"

    def _parent(self, destination: Destination, choice: Choice) -> ConditionId | None:
        if choice.tied:
            return self._tied(destination, choice.tied)
        if (self._virtual.key, str(destination.key)) in self._flapping:
            return Severity.FLAPPING, subject_of(self._virtual, destination)
        return None

    def _tied(self, destination: Destination, virtual: str) -> ConditionId | None:
        for other in self._snapshot.plan.virtuals:
            for one in other.destinations:
                if other.name == virtual and one.realserver.address == destination.realserver.address:
                    return Severity.DOWN, subject_of(other, one)
        return None

    def _is_blind(self, probe: str, state: ProbeState) -> bool:
        spec = self._snapshot.plan.probes[probe]
        last = state.last
        return last is not None and last.verdict is Verdict.UNKNOWN and state.unknowns >= spec.damping.fall

    def _ends_soon(self, probe: str, state: ProbeState) -> bool:
        spec = self._snapshot.plan.probes.get(probe)
        days = None if state.last is None else _days_left(state.last)
        return spec is not None and isinstance(days, int) and days < getattr(spec.probe, "tls_warn_days", 0)


def _worst(states: dict[str, ProbeState], health: Health) -> tuple[str, ProbeState] | None:
    """Return the probe that has been of ``health`` for the longest time."""
    found = [(probe, state) for probe, state in states.items() if state.health is health]
    return min(found, key=lambda one: one[1].since, default=None)


def _days_left(outcome: Outcome) -> FactValue | None:
    """Return the days until the certificate, or one of its chain that ends sooner, expires."""
    return outcome.facts.get("chain_days", outcome.facts.get("certificate_days"))


def _days(state: ProbeState) -> str:
    days = 0 if state.last is None else _days_left(state.last) or 0
    return f"{days} day" if days == 1 else f"{days} days"
