"""Making raw text harmless before it reaches a person: terminal, log line, status line, page.

What a realserver sends may hold control bytes, terminal escape sequences, or marks that turn the reading direction
round (Unicode TR 9 and TR 36). Every edge passes it through `escape`; inside, details stay raw.
"""

import unicodedata
from typing import Final

MAX_STACKED: Final = 2
"""Combining marks kept on one character: living languages need two, a tower of them paints over other lines."""


def encodable(text: str) -> str:
    r"""Return ``text`` as UTF-8 can have it: a lone surrogate, as JSON and wrong bytes make them, is ``\udce9``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def escape(text: str) -> str:
    r"""Return ``text`` as one printable line.

    Whatever is not printable (controls, line ends, escape sequences, direction marks, invisible characters, lone
    surrogates, unusual spaces) is written as ``\n``, ``\t``, ``\x1b`` or ``\u202e``. Backslashes are left as they are:
    the aim is harmless text, not text that can be read back.
    """
    if text.isascii() and text.isprintable():
        return text
    made: list[str] = []
    stacked = 0
    for character in text:
        stacked = stacked + 1 if unicodedata.combining(character) else 0
        if character.isprintable() and stacked <= MAX_STACKED:
            made.append(character)
        else:
            made.append(_escaped(character))
    return "".join(made)


def _escaped(character: str) -> str:
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def cells(text: str) -> int:
    """Return how many terminal cells escaped ``text`` takes: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def pad(text: str, width: int) -> str:
    """Return ``text`` with spaces after it, ``width`` cells wide or more."""
    return text + " " * (width - cells(text))


def wrap(text: str, width: int) -> list[str]:
    """Return ``text`` in lines of at most ``width`` cells, broken between words where there are words."""
    lines, line, used = [], "", 0
    for word in text.split(" "):
        size = cells(word)
        if line and used + 1 + size <= width:
            line, used = f"{line} {word}", used + 1 + size
            continue
        if line:
            lines.append(line)
        line, used = word, size
        while used > width:
            head = _head(line, width)
            lines.append(head)
            line = line[len(head) :]
            used = cells(line)
    return [*lines, line]


def cut(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` cells, an ellipsis showing that something is missing."""
    if cells(text) <= width:
        return text
    head = _head(text, width - 1)
    return (head if cells(head) < width else "") + "…"  # the one character that a head has at least may be wide


def _head(text: str, width: int) -> str:
    """Return as much of the beginning of ``text`` as fits, at least one character."""
    used = 0
    for index, character in enumerate(text):
        used += _cells(character)
        if used > width and index:
            return text[:index]
    return text
