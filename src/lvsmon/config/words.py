"""Settings written as words of a command line: ``path=/health status=200,204 expect=ready``.

A word's value is taken as TOML where it is some, else as a string; what the setting wants decides where both would do:
``expect=200`` is a pattern, ``status=200`` a number. A list may be written as ``a,b,c``, one key of a table as
``headers.Accept=text/html``, or of a probe within as ``of.kind=http of.path=/health``. Settings are judged by the same
sections as a file's (`lvsmon.config.entries`).
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.entries import EntryReader, ProbeEntry
from lvsmon.config.files import Source
from lvsmon.config.kinds import RESERVED, Kind, Kinds
from lvsmon.config.schema import Section
from lvsmon.config.values import Address, Hostname, Port, Timeout
from lvsmon.errors import Complaint, ConfigError
from lvsmon.model.settings import shown
from lvsmon.probes.base import Probe


class AimSection(Section):
    """What a run by hand is told besides the kind's own settings."""

    hostname: Hostname | None = None
    """The name that clients use; the host name that is probed, where ADDRESS is one."""

    vip: Address | None = None
    """The VIP that clients connect to, for probes that say it where there is no hostname."""

    vport: Port | None = None
    """The port that clients connect to on the VIP; the port that is probed, where it is not given."""

    port: Port | None = None
    """The port to probe, in place of one behind ADDRESS."""

    timeout: Timeout = 5.0
    """How long the whole run may take, connecting and closing included."""


_SCHEDULING: Final = RESERVED - {"kind", "port", "timeout"}
"""What a probe of a file may be told besides its settings, and one that is run once has no use for."""


@dataclass(frozen=True, slots=True)
class Order:
    """One probe to run by hand, and where it is to be aimed. ``exposed`` names secrets given on the command line."""

    kind: Kind
    probe: Probe
    aim: AimSection
    exposed: tuple[str, ...] = ()


def read(name: str, words: Sequence[str], hostname: str | None = None) -> Order:
    """Return what ``words`` say of a probe of kind ``name``; raise ConfigError with everything wrong with them.

    ``hostname`` is what clients are taken to use where no word says so.
    """
    kinds = Kinds()
    try:
        kind = kinds.get(name)
    except ValueError as error:
        raise ConfigError([Complaint("", None, "", str(error))]) from None
    texts, wrong = _split(words, kind)
    aim_texts = {key: texts.pop(key) for key in AimSection.model_fields if key in texts and key not in kind.settings}
    raw = {"kind": name, **{key: _read(kinds, kind, key, text) for key, text in texts.items()}}
    raw_aim = {key: _chosen(AimSection, key, text) for key, text in aim_texts.items()}
    if hostname is not None:
        raw_aim.setdefault("hostname", hostname)
    complaints = Complaints(of_files=wrong)
    where = Where(Source("", Path(), data={**raw, **raw_aim}), ())
    reader = EntryReader(complaints)
    aim = reader.section(AimSection, where, raw_aim)
    entry = reader.probe(where, raw)
    if entry is not None and aim is not None and entry.probe.needs_hostname and aim.hostname is None:
        example = "write for example hostname=shop.example.org"
        complaints.add(where.at("hostname"), f"missing: this probe needs the name that clients use; {example}")
    complaints.refuse()
    assert entry is not None  # noqa: S101  there was nothing to complain about
    assert aim is not None  # noqa: S101
    return Order(kind, entry.probe, aim, tuple(_exposed(entry, texts)))


def _exposed(entry: ProbeEntry, texts: Mapping[str, Any]) -> Iterator[str]:
    """Return the secrets among ``texts``, those of a probe within included."""
    yield from (key for key in entry.kind.secrets if key in texts)
    for key, part in entry.parts.items():
        if isinstance(texts[key], Mapping):
            yield from (f"{key}.{inner}" for inner in _exposed(part, texts[key]))


def _read(kinds: Kinds, kind: Kind, key: str, text: Any) -> Any:
    """Return what ``text`` means for ``key``; the settings of a probe within are those of its own kind."""
    if key in kind.parts and isinstance(text, Mapping):
        try:
            part = kinds.get(text["kind"])
        except (KeyError, ValueError):
            return dict(text)  # what is wrong with it is told when the probe is made
        return {"kind": text["kind"], **{one: _chosen(part.section, one, text[one]) for one in text if one != "kind"}}
    return _chosen(kind.section, key, text)


def _split(words: Sequence[str], kind: Kind) -> tuple[dict[str, Any], list[Complaint]]:
    """Return the text of each key (of each key within it, where it is dotted), and what cannot be taken."""
    texts: dict[str, Any] = {}
    wrong = []
    for word in words:
        key, equals, text = word.partition("=")
        table, dot, inner = key.partition(".")
        if not _is_text(word):
            wrong.append(Complaint("", None, "", f"{shown(word)}: is not UTF-8: write such bytes as escapes, \\xNN"))
        elif not equals or not key:
            wrong.append(Complaint("", None, "", f"{shown(word)}: write a setting as key=value{_meant(word, kind)}"))
        elif key == "kind":
            wrong.append(Complaint("", None, key, "the kind stands before the address: leave this out"))
        elif key in _SCHEDULING:
            wrong.append(Complaint("", None, key, "has no meaning for one run by hand: leave it out"))
        elif dot and isinstance(texts.setdefault(table, {}), dict) and inner not in texts[table]:
            texts[table][inner] = text
        elif key in texts or dot:
            wrong.append(Complaint("", None, key, f"is given twice: write it once, a list as {key}=a,b"))
        else:
            texts[key] = text
    return texts, wrong


def _is_text(word: str) -> bool:
    """Say whether ``word`` was UTF-8: Python keeps other bytes of a command line as lone surrogates."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _meant(word: str, kind: Kind) -> str:
    if word in kind.hints and kind.hints[word] is bool:
        return f", {word}=true"
    near = get_close_matches(word, [*kind.settings, *AimSection.model_fields], n=1)
    return f", for example {near[0]}=…" if near else ""


def _chosen(section: type[Section], key: str, text: Any) -> Any:
    """Return what ``text`` means for ``key``: the first reading that the section takes, or the first one of all."""
    readings = _tables(text) if isinstance(text, Mapping) else _readings(text)
    return next((one for one in readings if _fits(section, key, one)), readings[0])


def _fits(section: type[Section], key: str, value: Any) -> bool:
    try:
        section.model_validate({key: value})
    except ValidationError as error:
        return all(one["loc"][0] != key for one in error.errors(include_url=False))
    return True


def _readings(text: str) -> list[Any]:
    items = [item.strip() for item in text.split(",")]
    return [*_toml(text), text, [next(iter(_toml(item)), item) for item in items], items]


def _tables(texts: Mapping[str, str]) -> list[Any]:
    return [dict(texts), {key: next(iter(_toml(text)), text) for key, text in texts.items()}]


def _toml(text: str) -> list[Any]:
    """Return the value that ``text`` is in TOML, if it is one."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return []
    return [found["value"]] if found.keys() == {"value"} else []
