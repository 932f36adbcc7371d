"""The files of a configuration: found, read within bounds, parsed as TOML."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from lvsmon.config.lines import KeyPath, lines_of
from lvsmon.errors import Complaint, ConfigError
from lvsmon.places import main_file

DROP_IN_FOLDER: Final = "monitors.d"

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of one file: 1,000 virtual services with all they can have stay under a tenth of it; a log or a disk image
named by mistake does not."""

_POSITION: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PYTHON_KEYS: Final = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True)
class Source:
    """One file: ``name`` as shown in complaints, ``text`` and what TOML makes of it."""

    name: str
    path: Path
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return lines_of(self.text)

    def line_of(self, path: KeyPath) -> int | None:
        """Return the line of ``path``, or of the nearest thing around it that is written down."""
        if not self.text:
            return None
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines[path] if path else None


def find(path: Path) -> tuple[Path, list[Path]]:
    """Return the main file and its drop-ins in the order in which they are read.

    Hidden files and files that are not named ``*.toml`` are none: editors and package managers leave such behind.
    """
    main = main_file(path)
    folder = main.parent / DROP_IN_FOLDER
    drop_ins = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    return main, [file for file in drop_ins if not file.name.startswith(".")]


def read(path: Path) -> Source:
    """Read and parse one file; raise `ConfigError` where it is no TOML file of a configuration's size."""

    def refused(message: str, line: int | None = None) -> ConfigError:
        return ConfigError([Complaint(str(path), line, "", message)])

    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except OSError as error:
        raise refused(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(raw) > MAX_FILE:
        raise refused(f"is larger than {MAX_FILE // 2**20} MiB: this is not a configuration")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        at = raw.count(b"\n", 0, error.start) + 1
        raise refused("is not UTF-8: save it in that encoding", at) from None
    if text.startswith("\ufeff"):
        raise refused("begins with a byte order mark: save it as UTF-8 without one", 1)
    try:
        return Source(str(path), path, text, tomllib.loads(text))
    except RecursionError:
        raise refused("is nested too deeply to be a configuration") from None
    except ValueError as error:  # of TOMLDecodeError's kind, or a number too long for Python
        message, line = _syntax(str(error), text)
        raise refused(f"is not TOML: {message}", line) from None


def _syntax(message: str, text: str) -> tuple[str, int | None]:
    """Return the parser's message in words for people, and its line."""
    match = _POSITION.search(message)
    line = (int(match[1]) if match[1] else max(len(text.splitlines()), 1)) if match else None
    message = message[: match.start()] if match else message
    if message.startswith("Exceeds the limit"):
        return "a number has more than 4300 digits", line
    message = _PYTHON_KEYS.sub(lambda keys: ".".join(re.findall(r"'([^']*)'", keys[1])) or keys[0], message)
    return message[:1].lower() + message[1:], line
