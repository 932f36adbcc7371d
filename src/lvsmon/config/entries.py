"""From what is written to one typed section, and to a probe: the one place where settings are judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.english import explain
from lvsmon.config.kinds import Kind, Kinds
from lvsmon.config.schema import ProbeSection, Section
from lvsmon.config.secret_files import from_environment, from_file, in_place
from lvsmon.model.settings import Secret, shown
from lvsmon.probes.base import Probe

Found = TypeVar("Found", bound=Section)


@dataclass(frozen=True)
class ProbeEntry:
    """One ``[[virtual.probe]]``: the section as written and the probe it makes."""

    where: Where
    kind: Kind
    section: ProbeSection
    probe: Probe

    def blamed(self, error: ValueError) -> tuple[Where, str]:
        """Return where and what to complain of for an error about the probe."""
        return _blamed(self.where, self.kind, error)


class EntryReader:
    """Reads single sections; what is wrong goes to ``complaints``."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._kinds = Kinds()

    def section(self, kind: type[Found], where: Where, raw: object) -> Found | None:
        """Return the section that ``raw`` writes, None after complaining."""
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                self._complaints.add(where.at(*one["loc"]), explain(one, kind))
            return None

    def probe(self, where: Where, raw: Mapping[str, Any]) -> ProbeEntry | None:
        """Return the probe that ``raw`` writes, None after complaining."""
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
        section = self.section(kind.section, where, raw)
        if section is None:
            return None
        values = {key: getattr(section, key) for key in section.model_fields_set & kind.settings.keys()}
        if not self._secrets(where, kind, section, values):
            return None
        try:
            return ProbeEntry(where, kind, section, kind.probe(**values))
        except ValueError as error:  # of the kind's __post_init__: settings that do not go together
            self._complaints.add(*_blamed(where, kind, error))
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


def _blamed(where: Where, kind: Kind, error: ValueError) -> tuple[Where, str]:
    """Return the place of the setting that an error begins with, and the rest of its text."""
    setting, colon, message = str(error).partition(": ")
    return (where.at(setting), message) if colon and setting in kind.settings else (where, str(error))
