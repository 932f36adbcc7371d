"""From parsed TOML to typed sections, each on its own: a fault in one hides none in another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.english import explain, unknown_key
from lvsmon.config.files import Source
from lvsmon.config.kinds import Kind, Kinds
from lvsmon.config.schema import (
    DefaultsSection,
    DirectorSection,
    ProbeSection,
    RealserverSection,
    Section,
    VirtualSection,
)
from lvsmon.config.secret_files import from_environment, from_file, in_place
from lvsmon.config.values import VALID_NAME
from lvsmon.model.settings import Secret, shown
from lvsmon.probes.base import Probe

_SINGLE: Final = ("director", "defaults")
_MANY: Final = ("realserver", "virtual")

Found = TypeVar("Found", bound=Section)


@dataclass(frozen=True)
class ProbeEntry:
    """One ``[[virtual.probe]]``: the section as written and the probe it makes."""

    where: Where
    kind: Kind
    section: ProbeSection
    probe: Probe


@dataclass(frozen=True)
class VirtualEntry:
    """One ``[[virtual]]`` with the probes that could be made."""

    where: Where
    section: VirtualSection
    probes: tuple[ProbeEntry, ...]


@dataclass
class Sections:
    """All files together, as far as each section is right in itself.

    ``broken_names`` are of realservers that were refused: whoever names one needs no second complaint.
    """

    main: Source
    director: DirectorSection = field(default_factory=DirectorSection)
    defaults: list[tuple[Where, DefaultsSection]] = field(default_factory=list)
    realservers: list[tuple[Where, RealserverSection]] = field(default_factory=list)
    virtuals: list[VirtualEntry] = field(default_factory=list)
    broken_names: set[str] = field(default_factory=set)
    nameless: bool = False
    """Whether a realserver was refused for its name: then nobody can say which names are unknown."""


class Reader:
    """Reads the sections of one source after another into ``sections``."""

    def __init__(self, main: Source, complaints: Complaints) -> None:
        self.sections = Sections(main)
        self._complaints = complaints
        self._kinds = Kinds()

    def read(self, source: Source) -> None:
        top = Where(source, ())
        for key in source.data:
            if key not in _SINGLE + _MANY:
                self._complaints.add(top.at(key), unknown_key(key, _SINGLE + _MANY))
        if "director" in source.data:
            self._director(top.at("director"), source.data["director"])
        defaults = self._section(DefaultsSection, top.at("defaults"), source.data.get("defaults", {}))
        self.sections.defaults.append((top.at("defaults"), defaults or DefaultsSection()))
        for where, raw in self._tables(top.at("realserver")):
            realserver = self._section(RealserverSection, where, raw)
            if realserver is not None:
                self.sections.realservers.append((where, realserver))
            elif isinstance(raw, dict) and isinstance(name := raw.get("name"), str) and VALID_NAME.fullmatch(name):
                self.sections.broken_names.add(name)
            else:
                self.sections.nameless = True
        for where, raw in self._tables(top.at("virtual")):
            virtual = self._section(VirtualSection, where, raw)
            raw_probes = raw.get("probe") if isinstance(raw, dict) else None
            probes = [
                self._probe(where.at("probe", number), one)
                for number, one in enumerate(raw_probes if isinstance(raw_probes, list) else [])
                if isinstance(one, dict)
            ]
            if virtual is not None:
                self.sections.virtuals.append(VirtualEntry(where, virtual, tuple(filter(None, probes))))

    def _director(self, where: Where, raw: object) -> None:
        if where.source is not self.sections.main:
            self._complaints.add(where, f"write this section in {self.sections.main.name}: there is one director")
            return
        self.sections.director = self._section(DirectorSection, where, raw) or DirectorSection()

    def _tables(self, where: Where) -> list[tuple[Where, Any]]:
        key = str(where.path[0])
        raw = where.source.data.get(key, [])
        if isinstance(raw, list):
            return [(where.at(number), one) for number, one in enumerate(raw)]
        self._complaints.add(where, f"write [[{key}]] with two brackets before each one: there may be many")
        return []

    def _section(self, kind: type[Found], where: Where, raw: object) -> Found | None:
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                self._complaints.add(where.at(*one["loc"]), explain(one, kind))
            return None

    def _probe(self, where: Where, raw: Mapping[str, Any]) -> ProbeEntry | None:
        name = raw.get("kind")
        if not isinstance(name, str):
            self._complaints.add(
                where.at("kind"),
                'missing: write for example kind = "tcp"' if name is None else f"write a string, not {shown(name)}",
            )
            return None
        try:
            kind = self._kinds.get(name)
        except ValueError as error:
            self._complaints.add(where.at("kind"), str(error))
            return None
        section = self._section(kind.section, where, raw)
        if section is None:
            return None
        values = {key: getattr(section, key) for key in section.model_fields_set & kind.settings.keys()}
        if not self._secrets(where, kind, section, values):
            return None
        try:
            return ProbeEntry(where, kind, section, kind.probe(**values))
        except ValueError as error:  # of the kind's __post_init__: settings that do not go together
            setting, colon, message = str(error).partition(": ")
            if colon and setting in kind.settings:
                self._complaints.add(where.at(setting), message)
            else:
                self._complaints.add(where, str(error))
            return None

    def _secrets(self, where: Where, kind: Kind, section: ProbeSection, values: dict[str, Any]) -> bool:
        """Put each secret that is given into ``values``; return whether all is well."""
        well = True
        for key, required in kind.secrets.items():
            forms = (key, key + "_file", key + "_env")
            given = [form for form in forms if form in section.model_fields_set]
            if len(given) > 1:
                self._complaints.add(where.at(given[1]), f"write only one of {', '.join(forms)}")
                well = False
            elif given:
                try:
                    values[key] = self._secret(where.at(given[0]), getattr(section, given[0]))
                except ValueError as error:
                    self._complaints.add(where.at(given[0]), str(error))
                    well = False
            elif required:
                self._complaints.add(where.at(key), f"missing: write {key}_file, {key}_env or {key}")
                well = False
        return well

    @staticmethod
    def _secret(where: Where, value: Secret | str) -> Secret:
        if isinstance(value, Secret):
            return in_place(value, where)
        return from_file(value, where) if str(where.path[-1]).endswith("_file") else from_environment(value)
