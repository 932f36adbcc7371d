"""What a look found: typed, for every output alike. Texts are raw; each output escapes for itself."""

from dataclasses import dataclass
from enum import StrEnum

from lvsmon.model import Destination, Health, Outcome, ProbeState, VirtualService
from lvsmon.probes.base import ProbeSpec


class Mode(StrEnum):
    """LOOK and DRY_RUN write nothing; LOOK only counts the changes."""

    LOOK = "look"
    DRY_RUN = "dry-run"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One probe: this run's outcome, and the state that it leads to with the stored counters."""

    spec: ProbeSpec
    outcome: Outcome
    state: ProbeState


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationView:
    """One destination.

    ``status`` is what this look says: DOWN as soon as a probe fails, and as long as earlier failures keep it out.
    ``health`` is what rise and fall make of it, and decides the weight. ``before`` and ``after`` are weights in the
    table, None for absent. ``unprobed`` says why there is no probe, where that is worth a word; ``overruled`` what rule
    went against what the probes alone come to, such as a group or the floor.
    """

    destination: Destination
    status: Health
    health: Health
    probes: tuple[ProbeView, ...]
    before: int | None
    after: int | None
    unprobed: str = ""
    overruled: str = ""


@dataclass(frozen=True, slots=True)
class SorryView:
    """The sorry server's weight in the table, before and after; None for absent."""

    destination: Destination
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class VirtualView:
    virtual: VirtualService
    destinations: tuple[DestinationView, ...]
    sorry: SorryView | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One command for the table in ipvsadm's notation; ``error`` says why the kernel refused it."""

    command: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole look. ``at`` is wall-clock seconds, ``took`` monotonic ones.

    ``foreign`` names what somebody else put into the table. ``table_error`` says why the table could not be read
    (weights are unknown then), ``failure`` why what was asked for could not be written.
    """

    mode: Mode
    virtuals: tuple[VirtualView, ...]
    changes: tuple[Change, ...] = ()
    foreign: tuple[str, ...] = ()
    table_error: str | None = None
    failure: str | None = None
    configured: bool = True
    notes: tuple[str, ...] = ()
    at: float = 0.0
    took: float = 0.0

    @property
    def destinations(self) -> tuple[DestinationView, ...]:
        return tuple(view for virtual in self.virtuals for view in virtual.destinations)

    def count(self, *statuses: Health) -> int:
        """Return how many destinations have one of ``statuses``."""
        return sum(view.status in statuses for view in self.destinations)

    @property
    def failed_changes(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.error is not None)


def exit_code(report: Report) -> int:
    """Return 0 if everything is up, 1 if something is down, 3 if that could not be told or a write failed."""
    if report.failure is not None or report.failed_changes:
        return 3
    if report.count(Health.DOWN):
        return 1
    return 3 if report.count(Health.UNKNOWN) or not report.destinations else 0


def explain(view: DestinationView) -> list[str]:
    """Return what overruled the probes, if anything did, and a sentence for each probe, the worst first: what was seen,
    and how far rise or fall have come.
    """
    if view.unprobed:
        return [view.unprobed]
    first = [view.overruled] if view.overruled else []
    if not view.probes:
        return [*first, "no probe configured: taken as up"]
    return first + [_sentence(probe) for probe in sorted(view.probes, key=_badness, reverse=True)]


_BADNESS = {"FAIL": 3, "UNKNOWN": 2, "WARN": 1, "PASS": 0}


def _badness(probe: ProbeView) -> tuple[int, bool]:
    return _BADNESS[probe.outcome.verdict], probe.state.health is Health.DOWN


def _sentence(probe: ProbeView) -> str:
    outcome, state, damping = probe.outcome, probe.state, probe.spec.damping
    text = f"{probe.spec.probe.kind} {outcome.detail or outcome.reason}"
    match outcome.verdict:
        case "FAIL" if state.health is not Health.DOWN:
            return f"failure {state.fails} of {damping.fall}: {text}"
        case "PASS" | "WARN" if state.health is Health.DOWN:
            return f"back, pass {state.passes} of {damping.rise}: {text}"
        case "PASS" | "WARN":
            return f"{text} in {_time(outcome.phases.total)}"
        case _:
            return text


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
