"""From sections to what is told of beside virtual services: hosts, groups, the brake, and who depends on whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lvsmon.config import runs
from lvsmon.config.cascade import BUILT_IN, TIMING, Layer, Level, layer
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.guesses import meant
from lvsmon.config.sections import HostEntry, Sections, VirtualEntry
from lvsmon.model import Brake, Expression, Group, Host, Name, RealServer, VirtualService, names
from lvsmon.model.settings import shown
from lvsmon.probes.base import ProbeSpec

SELF = "SELF"


@dataclass(frozen=True)
class Beside:
    """What stands beside the virtual services of a plan."""

    hosts: tuple[Host, ...]
    groups: tuple[Group, ...]
    brake: Brake | None
    timings: tuple[Layer, ...]
    """What each host says of its probes, in the order of the hosts."""

    @classmethod
    def build(
        cls,
        sections: Sections,
        virtuals: Sequence[VirtualService],
        base: Layer,
        made: runs.Made,
        complaints: Complaints,
    ) -> "Beside":
        """Return it; what hosts are probed by is put into ``made``."""
        builder = _Builder(sections, {each.name: each for each in virtuals}, base, made, complaints)
        hosts = builder.hosts()
        builder.check_dependencies()
        return cls(hosts, builder.groups(), builder.brake(hosts), tuple(builder.timings))


def dependencies(
    virtual: str, of_virtual: Expression | None, of_realserver: Expression | None
) -> tuple[Expression, ...]:
    """Return what a destination in ``virtual`` depends on; a realserver's dependency on itself there is none."""
    found = [] if of_virtual is None else [of_virtual]
    if of_realserver is not None and all(name.name != virtual for name in names(of_realserver)):
        found.append(of_realserver)
    return tuple(found)


@dataclass
class _Builder:
    _sections: Sections
    _virtuals: Mapping[str, VirtualService]
    _base: Layer
    _made: runs.Made
    _complaints: Complaints
    timings: list[Layer] = field(default_factory=list)

    def hosts(self) -> tuple[Host, ...]:
        places: dict[str, Where] = {}
        found = []
        for entry in self._sections.hosts:
            first = places.setdefault(entry.section.name, entry.where)
            if first is not entry.where:
                self._complaints.add(
                    entry.where.at("name"), f"the name is taken by another host at {first}: write a different one"
                )
            if entry.section.name in self._virtuals:
                self._complaints.add(
                    entry.where.at("name"), "the name is taken by a virtual service: write a different one"
                )
            found.append(self._host(entry))
        return tuple(found)

    def _host(self, entry: HostEntry) -> Host:
        section, where = entry.section, entry.where
        if not section.probe:
            self._complaints.add(where.at("probe"), "missing: write [[host.probe]] with a kind, such as ping")
        timing = {
            **{key: self._base[key] for key in TIMING},
            "vantage": BUILT_IN["vantage"],
            **layer(section, Level.REALSERVER, where),
        }
        self.timings.append(timing)
        aims = [runs.Aim(RealServer(section.name, section.address), 0, timing, where)]
        found = (
            spec_id
            for runner in runs.prepare(entry.probes, None, None, self._complaints)
            for spec_id in runner.aim(aims, self._made)
        )
        return Host(
            name=section.name,
            address=section.address,
            probes=tuple(one for one in found if one is not None),
            depends=() if section.depends is None else (section.depends,),
        )

    def check_dependencies(self) -> None:
        """Complain of names that there are not, and of what depends on itself."""
        needs: dict[str, set[str]] = {}
        for where, owner, expression in self._dependencies():
            for name in names(expression):
                self._check_name(name, where, of_host=owner in self._host_names)
                needs.setdefault(owner, set()).add(name.name)
        for where, owner, _ in self._dependencies():
            circle = _circle(owner, needs)
            if circle:
                self._complaints.add(where, f"depends on itself: {' on '.join(circle)}: take one of these out")

    @property
    def _host_names(self) -> set[str]:
        return {entry.section.name for entry in self._sections.hosts}

    def _dependencies(self) -> Iterable[tuple[Where, str, Expression]]:
        """Yield each dependency with where it is written and whose it is: a host's or a virtual service's."""
        entries: list[VirtualEntry | HostEntry] = [*self._sections.virtuals, *self._sections.hosts]
        for entry in entries:
            if entry.section.depends is not None:
                yield entry.where.at("depends"), entry.section.name, entry.section.depends
        for where, realserver in self._sections.realservers:
            if realserver.depends is None:
                continue
            for virtual in self._virtuals.values():
                if any(one.realserver.name == realserver.name for one in virtual.destinations):
                    for expression in dependencies(virtual.name, None, realserver.depends):
                        yield where.at("depends"), virtual.name, expression

    def _check_name(self, name: Name, where: Where, *, of_host: bool) -> None:
        virtual = self._virtuals.get(name.name)
        if virtual is None and name.name not in self._host_names:
            if not self._sections.lost:
                known = [*self._host_names, *self._virtuals]
                self._complaints.add(
                    where,
                    f"no host and no virtual service is called {shown(name.name)}"
                    + meant(name.name, known, "the configuration"),
                )
        elif name.realserver is not None and virtual is None:
            self._complaints.add(where, f"{shown(name.name)} is a host: leave out what is behind the slash")
        elif name.realserver == SELF and of_host:
            self._complaints.add(where, "a host is in no virtual service: write a realserver's name instead of SELF")
        elif name.realserver not in (None, SELF) and virtual is not None:
            there = [one.realserver.name for one in virtual.destinations]
            if name.realserver not in there:
                self._complaints.add(
                    where,
                    f"virtual service {shown(name.name)} has no realserver {shown(name.realserver)}"
                    + meant(str(name.realserver), there, "the configuration"),
                )

    def groups(self) -> tuple[Group, ...]:
        found = []
        for where, section in self._sections.groups:
            virtuals = list(self._virtuals) if section.virtuals is None else section.virtuals
            leads = virtuals if section.leads is None else section.leads
            for key, written in (("virtuals", section.virtuals or []), ("leads", section.leads or [])):
                for number, name in enumerate(written):
                    if name not in self._virtuals and not self._sections.lost:
                        self._complaints.add(
                            where.at(key, number),
                            f"no virtual service is called {shown(name)}"
                            + meant(name, self._virtuals, "the configuration"),
                        )
                    elif name not in virtuals:
                        self._complaints.add(
                            where.at(key, number), "it is not in the group: write it under virtuals too"
                        )
            if len(set(virtuals)) < 2:
                self._complaints.add(where, "a group of one ties nothing: write two virtual services at least")
            found.append(Group(name=section.name, virtuals=frozenset(virtuals), leads=frozenset(leads)))
        return tuple(found)

    def brake(self, hosts: Iterable[Host]) -> Brake | None:
        if self._sections.brake is None:
            return None
        where, section = self._sections.brake
        known = [host.name for host in hosts]
        for number, name in enumerate(section.self_test):
            if name not in known and not self._sections.lost:
                self._complaints.add(
                    where.at("self_test", number),
                    f"no host is called {shown(name)}{meant(name, known, 'the configuration')}",
                )
        return Brake(
            failing=section.failing,
            window=section.window,
            self_test=tuple(section.self_test),
            grace=max((_time_to_see(spec) for spec in self._made.probes.values()), default=0.0),
        )


def _time_to_see(spec: ProbeSpec) -> float:
    """Return the seconds in which a probe that is DOWN is sure to have found out that all is well again."""
    return (spec.down_interval or spec.interval) + spec.interval * max(spec.damping.rise, spec.damping.fall)


def _circle(owner: str, needs: Mapping[str, set[str]]) -> list[str]:
    """Return the names from ``owner`` back to itself, [] if it does not depend on itself."""
    ways = [[owner]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for need in sorted(needs.get(way[-1], ())):
            if need == owner:
                return [*way, owner]
            if need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return []
