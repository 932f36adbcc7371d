"""The forms in which a secret may turn up: on the wire, and in what is said about the wire."""

import base64
import dataclasses
import json
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final
from urllib.parse import quote, quote_plus

from lvsmon.model.settings import Secret

_PLAIN: Final = frozenset({bool, int, float, str, bytes, NoneType})
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_HEX: Final = re.compile(r"%[0-9A-F]{2}")


def secrets_in(value: Any) -> Iterator[Secret]:
    """Return every secret among a probe's settings, those within settings of settings included."""
    if isinstance(value, Secret):
        yield value
    elif dataclasses.is_dataclass(value):
        kind: Any = type(value)
        for name in _places(kind):
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from secrets_in(item)


@cache
def _places(kind: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass in which there may be a secret, by their types; this is asked in every run."""
    return tuple(field.name for field in dataclasses.fields(kind) if not _is_plain(field.type))


def _is_plain(hint: Any) -> bool:
    """Say whether values of a type are numbers, texts and the like, or made of nothing else."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _is_plain(inner[0])
    if origin in (typing.Union, UnionType, tuple, frozenset):
        return all(one is Ellipsis or _is_plain(one) for one in inner)
    return hint in _PLAIN or origin in (typing.Literal, re.Pattern)


def encoded(text: str) -> Iterator[bytes]:
    """Return the bytes that stand for ``text`` in the encodings in use."""
    yield text.encode("utf-8", "surrogateescape")
    yield text.encode("utf-16-le", "surrogatepass")
    if not text.isascii() and all(ord(letter) < 0x100 for letter in text):
        yield text.encode("latin-1")


def written(text: str) -> Iterator[bytes]:
    """Return the forms in which protocols write a secret; base64 is not among them, see `decoded`."""
    yield from encoded(text)
    raw = text.encode("utf-8", "surrogateescape")
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for form in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield form.encode()
        yield _HEX.sub(lambda found: found[0].lower(), form).encode()
    yield raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    yield json.dumps(text)[1:-1].encode()
    yield raw.replace(b"'", b"''")
    yield b"".join(_as_in_a_zone_file(byte) for byte in raw)


def _as_in_a_zone_file(byte: int) -> bytes:
    """Quote a byte of a DNS text (RFC 1035 section 5.1)."""
    if byte in b'"\\':
        return bytes((0x5C, byte))
    return bytes((byte,)) if 0x20 <= byte < 0x7F else b"\\%03d" % byte


def told(text: str) -> Iterator[str]:
    """Return the forms in which a detail or a fact tells of a secret that was on the wire.

    As text; quoted in Python's notation, and that quoted once more; and with its bytes in hexadecimal, apart.
    """
    for between in " :":
        yield text.encode("utf-8", "surrogateescape").hex(between)
    for form in written(text):
        words = {form.decode("utf-8", "surrogateescape"), form.decode("utf-8", "backslashreplace")}
        words |= {word for bare in words for word in _quoted(bare)} | _quoted(form)
        yield from words
        for word in words:
            yield from _quoted(word)


def _quoted(word: str | bytes) -> set[str]:
    """Return what Python writes for ``word`` between its quotes: a single quote in it may get a backslash or not."""
    parts = word.split("'") if isinstance(word, str) else word.split(b"'")
    bare = [repr(part).removeprefix("b")[1:-1] for part in parts]
    return {"'".join(bare), "\\'".join(bare)}


def decoded(run: bytes) -> Iterator[bytes]:
    """Decode ``run`` from each of the four places where a group of base64 may begin in it."""
    plain = run.translate(_URL_SAFE)
    for offset in range(min(4, len(plain) - 1)):
        group = plain[offset:]
        group = group[: len(group) - (len(group) % 4 == 1)]
        yield base64.b64decode(group + b"=" * (-len(group) % 4))
