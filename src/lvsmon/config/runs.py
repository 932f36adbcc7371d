"""The probes of a virtual service, aimed at each of its destinations."""

from collections.abc import Iterable
from dataclasses import dataclass

from lvsmon.config.cascade import TIMING, Layer, Level, Setting, layer, timeout_of
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.entries import ProbeEntry
from lvsmon.config.identity import definition_of, identity
from lvsmon.config.policies import check_paces
from lvsmon.model import Damping, RealServer, Target, VirtualKey
from lvsmon.model.settings import format_duration, shown
from lvsmon.probes.base import ProbeSpec, aim


@dataclass
class Runner:
    """One ``[[virtual.probe]]`` or ``[[host.probe]]`` with what does not depend on the destination worked out.

    ``virtual`` is None for a host's.
    """

    entry: ProbeEntry
    virtual: VirtualKey | None
    hostname: str | None
    own: Layer
    definition: str
    complaints: Complaints

    def add(
        self, realserver: RealServer, port: int, timing: Layer, where: Where, probes: dict[str, ProbeSpec]
    ) -> str | None:
        """Put the probe of one destination into ``probes`` and return its id; None after adding a complaint."""
        port = self.entry.section.port or port
        if port == 0 and self.entry.kind.uses_port:
            self.complaints.add(
                self.entry.where.at("port"),
                f"missing: {'a host' if self.virtual is None else 'this virtual service'} has no one port to probe;"
                " write for example port = 80",
            )
            return None
        merged = {**timing, **self.own}
        interval, timeout = merged["interval"].value, timeout_of(merged["interval"], merged["timeout"])
        if timeout > interval:
            self._overlaps(merged["interval"], merged["timeout"], where)
        damping = Damping(merged["rise"].value, merged["fall"].value)
        try:
            target = self._aim(realserver, port)
        except ValueError as error:
            self.complaints.add(*self.entry.blamed(error))
            return None
        check_paces(merged, where, self.complaints)
        fast, down = merged["fast_interval"].value, merged["down_interval"].value
        found = identity(
            self.definition,
            self.entry.kind.name,
            target,
            interval=interval,
            timeout=timeout,
            damping=damping,
            paces=(fast, down),
        )
        if found not in probes:
            probes[found] = ProbeSpec(
                id=found,
                probe=self.entry.probe,
                target=target,
                interval=interval,
                timeout=timeout,
                damping=damping,
                fast_interval=fast,
                down_interval=down,
            )
        return found

    def _aim(self, realserver: RealServer, port: int) -> Target:
        return aim(
            self.entry.probe,
            realserver.address,
            port,
            hostname=self.hostname,
            # A host is known by its own address, and may name itself.
            vip=self.virtual.address or None if self.virtual else realserver.address,
            vport=self.virtual.port or None if self.virtual else None,
            realserver=realserver.name if self.virtual else None,
        )

    def _overlaps(self, interval: Setting, timeout: Setting, where: Where) -> None:
        """A run must end before the next one starts: then a probe never overlaps itself."""
        nearer = timeout if timeout.level >= interval.level else interval
        built_in = " (the built-in default)" if interval.level is Level.BUILT_IN else ""
        self.complaints.add(
            nearer.where or where,
            f"the timeout {format_duration(timeout.value)} is longer than the interval"
            f" {format_duration(interval.value)}{built_in}, so a run would overlap the next:"
            " write a shorter timeout or a longer interval",
        )


def prepare(
    probes: Iterable[ProbeEntry], key: VirtualKey | None, hostname: str | None, complaints: Complaints
) -> list[Runner]:
    """Return what probes the destinations of the virtual service ``key``, or a host, as far as none is needed."""
    found: list[Runner] = []
    for entry in probes:
        protocol = None if key is None else key.protocol
        fits = entry.kind.transport in {protocol, "any"}
        if protocol is not None and not fits and entry.section.port is None:
            complaints.add(
                entry.where.at("kind"),
                f"{shown(entry.kind.name)} speaks {entry.kind.transport.upper()}, and the virtual service is"
                f" {protocol.upper()}: choose another kind, or write the port where the realservers answer it",
            )
            continue
        own = layer(entry.section, Level.PROBE, entry.where)
        runner = Runner(
            entry,
            key,
            hostname,
            {name: own[name] for name in TIMING if name in own},
            definition_of(entry.probe),
            complaints,
        )
        same = _same(runner, found)
        if same is not None:
            complaints.add(entry.where, f"the same as probe[{same}]: leave one of them out")
            continue
        found.append(runner)
    return found


def _same(runner: Runner, others: Iterable[Runner]) -> object:
    """Return the number of a probe that would do just the same."""
    for other in others:
        if (runner.definition, runner.entry.section.port) == (other.definition, other.entry.section.port):
            return other.entry.where.path[-1]
    return None
