"""Types that settings are written in: durations and sizes with units, patterns, secrets.

Kinds of probes use them in their dataclasses; pydantic, which only the configuration loads, finds the hooks below when
it builds a kind's schema. The messages say what to write instead: they are what a user reads.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from lvsmon.model.patterns import Regex

_DURATION: Final = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h|d)", re.ASCII)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ESCAPE: Final = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.|\Z)", re.DOTALL)
_ESCAPES: Final = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
_SIZE: Final = re.compile(r"(\d{1,15}) ?(B|kB|KiB|MB|MiB)", re.ASCII)
_BYTES: Final = {"B": 1, "kB": 1000, "KiB": 1024, "MB": 1000**2, "MiB": 1024**2}
_SHOWN_LENGTH: Final = 80
"""Characters of a quoted value: enough to find it again, and the message still fits two lines."""


def shown(value: object) -> str:
    """Return ``value`` as a configuration writes it, for messages: bounded, nothing unprintable, nothing of Python.

    Tables and lists are named, not shown: they may hold a secret.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = json.dumps(value if len(value) <= _SHOWN_LENGTH else value[:_SHOWN_LENGTH] + "…", ensure_ascii=False)
    elif isinstance(value, list | tuple):
        return "a list"
    elif isinstance(value, dict):
        return "a table"
    elif isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    else:
        text = str(value)
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def duration(value: object) -> float:
    """Return the seconds of "500ms", "2s", "1.5m", "1h30m" or "2d"; raise ValueError saying what to write."""
    if isinstance(value, str):
        position, total = 0, 0.0
        for part in _DURATION.finditer(value):
            if part.start() != position:
                break
            position = part.end()
            total += float(part[1]) * _SECONDS[part[2]]
        if value and position == len(value):
            return total
    raise ValueError(f'write a duration with its unit (ms, s, m, h, d), such as "2s" or "1h30m", not {shown(value)}')


def size(value: object) -> int:
    """Return the bytes of "512B", "64kB" or "1MiB"; raise ValueError saying what to write."""
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return int(match[1]) * _BYTES[match[2]]
    raise ValueError(f'write a size with its unit (B, kB, KiB, MB, MiB), such as "64KiB", not {shown(value)}')


def pattern(value: object) -> Regex:
    """Return the regular expression, to be searched in raw bytes; raise ValueError saying what is wrong."""
    if not isinstance(value, str):
        raise ValueError(f"write a regular expression as a string, not {shown(value)}")  # noqa: TRY004  pydantic's way
    regex = Regex(value.encode())
    regex.compile()
    return regex


def escaped(value: object) -> bytes:
    r"""Return the UTF-8 bytes of a text with escapes (\r \n \t \0 \\ \xNN); raise ValueError saying what to write."""
    if not isinstance(value, str):
        raise ValueError(f"write a text as a string, not {shown(value)}")  # noqa: TRY004  pydantic's way

    def one(found: re.Match[bytes]) -> bytes:
        code = found[1]
        if len(code) == 3:
            return bytes.fromhex(code[1:].decode())
        if code in _ESCAPES:
            return _ESCAPES[code]
        raise ValueError(
            f"unknown escape {found[0].decode(errors='replace')}: write \\r \\n \\t \\0 \\xNN, and \\\\ for a backslash"
        )

    return _ESCAPE.sub(one, value.encode())


def hexadecimal(value: object) -> bytes:
    """Return the bytes of "0a ff 00" or "0aff00"; raise ValueError saying what to write."""
    if isinstance(value, str):
        with suppress(ValueError):
            return bytes.fromhex(value)
    raise ValueError(f'write bytes as pairs of hexadecimal digits, such as "0a ff 00", not {shown(value)}')


def format_duration(seconds: float) -> str:
    """Return what `duration` would read back: "500ms", "2s", "1h30m"."""
    if seconds != int(seconds):
        return f"{seconds * 1000:.3f}".rstrip("0").rstrip(".") + "ms"
    rest, text = int(seconds), ""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(_SECONDS[unit]))
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def format_size(count: int) -> str:
    """Return what `size` would read back: "64KiB", "64kB", "513B"."""
    for unit in ("MiB", "MB", "KiB", "kB"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit}"
    return f"{count}B"


def format_escaped(data: bytes) -> str:
    """Return what `escaped` would read back."""
    names = {code[0]: name.decode() for name, code in _ESCAPES.items()}
    shown_bytes = []
    for letter in data.decode("utf-8", "surrogateescape"):
        code = ord(letter)
        if code in names:
            shown_bytes.append("\\" + names[code])
        elif code < 0x20 or code == 0x7F or 0xDC80 <= code <= 0xDCFF:
            shown_bytes.append(f"\\x{code & 0xFF:02x}")
        else:
            shown_bytes.append(letter)
    return "".join(shown_bytes)


def format_hexadecimal(data: bytes) -> str:
    """Return what `hexadecimal` would read back."""
    return data.hex(" ")


def format_pattern(compiled: Regex) -> str:
    """Return what `pattern` would read back."""
    return compiled.pattern.decode()


class Secret:
    """A secret: shown as stars wherever it is printed; equal and hashed by its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Take a string, or a Secret that is one already."""
        from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

        def make(value: object) -> "Secret":
            if isinstance(value, Secret):
                return value
            if isinstance(value, str):
                return cls(value)
            raise ValueError("write a string")

        return core_schema.no_info_plain_validator_function(make, json_schema_input_schema=core_schema.str_schema())


@dataclass(frozen=True, slots=True)
class Written:
    """Marks a setting that is written as a string and read by ``read``; ``write`` is the way back.

    With ``number`` it may be written as a whole number too.
    """

    read: Callable[[object], Any]
    example: str
    write: Callable[[Any], str | int] = str
    number: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Read by our function; in JSON Schema, a string with an example."""
        from pydantic_core import core_schema  # noqa: PLC0415  only the configuration pays for it

        text = core_schema.str_schema()
        form = core_schema.union_schema([core_schema.int_schema(), text]) if self.number else text
        return core_schema.no_info_plain_validator_function(self.read, json_schema_input_schema=form)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        shown = handler(schema)
        shown["examples"] = [self.example]
        return shown


Duration: TypeAlias = Annotated[float, Written(duration, "2s", format_duration)]
"""Seconds, written with a unit."""

Size: TypeAlias = Annotated[int, Written(size, "64KiB", format_size)]
"""Bytes, written with a unit."""

Pattern: TypeAlias = Annotated[Regex, Written(pattern, "^220 ", format_pattern)]
"""A regular expression over bytes, written as a string; a search takes linear time whatever the text is."""

Text: TypeAlias = Annotated[bytes, Written(escaped, "PING\\r\\n", format_escaped)]
"""Bytes, written as a text with escapes."""

Hexadecimal: TypeAlias = Annotated[bytes, Written(hexadecimal, "0a ff 00", format_hexadecimal)]
"""Bytes, written in hexadecimal."""
