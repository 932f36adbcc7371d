"""The probes of a virtual service, aimed at each of its destinations."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from lvsmon.config.cascade import TIMING, Layer, Level, Setting, layer, timeout_of
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.entries import ProbeEntry
from lvsmon.config.identity import definition_of, identity
from lvsmon.config.policies import check_paces
from lvsmon.config.tripwires import objection
from lvsmon.config.vantages import MISSING, Vantage
from lvsmon.model import Damping, DestinationSettings, Forward, RealServer, Target, Through, VirtualKey
from lvsmon.model.settings import format_duration, shown
from lvsmon.probes.base import ProbeSpec, aim, needs_port
from lvsmon.probes.content import ContentProbe
from lvsmon.probes.part import Agreement

_COUNTS = frozenset({"rise", "fall"})


class Aim(NamedTuple):
    """One destination to probe, and what holds there of times and counts."""

    realserver: RealServer
    port: int
    timing: Layer
    where: Where
    settings: DestinationSettings | None = None
    """What the kernel keeps of it; None of a host."""


@dataclass
class Made:
    """What the probes of all virtual services come to."""

    vantage: Vantage | None = None
    vantage_refused: bool = False
    """Whether it is None because what is written of it was refused."""
    probes: dict[str, ProbeSpec] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)

    def add(self, spec: ProbeSpec) -> str:
        """Put ``spec`` in and return its id; one of the same definition is the same."""
        return self.probes.setdefault(spec.id, spec).id


@dataclass
class Runner:
    """One ``[[virtual.probe]]`` or ``[[host.probe]]`` with what does not depend on the destination worked out.

    ``virtual`` is None for a host's.
    """

    entry: ProbeEntry
    virtual: VirtualKey | None
    hostname: str | None
    definition: str
    complaints: Complaints

    def aim(self, aims: Sequence[Aim], made: Made, *, whole: bool = True) -> list[str | None]:
        """Put the probe of each destination into ``made`` and return its id; None after adding a complaint.

        ``whole`` says whether there is no other destination, which could not be made.
        """
        runs = [self._run(one, made) for one in aims]
        ids = [None if run is None else made.add(run) for run in runs]
        rule = self.entry.probe
        if not isinstance(rule, ContentProbe):
            return ids
        if not whole or None in ids:
            return [None] * len(ids)  # there is a complaint already
        return self._agree(rule, aims, [run for run in runs if run is not None], made)

    def _agree(
        self, rule: ContentProbe, aims: Sequence[Aim], runs: Sequence[ProbeSpec], made: Made
    ) -> list[str | None]:
        """Put in what compares ``runs``, one of each of ``aims``."""
        times = Counter(one.realserver.name for one in aims)
        names = {
            run.id: one.realserver.name if times[one.realserver.name] == 1 else f"{one.realserver.name} port {one.port}"
            for one, run in zip(aims, runs, strict=True)
        }
        if len(names) < 2:
            self.complaints.add(
                self.entry.where, "there is one realserver only: nothing to compare it with; leave it out"
            )
            return [None] * len(aims)
        reference = None
        if rule.reference is not None:
            reference = next((run for run, name in names.items() if name == rule.reference), None)
            if reference is None:
                self.complaints.add(
                    self.entry.where.at("reference"),
                    f"{shown(rule.reference)} is none of those that are compared: write one of"
                    f" {', '.join(names.values())}",
                )
                return [None] * len(aims)
        definition = "\n".join([self.definition, *sorted(names), reference or ""])
        ids: list[str | None] = []
        for one, run in zip(aims, runs, strict=True):
            spec = self._spec(definition, self.entry, run.target, effective(self.entry, one.timing))
            made.agreements[spec.id] = Agreement(
                rule=rule, run=run.id, names=names, reference=reference, fresh=spec.interval + spec.timeout
            )
            ids.append(made.add(spec))
        return ids

    def _run(self, one: Aim, made: Made) -> ProbeSpec | None:
        """Return what is run for a destination: the probe, or the one that it is made of."""
        part = self.entry.part
        port = self.entry.section.port or part.section.port or one.port
        if port == 0 and needs_port(part.probe):
            self.complaints.add(
                self.entry.where.at("port"),
                f"missing: {'a host' if self.virtual is None else 'this virtual service'} has no one port to probe;"
                " write for example port = 80",
            )
            return None
        timing = {**one.timing, **self._times}
        interval, timeout = timing["interval"].value, timeout_of(timing["interval"], timing["timeout"])
        if timeout > interval:
            self._overlaps(timing["interval"], timing["timeout"], one.where)
        check_paces(timing, one.where, self.complaints)
        setting = timing["vantage"]
        through = None
        if setting.value == "vip":
            through = self._through(one, made, setting)
            if through is None:
                return None
        try:
            target = self._target(one.realserver, port, through)
        except ValueError as error:
            self.complaints.add(*self.entry.blamed(error))
            return None
        tripwire = self.entry.section.tripwire or part.section.tripwire
        if tripwire and (harm := objection(part.kind, target.port)):
            self.complaints.add(self.entry.where.at("tripwire"), harm)
        if part is not self.entry:  # rise and fall of it are its own: then it is the run that stands beside
            counts = {**one.timing, **_own(part)}
            timing = {**timing, **{name: counts[name] for name in _COUNTS}}
        return self._spec(self._definition_run, part, target, timing, tripwire=tripwire)

    @cached_property
    def _times(self) -> Layer:
        return _overlay(self.entry)

    @cached_property
    def _definition_run(self) -> str:
        """That of what is run, which is the same for every destination."""
        return self.definition if self.entry.part is self.entry else definition_of(self.entry.part.probe)

    @staticmethod
    def _spec(
        definition: str, entry: ProbeEntry, target: Target, timing: Layer, *, tripwire: bool = False
    ) -> ProbeSpec:
        interval, timeout = timing["interval"].value, timeout_of(timing["interval"], timing["timeout"])
        damping = Damping(timing["rise"].value, timing["fall"].value)
        fast, down = timing["fast_interval"].value, timing["down_interval"].value
        confirm, confirm_interval = timing["confirm"].value, timing["confirm_interval"].value
        return ProbeSpec(
            id=identity(
                definition,
                entry.kind.name,
                target,
                interval=interval,
                timeout=timeout,
                damping=damping,
                paces=(fast, down),
                confirming=(confirm, confirm_interval),
                tripwire=tripwire,
            ),
            probe=entry.probe,
            target=target,
            interval=interval,
            timeout=timeout,
            damping=damping,
            fast_interval=fast,
            down_interval=down,
            confirm=confirm,
            confirm_interval=confirm_interval,
            tripwire=tripwire,
        )

    def _through(self, one: Aim, made: Made, setting: Setting) -> Through | None:
        """Return how the probe of a destination goes through the VIP; None after adding a complaint."""
        where = setting.where or one.where
        if self.virtual is None or one.settings is None:
            self.complaints.add(where, "leave it out: a host has no VIP")
        elif made.vantage is None:
            if not made.vantage_refused:
                self.complaints.add(where, MISSING)
        else:
            try:
                return made.vantage.through(self.virtual, one.realserver.address, one.settings, self.entry.part.kind)
            except ValueError as error:
                self.complaints.add(self.entry.where.at("vantage"), str(error))
        return None

    def _target(self, realserver: RealServer, port: int, through: Through | None) -> Target:
        to_vip = through is not None and through.forward is not Forward.MASQ and self.virtual is not None
        return aim(
            self.entry.part.probe,
            self.virtual.address if self.virtual is not None and to_vip else realserver.address,
            port,
            through=through,
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


def _own(entry: ProbeEntry) -> Layer:
    """Return the times and counts that are written at a probe itself."""
    found = layer(entry.section, Level.PROBE, entry.where)
    return {name: found[name] for name in TIMING if name in found}


def effective(entry: ProbeEntry, timing: Layer) -> Layer:
    """Return the times and counts of ``entry`` where ``timing`` holds for its destination.

    What stands beside it and is compared keeps its times where no others are set: then it is run once.
    """
    return {**timing, **_overlay(entry)}


def _overlay(entry: ProbeEntry) -> Layer:
    """Return the times and counts of ``entry`` that hold for every destination."""
    of_part = {name: setting for name, setting in _own(entry.part).items() if name not in _COUNTS}
    return {**of_part, **_own(entry)}


def prepare(
    probes: Iterable[ProbeEntry], key: VirtualKey | None, hostname: str | None, complaints: Complaints
) -> list[Runner]:
    """Return what probes the destinations of the virtual service ``key``, or a host, as far as none is needed."""
    found: list[Runner] = []
    protocol = None if key is None else key.protocol
    for entry in probes:
        kind, port = entry.part.kind, entry.section.port or entry.part.section.port
        if protocol is not None and kind.transport not in {protocol, "any"} and port is None:
            complaints.add(
                entry.where.at("kind"),
                f"{shown(kind.name)} speaks {kind.transport.upper()}, and the virtual service is"
                f" {protocol.upper()}: choose another kind, or write the port where the realservers answer it",
            )
            continue
        runner = Runner(entry, key, hostname, definition_of(entry.probe), complaints)
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
