"""Which kinds there are, and what settings one of them has: from its types and the lines under its fields."""

import inspect
import json
from typing import Any, Final

from lvsmon.config.jsonschema import docs_under_keys, of_kind
from lvsmon.config.kinds import RESERVED, Kind, Kinds
from lvsmon.config.words import AimSection
from lvsmon.model.settings import format_duration
from lvsmon.text import escape, pad, wrap

_WIDTH: Final = 96
_LONGEST: Final = 34
"""Cells of the left column; what is longer gets a line of its own."""


def listing(width: int | None) -> str:
    """Return one line for each kind: its name, its usual port, what it does."""
    kinds = Kinds()
    rows = [(name, *_told(kinds, name)) for name in kinds.names()]
    names, ports = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = []
    for name, port, text in rows:
        head = f"{pad(escape(name), names)}  {port:>{ports}}  "
        first, *rest = wrap(escape(text), (width or _WIDTH) - len(head))
        lines += [head + first, *(" " * len(head) + line for line in rest)]
    return "\n".join(lines) + "\n"


def _told(kinds: Kinds, name: str) -> tuple[str, str]:
    try:
        kind = kinds.get(name)
    except ValueError as error:
        return "", f"cannot be used: {error}"
    origin = kinds.origin(name)
    return str(kind.default_port or ""), summary(kind) + (f" [{origin}]" if origin else "")


def summary(kind: Kind) -> str:
    """Return the first paragraph of what a kind says of itself, as one line."""
    text = inspect.getdoc(kind.probe) or ""
    return " ".join(text.partition("\n\n")[0].split())


def describe(kind: Kind, width: int | None) -> str:
    """Return the kind's settings, and what every run by hand may be told."""
    width = width or _WIDTH
    schema = of_kind(kind)
    implicit = f", {kind.implicit_port} with tls=implicit" if kind.implicit_port else ""
    port = f" The port is {kind.default_port} where none is given{implicit}." if kind.default_port else ""
    lines = [
        f"Usage: lvsmon probe {kind.name} ADDRESS[:PORT] [key=value]...",
        "",
        *wrap(summary(kind) + port, width),
        "",
    ]
    required = set(schema.get("required", []))
    rows = [
        (f"{key}={_of_secret(key, kind) or _type(one)}", _sentence(one, needed=key in required))
        for key, one in sorted(schema["properties"].items(), key=lambda item: item[0].startswith(_TLS))
        if key not in RESERVED  # no settings of a run by hand, or told below
    ]
    lines += ["Settings:", *_table(rows, width), ""] if rows else []
    docs = docs_under_keys(AimSection)
    aim = AimSection.model_json_schema()["properties"]
    general = [(f"{key}={_GENERAL[key]}", _with_default(docs[key], aim[key], key)) for key in AimSection.model_fields]
    return "\n".join([*lines, "Of every kind:", *_table(general, width)]) + "\n"


_TLS: Final = "tls_"
"""Settings of TLS, which many kinds have, are told after a kind's own."""

_GENERAL: Final = {"hostname": "NAME", "vip": "ADDRESS", "vport": "PORT", "port": "PORT", "timeout": "DURATION"}


def _with_default(text: str, schema: dict[str, Any], key: str) -> str:
    default = schema.get("default")
    return f"{text} [{format_duration(default)}]" if key == "timeout" and default is not None else text


def _sentence(schema: dict[str, Any], *, needed: bool) -> str:
    text = schema.get("description", "")
    if needed:
        return f"{text} Must be given.".strip()
    default = schema.get("default")
    return text if default in (None, "", [], {}) else f"{text} [{_value(default)}]"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value)


def _type(schema: dict[str, Any]) -> str:
    """Return what may be written, as short as it can be told."""
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        plain = "|".join(dict.fromkeys(_type(one) for one in schema["anyOf"] if one.get("type") != "array"))
        lists = [_type(one) for one in schema["anyOf"] if one.get("type") == "array"]
        return lists[0] if lists and lists[0].startswith(plain) else "|".join([plain, *lists])
    match schema.get("type"):
        case "boolean":
            return "true|false"
        case "integer":
            return "NUMBER"
        case "number":
            return "NUMBER"
        case "array":
            return f"{_type(schema.get('items', {}))},..."
        case "object":
            return "TABLE"
    example = next(iter(schema.get("examples", [])), None)
    return "TEXT" if example is None else _EXAMPLES.get(example, "TEXT")


def _of_secret(key: str, kind: Kind) -> str:
    """Return what the forms of a secret take, "" for any other key."""
    forms = {secret + tail: word for secret in kind.secrets for tail, word in (("_file", "FILE"), ("_env", "VARIABLE"))}
    return forms.get(key, "")


_EXAMPLES: Final = {"2s": "DURATION", "64KiB": "SIZE", "^220 ": "REGEX", "0a ff 00": "HEX"}
"""What the types of `lvsmon.model.settings` are known by in a schema."""


def _table(rows: list[tuple[str, str]], width: int) -> list[str]:
    left = min(_LONGEST, max(len(head) for head, _ in rows))
    lines = []
    for head, text in rows:
        wrapped = wrap(escape(text), max(30, width - left - 4))
        if len(head) > left:
            lines.append(f"  {head}")
            head = ""  # noqa: PLW2901  told already
        lines.append(f"  {pad(head, left)}  {wrapped[0]}".rstrip())
        lines += [f"{' ' * (left + 4)}{line}" for line in wrapped[1:]]
    return lines
