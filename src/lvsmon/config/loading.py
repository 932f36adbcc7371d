"""From sections to the plan: names looked up, defaults laid over one another, rules across sections."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lvsmon.config import alerts, destinations, maintenance, policies, runs, virtuals
from lvsmon.config.beside import Beside, dependencies
from lvsmon.config.cascade import BUILT_IN, TIMING, Layer, Level, layer
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.files import DROP_IN_FOLDER, Source, find, read
from lvsmon.config.guesses import meant
from lvsmon.config.plan import Backend, ControlSettings, Plan
from lvsmon.config.schema import RealserverSection, SorrySection
from lvsmon.config.sections import Reader, Sections, VirtualEntry
from lvsmon.config.values import address
from lvsmon.config.vantages import Vantage
from lvsmon.errors import ConfigError
from lvsmon.model import (
    Destination,
    DestinationKey,
    DestinationSettings,
    Expression,
    Manage,
    OnDrift,
    OnFailure,
    RealServer,
    VirtualKey,
    VirtualService,
)
from lvsmon.model.history import Retention
from lvsmon.model.settings import shown

_SORRY_KEYS = ("port", "forward", "tunnel")


@dataclass(frozen=True)
class Resolved:
    """One virtual service with the layers that its values came from."""

    entry: VirtualEntry
    virtual: VirtualService
    timings: tuple[Layer, ...]
    """What each destination says of its probes, in the order of the destinations."""


@dataclass(frozen=True)
class Loaded:
    """A plan together with what it was made of, for `lvsmon config show`."""

    plan: Plan
    sources: tuple[Source, ...]
    sections: Sections
    resolved: tuple[Resolved, ...]
    beside: Beside


def load(path: Path) -> Plan:
    """Return the effective configuration in ``path``, a main file or the folder of one.

    Raise `ConfigError` with everything that is wrong with it.
    """
    return load_all(path).plan


def load_all(path: Path) -> Loaded:
    """Return the plan and what it was made of; raise as `load` does."""
    collects = gc.isenabled()
    gc.disable()  # hardly anything of all this is garbage before the end, and looking for it takes a tenth of the time
    try:
        return _load_all(path)
    finally:
        if collects:
            gc.enable()


def _load_all(path: Path) -> Loaded:
    complaints = Complaints()
    main_path, drop_ins = find(path)
    sources = []
    for one in (main_path, *drop_ins):
        try:
            sources.append(read(one))
        except ConfigError as error:
            complaints.of_files += error.complaints
    if not sources or sources[0].path != main_path:  # without the main file nothing else can be judged
        complaints.refuse()
    reader = Reader(sources[0], complaints)
    for source in sources:
        reader.read(source)
    builder = _Builder(reader.sections, complaints)
    resolved = builder.build()
    beside = Beside.build(reader.sections, [one.virtual for one in resolved], builder.base, builder.made, complaints)
    if not complaints and not resolved:
        folder = main_path.parent / DROP_IN_FOLDER
        complaints.add(
            Where(sources[0], ()),
            f"there is no virtual service: write [[virtual]] here, or in a file named *.toml in {folder}",
        )
    virtuals_made = [one.virtual for one in resolved]
    windows = maintenance.windows_of(reader.sections, virtuals_made, complaints)
    alerting = alerts.setup_of(reader.sections, virtuals_made, builder.made.probes.values(), complaints)
    complaints.refuse()
    director, control = reader.sections.director, reader.sections.control
    plan = Plan(
        virtuals=tuple(one.virtual for one in resolved),
        probes=builder.made.probes,
        agreements=builder.made.agreements,
        hosts=beside.hosts,
        groups=beside.groups,
        brake=beside.brake,
        backend=Backend(director.backend),
        reconcile_interval=director.reconcile_interval,
        runs_per_realserver=director.runs_per_realserver,
        workers=director.workers if isinstance(director.workers, int) else None,
        worker_user=director.worker_user,
        state_directory=Path(director.state_directory),
        log_level=director.log_level,
        control=ControlSettings(
            socket=Path(control.socket), read_group=control.read_group, write_group=control.write_group
        ),
        sysctls={} if director.sysctl is None else director.sysctl.model_dump(exclude_none=True),
        windows=windows,
        alerting=alerting,
        retention=Retention(reader.sections.history.keep, reader.sections.history.rows),
    )
    return Loaded(plan, tuple(sources), reader.sections, tuple(resolved), beside)


@dataclass
class _Builder:
    """Resolves the sections of all files against each other."""

    sections: Sections
    complaints: Complaints
    made: runs.Made = field(default_factory=runs.Made)
    base: Layer = field(default_factory=lambda: BUILT_IN)
    """What holds for everything: the main file's defaults over the built-in ones."""
    _realservers: dict[str, tuple[RealServer, Layer]] = field(default_factory=dict)
    _depends: dict[str, Expression] = field(default_factory=dict)
    """What realservers depend on, by name."""

    def build(self) -> list[Resolved]:
        self._declare(self.sections.realservers)
        defaults = self._defaults()
        if self.sections.vantage is not None:
            where, section = self.sections.vantage
            self.made.vantage = Vantage.of(section, where, self.complaints)
        self.made.vantage_refused = self.sections.vantage_refused
        names: dict[str, Where] = {}
        keys: dict[VirtualKey, Where] = {}
        found = []
        for entry in self.sections.virtuals:
            first = names.setdefault(entry.section.name, entry.where)
            if first is not entry.where:
                self.complaints.add(
                    entry.where.at("name"),
                    f"the name is taken by another virtual service at {first}: write a different one",
                )
            settings = {**defaults[entry.where.source.name], **layer(entry.section, Level.VIRTUAL, entry.where)}
            key = virtuals.key_of(entry.section, settings, entry.where, self.complaints)
            if key is None:
                continue
            first = keys.setdefault(key, entry.where)
            if first is not entry.where:
                self.complaints.add(entry.where, f"{key} is the virtual service at {first} already: join them")
            found.append(self._resolve(entry, key, settings))
        return found

    def _defaults(self) -> dict[str, Layer]:
        """Return what holds for the virtual services of each file."""
        base = self.base
        of_file: dict[str, Layer] = {}
        for where, section in self.sections.defaults:
            if where.source is self.sections.main:
                base = {**BUILT_IN, **layer(section, Level.MAIN_FILE, where)}
                of_file[where.source.name] = self.base = base
            else:
                of_file[where.source.name] = {**base, **layer(section, Level.DROP_IN_FILE, where)}
        return of_file

    def _declare(self, declared: Iterable[tuple[Where, RealserverSection]]) -> None:
        """Names are unique; one address may have two names, for one host may have two roles."""
        places: dict[str, Where] = {}
        for where, section in declared:
            first = places.setdefault(section.name, where)
            if first is not where:
                self.complaints.add(
                    where.at("name"), f"the name is taken by another realserver at {first}: write a different one"
                )
            if section.depends is not None:
                self._depends[section.name] = section.depends
            self._realservers[section.name] = (
                RealServer(section.name, section.address, frozenset(section.tags)),
                layer(section, Level.REALSERVER, where),
            )

    def _find(self, name: str, where: Where) -> tuple[RealServer, Layer] | None:
        found = self._realservers.get(name)
        if found is None and not self.sections.nameless and name not in self.sections.broken_names:
            self.complaints.add(where, self._unknown(name))
        return found

    def _unknown(self, name: str) -> str:
        try:
            literal = address(name)
        except ValueError:
            return f"unknown realserver {shown(name)}{meant(name, self._realservers, 'the configuration')}"
        known = next((one.name for one, _ in self._realservers.values() if one.address == literal), None)
        if known is not None:
            return f"write the name of the realserver, {shown(known)}, not its address"
        return f'declare it first, [[realserver]] with a name and address = "{literal}", and write the name here'

    def _resolve(self, entry: VirtualEntry, key: VirtualKey, settings: Layer) -> Resolved:
        section, where, complaints = entry.section, entry.where, self.complaints
        kernel = virtuals.settings_of(section, settings, where, complaints)
        policies.check_votes(entry, complaints)
        found: list[Destination] = []
        aims: list[runs.Aim] = []
        merges: list[Layer] = []
        places: dict[DestinationKey, Where] = {}
        for number, one in enumerate(section.realservers):
            place = where.at("realservers", number)
            declared = self._find(one.name, place)
            if declared is None:
                continue
            realserver, own = declared
            merged = {**settings, **own, **layer(one, Level.ENTRY, place)}
            destination_key = destinations.key_of(key, realserver.address, merged, place, complaints)
            if destination_key is None:
                continue
            first = places.setdefault(destination_key, place)
            if first is not place:
                complaints.add(place, f"{destination_key} is a destination already, realservers[{first.path[-1]}]")
                continue
            timing = {name: merged[name] for name in TIMING}
            kept = destinations.settings_of(merged, place, complaints)
            aims.append(runs.Aim(realserver, destination_key.port, timing, place, kept))
            merges.append(merged)
            found.append(
                Destination(
                    realserver=realserver,
                    key=destination_key,
                    settings=kept,
                    on_failure=OnFailure(destinations.on_failure_of(key, merged["on_failure"])),
                    depends=dependencies(section.name, section.depends, self._depends.get(one.name)),
                )
            )
        sorry = self._sorry(section.sorry, key, settings, where.at("sorry"), places) if section.sorry else None
        below, more = policies.quorum_of(section.sorry, len(section.realservers), where.at("sorry"), complaints)
        virtual = VirtualService(
            name=section.name,
            key=key,
            settings=kernel,
            destinations=tuple(self._probed(entry, key, found, aims, merges)),
            hostname=section.hostname,
            sorry=sorry,
            floor=policies.floor_of(settings["floor"], len(section.realservers), complaints),
            sorry_below=below,
            sorry_hysteresis=more,
            manage=Manage(settings["manage"].value),
            tags=frozenset(section.tags),
            on_drift=OnDrift(settings["on_drift"].value),
        )
        return Resolved(entry, virtual, tuple(one.timing for one in aims))

    def _probed(
        self,
        entry: VirtualEntry,
        key: VirtualKey,
        destinations: Iterable[Destination],
        aims: Sequence[runs.Aim],
        settings: Iterable[Layer],
    ) -> Iterator[Destination]:
        """Return ``destinations`` with their probes, and what is decided by them."""
        runners = runs.prepare(entry.probes, key, entry.section.hostname, self.complaints)
        whole = len(aims) == len(entry.section.realservers)
        ids = [runner.aim(aims, self.made, whole=whole) for runner in runners]
        for number, (destination, merged) in enumerate(zip(destinations, settings, strict=True)):
            votes = [
                (spec_id, runner.entry.section.votes)
                for runner, of_runner in zip(runners, ids, strict=True)
                if (spec_id := of_runner[number]) is not None
            ]
            poll = policies.poll_of(entry.section, votes)
            policy = policies.policy_of(merged, poll, aims[number].where, self.complaints)
            yield replace(destination, probes=tuple(spec_id for spec_id, _ in votes), policy=policy)

    def _sorry(
        self, section: SorrySection, key: VirtualKey, settings: Layer, where: Where, places: dict[DestinationKey, Where]
    ) -> Destination | None:
        if (section.name is None) == (section.address is None):
            self.complaints.add(where, 'write either the name of a declared realserver or an address = "10.1.0.99"')
            return None
        realserver = RealServer(section.address or "", section.address or "")
        merged = {**BUILT_IN, **{name: settings[name] for name in _SORRY_KEYS}}
        if section.name is not None:
            declared = self._find(section.name, where)
            if declared is None:
                return None
            realserver = declared[0]
            merged |= {name: one for name, one in declared[1].items() if name in _SORRY_KEYS}
        merged |= layer(section, Level.ENTRY, where)
        found = destinations.key_of(key, realserver.address, merged, where, self.complaints)
        if found is None:
            return None
        if found in places:
            self.complaints.add(where, f"{found} is a destination already: the sorry server must be another one")
        kept: DestinationSettings = destinations.settings_of(merged, where, self.complaints)
        return Destination(realserver=realserver, key=found, settings=kept)
