"""On which line each key of a TOML text stands.

The standard parser tells no positions and neither does tomlkit, so this reads the text a second time, only when there
is something to complain about. The text has been parsed by `tomllib` already: what is scanned here is valid TOML 1.0.
"""

import re
import tomllib
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of a file: ``("virtual", 0, "probe", 1, "interval")``."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r'[ \t]*([A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|\'[^\']*\')[ \t]*')
_LONG_BASIC: Final = re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2})', re.DOTALL)
_LONG_LITERAL: Final = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)
_SHORT: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|[^,\]}\n#]+')


def lines_of(text: str) -> dict[KeyPath, int]:
    """Return the line of every table, key and list item, counted from 1."""
    scanner = _Scanner(text)
    try:
        scanner.document()
    except RecursionError:  # deeper than any real file: what was found so far still helps
        return scanner.found
    return scanner.found


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line = 1
        self._items: dict[KeyPath, int] = {}
        """How many tables each array of tables has so far."""
        self.found: dict[KeyPath, int] = {(): 1}

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._position < len(self._text):
            if self._text.startswith("[[", self._position):
                table = self._header(2)
            elif self._text[self._position] == "[":
                table = self._header(1)
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._position)
        assert match is not None  # noqa: S101  tomllib has accepted the text
        self._line += match[0].count("\n")
        self._position = match.end()
        return match[0]

    def _keys(self) -> list[str]:
        """Read a dotted key."""
        keys = []
        while True:
            match = _KEY.match(self._text, self._position)
            assert match is not None  # noqa: S101  tomllib has accepted the text
            self._position = match.end()
            keys.append(_plain(match[1]))
            if self._text[self._position] != ".":
                return keys
            self._position += 1

    def _header(self, brackets: int) -> KeyPath:
        self._position += brackets
        keys = self._keys()
        self._position += brackets
        path: KeyPath = ()
        for key in keys[:-1]:
            path = self._inside((*path, key))
            self.found.setdefault(path, self._line)
        path = (*path, keys[-1])
        if brackets == 1:
            self.found[path] = self._line
            return path
        self.found.setdefault(path, self._line)
        self._items[path] = self._items.get(path, 0) + 1
        path = self._inside(path)
        self.found[path] = self._line
        return path

    def _inside(self, path: KeyPath) -> KeyPath:
        """Step into the last table of an array of tables, if ``path`` is one."""
        return (*path, self._items[path] - 1) if path in self._items else path

    def _pair(self, table: KeyPath) -> None:
        path = table
        for key in self._keys():
            path = (*path, key)
            self.found.setdefault(path, self._line)
        self._position += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        start = self._text[self._position]
        if self._text.startswith('"""', self._position):
            self._skip(_LONG_BASIC)
        elif self._text.startswith("'''", self._position):
            self._skip(_LONG_LITERAL)
        elif start == "[":
            self._bracketed(path, "]")
        elif start == "{":
            self._bracketed(path, "}")
        else:
            self._skip(_SHORT)

    def _bracketed(self, path: KeyPath, end: str) -> None:
        """Read a list or an inline table."""
        self._position += 1
        number = 0
        self._skip(_BLANK)
        while self._text[self._position] != end:
            if end == "]":
                self.found[(*path, number)] = self._line
                self._value((*path, number))
                number += 1
            else:
                self._pair(path)
            self._skip(_BLANK)
            if self._text[self._position] == ",":
                self._position += 1
                self._skip(_BLANK)
        self._position += 1


def _plain(key: str) -> str:
    """Return a key without its quotes and escapes."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
