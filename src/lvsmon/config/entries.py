"""From what is written to one typed section, and to a probe: the one place where settings are judged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from lvsmon.alerts.channel import Channel
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.english import explain
from lvsmon.config.kinds import CHANNELS, Kind, Kinds
from lvsmon.config.schema import ProbeSection, Section
from lvsmon.config.secret_files import from_environment, from_file, in_place
from lvsmon.model.settings import Secret, shown
from lvsmon.probes.base import Probe

Found = TypeVar("Found", bound=Section)


@dataclass(frozen=True)
class ProbeEntry:
    """One ``[[virtual.probe]]``: the section as written and the probe it makes.

    ``parts`` are the probes of other kinds among its settings.
    """

    where: Where
    kind: Kind
    section: ProbeSection
    probe: Probe
    parts: Mapping[str, "ProbeEntry"] = field(default_factory=dict)

    @property
    def part(self) -> "ProbeEntry":
        """The probe that is run: itself, or the one that it makes its outcome of."""
        return next(iter(self.parts.values()), self)

    def blamed(self, error: ValueError) -> tuple[Where, str]:
        """Return where and what to complain of for an error about the probe."""
        return _blamed(self.where, self.kind, error)


@dataclass(frozen=True)
class ChannelEntry:
    """One ``[channel.NAME]``: the section as written and the channel it makes."""

    where: Where
    kind: Kind
    section: Section
    made: Channel


class EntryReader:
    """Reads single sections; what is wrong goes to ``complaints``."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._kinds = Kinds()
        self._channels = Kinds(CHANNELS)

    def section(self, kind: type[Found], where: Where, raw: object) -> Found | None:
        """Return the section that ``raw`` writes, None after complaining."""
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                self._complaints.add(where.at(*one["loc"]), explain(one, kind))
            return None

    def probes(self, where: Where, raw: object) -> tuple[ProbeEntry, ...]:
        """Return those of the probes that ``raw`` writes that could be made, in their order."""
        written = [(number, one) for number, one in enumerate(raw if isinstance(raw, list) else [])]
        found: dict[int, ProbeEntry] = {}
        # Those that are made of others come last: they may mean one that stands beside them.
        for number, one in sorted(written, key=lambda item: self._has_parts(item[1])):
            if isinstance(one, dict) and (entry := self.probe(where.at(number), one, found.values())) is not None:
                found[number] = entry
        return tuple(found[number] for number in sorted(found))

    def _has_parts(self, raw: object) -> bool:
        kind = raw.get("kind") if isinstance(raw, dict) else None
        try:
            return isinstance(kind, str) and bool(self._kinds.get(kind).parts)
        except ValueError:
            return False  # what is wrong with it is told when it is read

    def probe(self, where: Where, raw: Mapping[str, Any], beside: Iterable[ProbeEntry] = ()) -> ProbeEntry | None:
        """Return the probe that ``raw`` writes, None after complaining; ``beside`` stand others."""
        made = self._made(where, raw, self._kinds, "tcp", list(beside))
        if made is None:
            return None
        kind, section, probe, parts = made
        return ProbeEntry(where, kind, cast("ProbeSection", section), probe, parts)

    def channel(self, where: Where, raw: Mapping[str, Any]) -> ChannelEntry | None:
        """Return the channel that ``raw`` writes, None after complaining."""
        made = self._made(where, raw, self._channels, "email")
        return None if made is None else ChannelEntry(where, *made[:3])

    def _made(
        self,
        where: Where,
        raw: Mapping[str, Any],
        kinds: Kinds,
        example: str,
        beside: Sequence[ProbeEntry] = (),
    ) -> tuple[Kind, Section, Any, dict[str, ProbeEntry]] | None:
        """Return the kind that ``raw`` names, its section, what they make, and the probes that it is made of."""
        name = raw.get("kind")
        if not isinstance(name, str):
            self._complaints.add(
                where.at("kind"),
                f'missing: write for example kind = "{example}"'
                if name is None
                else f"write a string, not {shown(name)}",
            )
            return None
        try:
            kind = kinds.get(name)
        except ValueError as error:
            self._complaints.add(where.at("kind"), str(error))
            return None
        section = self.section(kind.section, where, raw)
        if section is None:
            return None
        values = {key: getattr(section, key) for key in section.model_fields_set & kind.settings.keys()}
        if not self._secrets(where, kind, section, values):
            return None
        parts = {key: self._part(where.at(key), values[key], list(beside)) for key in kind.parts}
        made = {key: part for key, part in parts.items() if part is not None}
        if len(made) < len(parts):
            return None
        values |= {key: part.probe for key, part in made.items()}
        try:
            return kind, section, kind.probe(**values), made
        except ValueError as error:  # of the kind's __post_init__: settings that do not go together
            self._complaints.add(*_blamed(where, kind, error))
            return None

    def _part(self, where: Where, raw: str | Mapping[str, Any], beside: list[ProbeEntry]) -> ProbeEntry | None:
        """Return the probe that ``raw`` means: the one of its kind that stands beside it, or one of its own."""
        if isinstance(raw, str):
            same = [entry for entry in beside if entry.kind.name == raw]
            if len(same) > 1:
                self._complaints.add(
                    where,
                    f"there are {len(same)} probes of kind {shown(raw)} here: write a table of a kind and its settings",
                )
                return None
            return same[0] if same else self.probe(where, {"kind": raw})
        if misplaced := sorted(raw.keys() & (ProbeSection.model_fields.keys() - {"kind"})):
            self._complaints.add(where.at(misplaced[0]), "write it beside this table, not in it")
            return None
        return self.probe(where, raw)

    def _secrets(self, where: Where, kind: Kind, section: Section, values: dict[str, Any]) -> bool:
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


def _blamed(where: Where, kind: Kind, error: ValueError) -> tuple[Where, str]:
    """Return the place of the setting that an error begins with, and the rest of its text."""
    setting, colon, message = str(error).partition(": ")
    return (where.at(setting), message) if colon and setting in kind.settings else (where, str(error))
