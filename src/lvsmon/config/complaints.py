"""Everything wrong with a configuration, gathered while it is read and told at once."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lvsmon.config.files import Source
from lvsmon.config.lines import KeyPath
from lvsmon.errors import Complaint, ConfigError
from lvsmon.model.settings import shown

_NAMED: Final = ("realserver", "virtual", "host", "group", "maintenance", "alert")


class Where(NamedTuple):
    """A place in a file."""

    source: Source
    path: KeyPath

    def at(self, *keys: str | int) -> "Where":
        return Where(self.source, self.path + keys)

    def __str__(self) -> str:
        """Return ``file:line``, as a message names another place."""
        line = self.source.line_of(self.path)
        return self.source.name if line is None else f"{self.source.name}:{line}"


@dataclass
class Complaints:
    """Collects complaints; the same one about the same place is kept once."""

    of_files: list[Complaint] = field(default_factory=list)
    """Of whole files, in which no key can be named."""
    _found: dict[tuple[str, KeyPath, str], Where] = field(default_factory=dict)

    def add(self, where: Where, message: str) -> None:
        self._found[where.source.name, where.path, message] = where

    def __bool__(self) -> bool:
        return bool(self.of_files or self._found)

    def refuse(self) -> None:
        """Raise `ConfigError` with everything found, in the order of files and lines; return if there is nothing."""
        if not self:
            return
        told = [
            Complaint(where.source.name, where.source.line_of(where.path), _key(where), message)
            for (_, _, message), where in self._found.items()
        ]
        raise ConfigError(sorted([*self.of_files, *told], key=lambda one: (one.file, one.line or 0)))


def _key(where: Where) -> str:
    """Return a path as people look for it: ``virtual "shop" probe[0].interval``, ``defaults.rise``.

    What has a name goes by it, what has none by its position.
    """
    path, text = where.path, ""
    if len(path) > 1 and path[0] in _NAMED and isinstance(path[1], int):
        section, number, *rest = path
        name = where.source.data[str(section)][number]
        name = name.get("name") if isinstance(name, dict) else None
        if isinstance(name, str):
            text, path = f"{section} {shown(name)}", tuple(rest)
            text += " " if rest else ""
    for position, key in enumerate(path):
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if position else "") + _bare(key)
    return text


def _bare(key: str) -> str:
    """Return ``key`` as TOML writes it: quoted where it is not a bare one."""
    return key if key and key.isascii() and key.replace("-", "").replace("_", "").isalnum() else shown(key)
