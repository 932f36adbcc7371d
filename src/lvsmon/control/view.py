"""What commands are shown of virtual services and destinations: plain documents, the same with and without a daemon.

Texts in them are raw and may quote a realserver: whoever prints them escapes them. Times are Unix time, weights are
None where a destination is (or should be) absent from the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lvsmon.health import combine
from lvsmon.model import (
    Choice,
    Counters,
    Destination,
    DestinationEntry,
    Family,
    Health,
    Pause,
    ProbeState,
    Table,
    VirtualEntry,
    VirtualService,
    Wish,
    standing,
)
from lvsmon.monitor.news import Look
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.monitor.stretches import Stretch
from lvsmon.monitor.trail import Trail
from lvsmon.probes.base import ProbeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown: ``table`` is the kernel's with connections and rates, where it could be read.

    ``looks`` are probes as they are at this very moment; of others it is shown how they were when something changed.
    ``decides`` says whether somebody decides at all: without a daemon nothing is desired. ``now`` is wall-clock time.
    """

    snapshot: Snapshot
    table: Table
    now: float
    trail: Trail = field(default_factory=Trail)
    looks: Mapping[str, Look] = field(default_factory=dict)
    decides: bool = True

    def virtual(self, virtual: VirtualService, shown: Iterable[Destination]) -> dict[str, Any]:
        """Return the document of ``virtual`` with the destinations ``shown``."""
        key, settings, seen = virtual.key, virtual.settings, self.table.get(virtual.key)
        health = [self._health(virtual, each) for each in virtual.destinations]
        return {
            "name": virtual.name,
            "key": str(key),
            "family": "inet6" if key.family is Family.INET6 else "inet",
            "protocol": key.protocol,
            "vip": key.address or None,
            "port": key.port or None,
            "fwmark": key.fwmark or None,
            "scheduler": settings.scheduler,
            "persistence_seconds": settings.persistence,
            "in_kernel": seen is not None,
            "serving": sum(each.serves for each in health),
            "of": len(health),
            "notices": [notice.text for notice in self.snapshot.decided.notices if notice.subject == key],
            **_traffic(None if seen is None else seen.counters),
            "destinations": [self.destination(virtual, each) for each in shown],
            "sorry": None if virtual.sorry is None else self.destination(virtual, virtual.sorry),
        }

    def destination(self, virtual: VirtualService, destination: Destination) -> dict[str, Any]:
        """Return the document of one destination."""
        choice = self._choice(virtual, destination)
        entry = _entry(self.table.get(virtual.key), destination)
        health = self._health(virtual, destination)
        return {
            "realserver": destination.realserver.name,
            "key": str(destination.key),
            "address": destination.key.address,
            "port": destination.key.port or None,
            "forward": destination.settings.forward,
            "health": health,
            "since": self._since(virtual, destination, health),
            "weight": {
                "configured": destination.settings.weight,
                "desired": choice.weight if choice is not None and self.decides else None,
                "observed": None if entry is None else entry.settings.weight,
            },
            "decided": choice is not None and self.decides,
            "rule": choice.rule if choice is not None and self.decides else None,
            "because": list(choice.because) if choice is not None and self.decides else [],
            "active": None if entry is None else entry.active,
            "inactive": None if entry is None else entry.inactive,
            "persistent": None if entry is None else entry.persistent,
            **_traffic(None if entry is None else entry.counters),
            "wishes": [_wish(wish) for wish in self._wishes(virtual, destination)],
            "probes": [
                self._probe(self.snapshot.plan.probes[probe], self._state(probe)) for probe in destination.probes
            ],
        }

    def hosts(self) -> list[dict[str, Any]]:
        """Return the documents of what is probed beside destinations."""
        return [
            {
                "name": host.name,
                "address": host.address,
                "health": combine({probe: self._state(probe).health for probe in host.probes}),
                "probes": [self._probe(self.snapshot.plan.probes[probe], self._state(probe)) for probe in host.probes],
            }
            for host in self.snapshot.plan.hosts
        ]

    def account(self, virtual: VirtualService, destination: Destination) -> dict[str, Any]:
        """Return the document of one destination with all that led to where it is."""
        which = virtual.key, destination.key
        return {
            "virtual": {"name": virtual.name, "key": str(virtual.key)},
            **self.destination(virtual, destination),
            "on_failure": destination.on_failure,
            "notices": [each.text for each in self.snapshot.decided.notices if each.subject == virtual.key],
            "outcomes": {
                probe: [
                    {
                        "verdict": each.verdict,
                        "reason": each.reason,
                        "count": each.count,
                        "first": each.first,
                        "last": each.last,
                        "detail": each.detail,
                    }
                    for each in self._stretches(probe)
                ]
                for probe in destination.probes
            },
            "steps": [
                {"at": each.at, "kind": each.kind, "text": each.text, "earlier": each.earlier}
                for each in self.trail.steps(which)
            ],
        }

    def _probe(self, spec: ProbeSpec, state: ProbeState) -> dict[str, Any]:
        stretches = self._stretches(spec.id)
        last = state.last
        return {
            "id": spec.id,
            "kind": spec.probe.kind,
            "target": str(spec.target) if spec.target.port else spec.target.address,
            "interval_seconds": spec.interval,
            "health": state.health,
            "since": state.since or None,
            "passes": state.passes,
            "rise": spec.damping.rise,
            "fails": state.fails,
            "fall": spec.damping.fall,
            "unknowns": state.unknowns,
            "last": None
            if last is None
            else {
                "at": stretches[-1].last if stretches else None,
                "verdict": last.verdict,
                "reason": last.reason,
                "detail": last.detail,
                "seconds": last.phases.total,
                "weight": None if last.weight is None else str(last.weight),
                "facts": dict(last.facts),
            },
        }

    def _state(self, probe: str) -> ProbeState:
        look = self.looks.get(probe)
        return self.snapshot.states.get(probe, ProbeState()) if look is None else look.state

    def _stretches(self, probe: str) -> tuple[Stretch, ...]:
        look = self.looks.get(probe)
        return () if look is None else look.stretches

    def _choice(self, virtual: VirtualService, destination: Destination) -> Choice | None:
        return self.snapshot.decided.choices.get((virtual.key, destination.key))

    def _health(self, virtual: VirtualService, destination: Destination) -> Health:
        """Return the health that was decided on; where nobody decides, what the probes' states come to."""
        choice = self._choice(virtual, destination)
        if choice is not None:
            return choice.health
        if self.decides:
            return Health.UNKNOWN
        states = {probe: self._state(probe).health for probe in destination.probes}
        return combine(states, destination.policy.poll)

    def _since(self, virtual: VirtualService, destination: Destination, health: Health) -> float | None:
        """Return when the health began: as heard by this process, else as its probes remember it."""
        heard = self.trail.since((virtual.key, destination.key))
        if heard is not None:
            return heard
        times = [
            state.since
            for state in (self._state(probe) for probe in destination.probes)
            if state.since and state.health.serves == health.serves and state.health is not Health.UNKNOWN
        ]
        return (min(times) if health is Health.DOWN else max(times)) if times else None

    def _wishes(self, virtual: VirtualService, destination: Destination) -> list[Wish]:
        mine = (wish for wish in self.snapshot.wishes if wish.concerns(virtual.name, destination.realserver.name))
        return list(standing(mine, self.now))


def pause_document(pause: Pause | None, held: int | None) -> dict[str, Any] | None:
    """Return what is told of a pause; ``held`` is the number of commands that wait for its end."""
    if pause is None:
        return None
    return {"since": pause.since, "until": pause.until, "reason": pause.reason, "by": pause.by, "held": held}


def _wish(wish: Wish) -> dict[str, Any]:
    return {
        "name": wish.name,
        "kind": wish.kind,
        "weight": wish.weight,
        "comment": wish.comment,
        "by": wish.by,
        "since": wish.since,
        "until": wish.until,
    }


def _entry(entry: VirtualEntry | None, destination: Destination) -> DestinationEntry | None:
    return None if entry is None else entry.destinations.get(destination.key)


def _traffic(counters: Counters | None) -> Mapping[str, Any]:
    """Return totals and rates; None where the kernel did not tell."""
    return {
        "connections": None if counters is None else counters.connections,
        "rates": None
        if counters is None
        else {
            "connections": counters.connection_rate,
            "in_packets": counters.in_packet_rate,
            "out_packets": counters.out_packet_rate,
            "in_bytes": counters.in_byte_rate,
            "out_bytes": counters.out_byte_rate,
        },
    }
