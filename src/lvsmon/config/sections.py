"""From parsed TOML to typed sections, each on its own: a fault in one hides none in another."""

from dataclasses import dataclass, field
from typing import Any, Final

from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.english import unknown_key
from lvsmon.config.entries import ChannelEntry, EntryReader, ProbeEntry
from lvsmon.config.files import Source
from lvsmon.config.schema import (
    AlertSection,
    BrakeSection,
    ControlSection,
    DefaultsSection,
    DeliverySection,
    DirectorSection,
    GroupSection,
    HeartbeatSection,
    HistorySection,
    HostSection,
    MaintenanceSection,
    RealserverSection,
    VantageSection,
    VirtualSection,
)
from lvsmon.config.values import VALID_NAME

_SINGLE: Final = ("director", "history", "control", "brake", "vantage", "defaults", "channel", "heartbeat", "delivery")
_MANY: Final = ("realserver", "virtual", "host", "group", "maintenance", "alert")


@dataclass(frozen=True)
class VirtualEntry:
    """One ``[[virtual]]`` with the probes that could be made."""

    where: Where
    section: VirtualSection
    probes: tuple[ProbeEntry, ...]


@dataclass(frozen=True)
class HostEntry:
    """One ``[[host]]`` with the probes that could be made."""

    where: Where
    section: HostSection
    probes: tuple[ProbeEntry, ...]


@dataclass
class Sections:
    """All files together, as far as each section is right in itself.

    ``broken_names`` are of realservers that were refused: whoever names one needs no second complaint.
    """

    main: Source
    director: DirectorSection = field(default_factory=DirectorSection)
    history: HistorySection = field(default_factory=HistorySection)
    control: ControlSection = field(default_factory=ControlSection)
    defaults: list[tuple[Where, DefaultsSection]] = field(default_factory=list)
    realservers: list[tuple[Where, RealserverSection]] = field(default_factory=list)
    virtuals: list[VirtualEntry] = field(default_factory=list)
    hosts: list[HostEntry] = field(default_factory=list)
    groups: list[tuple[Where, GroupSection]] = field(default_factory=list)
    brake: tuple[Where, BrakeSection] | None = None
    vantage: tuple[Where, VantageSection] | None = None
    vantage_refused: bool = False
    """Whether there is such a section and something is wrong with it."""
    maintenance: list[tuple[Where, MaintenanceSection]] = field(default_factory=list)
    alerts: list[tuple[Where, AlertSection]] = field(default_factory=list)
    channels: dict[str, ChannelEntry] = field(default_factory=dict)
    heartbeat: tuple[Where, HeartbeatSection] | None = None
    delivery: DeliverySection = field(default_factory=DeliverySection)
    broken_names: set[str] = field(default_factory=set)
    nameless: bool = False
    """Whether a realserver was refused for its name: then nobody can say which names are unknown."""
    lost: bool = False
    """Whether a host or virtual service was refused: then nobody can say which of their names are unknown."""


class Reader:
    """Reads the sections of one source after another into ``sections``."""

    def __init__(self, main: Source, complaints: Complaints) -> None:
        self.sections = Sections(main)
        self._complaints = complaints
        self._entries = EntryReader(complaints)

    def read(self, source: Source) -> None:
        top = Where(source, ())
        for key in source.data:
            if key not in _SINGLE + _MANY:
                self._complaints.add(top.at(key), unknown_key(key, _SINGLE + _MANY))
        if "director" in source.data and self._only_in_main(top.at("director")):
            director = self._entries.section(DirectorSection, top.at("director"), source.data["director"])
            self.sections.director = director or DirectorSection()
        if "brake" in source.data and self._only_in_main(top.at("brake")):
            brake = self._entries.section(BrakeSection, top.at("brake"), source.data["brake"])
            self.sections.brake = None if brake is None else (top.at("brake"), brake)
        if "vantage" in source.data and self._only_in_main(top.at("vantage")):
            vantage = self._entries.section(VantageSection, top.at("vantage"), source.data["vantage"])
            self.sections.vantage = None if vantage is None else (top.at("vantage"), vantage)
            self.sections.vantage_refused = vantage is None
        if "history" in source.data and self._only_in_main(top.at("history")):
            history = self._entries.section(HistorySection, top.at("history"), source.data["history"])
            self.sections.history = history or HistorySection()
        if "control" in source.data and self._only_in_main(top.at("control")):
            control = self._entries.section(ControlSection, top.at("control"), source.data["control"])
            self.sections.control = control or ControlSection()
        self._alerting(source, top)
        defaults = self._entries.section(DefaultsSection, top.at("defaults"), source.data.get("defaults", {}))
        self.sections.defaults.append((top.at("defaults"), defaults or DefaultsSection()))
        for where, raw in self._tables(top.at("realserver")):
            realserver = self._entries.section(RealserverSection, where, raw)
            if realserver is not None:
                self.sections.realservers.append((where, realserver))
            elif isinstance(raw, dict) and isinstance(name := raw.get("name"), str) and VALID_NAME.fullmatch(name):
                self.sections.broken_names.add(name)
            else:
                self.sections.nameless = True
        for where, raw in self._tables(top.at("virtual")):
            virtual = self._entries.section(VirtualSection, where, raw)
            probes = self._entries.probes(where.at("probe"), raw.get("probe") if isinstance(raw, dict) else None)
            if virtual is not None:
                self.sections.virtuals.append(VirtualEntry(where, virtual, probes))
            self.sections.lost |= virtual is None
        for where, raw in self._tables(top.at("host")):
            host = self._entries.section(HostSection, where, raw)
            probes = self._entries.probes(where.at("probe"), raw.get("probe") if isinstance(raw, dict) else None)
            if host is not None:
                self.sections.hosts.append(HostEntry(where, host, probes))
            self.sections.lost |= host is None
        for where, raw in self._tables(top.at("group")):
            group = self._entries.section(GroupSection, where, raw)
            if group is not None:
                self.sections.groups.append((where, group))
        for where, raw in self._tables(top.at("maintenance")):
            window = self._entries.section(MaintenanceSection, where, raw)
            if window is not None:
                self.sections.maintenance.append((where, window))

    def _alerting(self, source: Source, top: Where) -> None:
        """Read channels and routes, of any file, and what is there once."""
        if "heartbeat" in source.data and self._only_in_main(top.at("heartbeat")):
            beat = self._entries.section(HeartbeatSection, top.at("heartbeat"), source.data["heartbeat"])
            self.sections.heartbeat = None if beat is None else (top.at("heartbeat"), beat)
        if "delivery" in source.data and self._only_in_main(top.at("delivery")):
            delivery = self._entries.section(DeliverySection, top.at("delivery"), source.data["delivery"])
            self.sections.delivery = delivery or DeliverySection()
        for where, raw in self._tables(top.at("alert")):
            alert = self._entries.section(AlertSection, where, raw)
            if alert is not None:
                self.sections.alerts.append((where, alert))
        channels = source.data.get("channel", {})
        if not isinstance(channels, dict):
            self._complaints.add(top.at("channel"), "write a section for each channel with its name: [channel.mail]")
            return
        for name, raw in channels.items():
            self._channel(top.at("channel", name), name, raw)

    def _channel(self, where: Where, name: str, raw: object) -> None:
        if not VALID_NAME.fullmatch(name):
            self._complaints.add(
                where, "write a name of at most 64 ASCII letters, digits and _ . : @ -, as in [channel.mail]"
            )
        elif not isinstance(raw, dict):
            self._complaints.add(where, f"write a section with the name of the channel: [channel.{name}]")
        elif name in self.sections.channels:
            first = self.sections.channels[name].where
            self._complaints.add(where, f"the name is taken by another channel at {first}: write a different one")
        elif (entry := self._entries.channel(where, raw)) is not None:
            self.sections.channels[name] = entry

    def _only_in_main(self, where: Where) -> bool:
        if where.source is not self.sections.main:
            self._complaints.add(where, f"write this section in {self.sections.main.name}: there is one director")
        return where.source is self.sections.main

    def _tables(self, where: Where) -> list[tuple[Where, Any]]:
        key = str(where.path[0])
        raw = where.source.data.get(key, [])
        if isinstance(raw, list):
            return [(where.at(number), one) for number, one in enumerate(raw)]
        self._complaints.add(where, f"write [[{key}]] with two brackets before each one: there may be many")
        return []
