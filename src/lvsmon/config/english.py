"""What pydantic finds wrong, in words for people: what to write instead, in TOML's terms.

One table, by pydantic's error types. Values are quoted only where they are plain ones: a table or a list may hold a
secret that landed in the wrong place.
"""

import json
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from lvsmon.config.guesses import SCHEMA, meant, translated
from lvsmon.config.schema import (
    AlertSection,
    BrakeSection,
    ControlSection,
    DefaultsSection,
    DirectorSection,
    EntrySection,
    FlapSection,
    GroupSection,
    HistorySection,
    HostSection,
    MaintenanceSection,
    ProbeSection,
    RealserverSection,
    SorrySection,
    SysctlSection,
    TunnelSection,
    VantageSection,
    VirtualSection,
)
from lvsmon.model.settings import Written, shown

_HOMES: Final[Mapping[str, type[BaseModel]]] = {
    "[director]": DirectorSection,
    "[history]": HistorySection,
    "[control]": ControlSection,
    "[defaults]": DefaultsSection,
    "[[virtual]]": VirtualSection,
    "[[realserver]]": RealserverSection,
    "[[virtual.probe]]": ProbeSection,
    "[[host]]": HostSection,
    "[[group]]": GroupSection,
    "[brake]": BrakeSection,
    "[vantage]": VantageSection,
    "[[alert]]": AlertSection,
}
_NESTED: Final[Mapping[str, type[BaseModel]]] = {
    "tunnel": TunnelSection,
    "flap": FlapSection,
    "sysctl": SysctlSection,
    "[[maintenance]]": MaintenanceSection,
    "realservers": EntrySection,
    "sorry": SorrySection,
}

_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a string in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list in square brackets",
    "tuple_type": "a list in square brackets",
    "set_type": "a list in square brackets",
    "frozen_set_type": "a list in square brackets",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "finite_number": "a finite number",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than_equal": ("ge", "a number of at least {}"),
    "greater_than": ("gt", "a number above {}"),
    "less_than_equal": ("le", "a number of at most {}"),
    "less_than": ("lt", "a number below {}"),
}
_LENGTHS: Final[Mapping[str, str]] = {
    "string_too_short": "write at least {min_length} characters",
    "string_too_long": "write at most {max_length} characters",
    "too_short": "write a list with at least {min_length} in it",
    "too_long": "write a list with at most {max_length} in it",
}


_ALMOST: Final = 0.8
"""How like a key must be to one of its section (by difflib's ratio) to be that one misspelt, and not one of another."""


def unknown_key(key: str, known: Collection[str], listed: str = SCHEMA) -> str:
    """Return the message about a key that a section does not have; ``listed`` is what lists those that it has."""
    homes = [name for name, section in _HOMES.items() if key in section.model_fields]
    if homes and translated(key, known) is None and not get_close_matches(key, known, n=1, cutoff=_ALMOST):
        return f"unknown key here: it belongs under {' or '.join(homes)}"
    return "unknown key" + meant(key, known, listed)


def explain(error: ErrorDetails, section: type[BaseModel]) -> str:
    """Return the message of one of pydantic's errors about ``section``."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    parent = next((key for key in reversed(error["loc"][:-1]) if isinstance(key, str)), "")
    owner = _NESTED.get(parent, section)
    if kind == "extra_forbidden":
        return unknown_key(str(error["loc"][-1]), owner.model_fields, getattr(owner, "listed", SCHEMA))
    if kind == "missing":
        return "missing" + _example(owner, str(error["loc"][-1]))
    if kind == "list_type" and isinstance(value, dict):
        return "write a list, not a table: begin each of its tables with two brackets, [[…]]"
    if kind in _EXPECTED:
        return f"write {_EXPECTED[kind]}, not {shown(value)}"
    if kind in _BOUNDS:
        name, text = _BOUNDS[kind]
        return f"write {text.format(context[name])}, not {shown(value)}"
    if kind in _LENGTHS:
        return _LENGTHS[kind].format(**context)
    return _CHOICES.get(kind, _other)(value, context)


def _example(section: type[BaseModel], key: str) -> str:
    field = section.model_fields[key]
    example: Any = next(iter(field.examples or ()), None)
    for mark in field.metadata:
        example = mark.example if isinstance(mark, Written) else example
    return "" if example is None else f": write for example {key} = {json.dumps(example)}"


def _choice(value: object, context: Mapping[str, Any]) -> str:
    """Turn pydantic's list of what is allowed, ``'a', 'b' or 'c'``, into TOML's quotes."""
    words = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
    allowed = ", ".join(shown(word) for word in words)
    near = ""
    if isinstance(value, bool):
        near = _switched(words, on=value)
    elif isinstance(value, str) and meant(value, words).startswith("; did"):
        near = meant(value, words)
    return f"write one of {allowed}, not {shown(value)}{near}"


def _switched(words: Collection[str], *, on: bool) -> str:
    """Return what is meant by true or false where there are several ways to be on, and "none"."""
    if "none" not in words:
        return ""
    return "; did you mean " + " or ".join(shown(word) for word in words if (word == "none") is not on) + "?"


def _other(value: object, context: Mapping[str, Any]) -> str:  # noqa: ARG001  what is left takes no context
    return f"is not understood: {shown(value)}"


_CHOICES: Final[Mapping[str, Callable[[object, Mapping[str, Any]], str]]] = {
    "literal_error": _choice,
    "enum": _choice,
}
