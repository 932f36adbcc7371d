"""JSON Schema (draft 2020-12) of the configuration, for editors: completion, descriptions, red lines while typing.

It is made from the same sections that loading uses; descriptions are the docstrings under their keys.
"""

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from lvsmon import actions, probes
from lvsmon.config.cascade import BUILT_IN_VALUES
from lvsmon.config.kinds import CHANNELS, Kind, as_written, builtin
from lvsmon.config.schema import (
    AlertSection,
    BrakeSection,
    ControlSection,
    DefaultsSection,
    DeliverySection,
    DirectorSection,
    EntrySection,
    FlapSection,
    GroupSection,
    HeartbeatSection,
    HistorySection,
    HostSection,
    MaintenanceSection,
    RealserverSection,
    SorrySection,
    SysctlSection,
    TunnelSection,
    VantageSection,
    VirtualSection,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SECTIONS: Final = (
    DirectorSection,
    HistorySection,
    ControlSection,
    DefaultsSection,
    RealserverSection,
    VirtualSection,
    EntrySection,
    SorrySection,
    TunnelSection,
    VantageSection,
    FlapSection,
    HostSection,
    GroupSection,
    BrakeSection,
    SysctlSection,
    MaintenanceSection,
    AlertSection,
    HeartbeatSection,
    DeliverySection,
)


def schema() -> dict[str, Any]:
    """Return the schema of a main or drop-in file, with every built-in kind of probe under its ``kind``."""
    kinds = [builtin(name) for name in sorted(probes.BUILTIN)]
    channels = [builtin(name, CHANNELS) for name in sorted(actions.CHANNELS)]
    models: list[type[BaseModel]] = [*_SECTIONS, *(kind.section for kind in (*kinds, *channels))]
    _, made = models_json_schema([(model, "validation") for model in models])
    definitions = {name: _tidy(one) for name, one in made["$defs"].items()}
    for section in _SECTIONS:
        _describe(definitions[section.__name__], [section])
        hints = typing.get_type_hints(section, include_extras=True)
        for key, one in definitions[section.__name__]["properties"].items():
            if "default" in one and section.model_fields[key].default is not None and key != "resolve":
                one["default"] = as_written(hints[key], section.model_fields[key].default)
    for kind in (*kinds, *channels):
        _describe_kind(definitions[kind.section.__name__], kind)
    hints = typing.get_type_hints(DefaultsSection, include_extras=True)
    for key, value in BUILT_IN_VALUES.items():
        if value is not None:
            definitions["DefaultsSection"]["properties"][key]["default"] = as_written(hints[key], value)
    for section in (VirtualSection, HostSection):
        definitions[section.__name__]["properties"]["probe"]["items"] = _one_of(kinds)
    return {
        "$schema": DIALECT,
        "title": "lvsmon configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "director": _reference(DirectorSection),
            "history": _reference(HistorySection),
            "control": _reference(ControlSection),
            "defaults": _reference(DefaultsSection),
            "realserver": {"type": "array", "items": _reference(RealserverSection)},
            "virtual": {"type": "array", "items": _reference(VirtualSection)},
            "host": {"type": "array", "items": _reference(HostSection)},
            "group": {"type": "array", "items": _reference(GroupSection)},
            "brake": _reference(BrakeSection),
            "vantage": _reference(VantageSection),
            "maintenance": {"type": "array", "items": _reference(MaintenanceSection)},
            "alert": {"type": "array", "items": _reference(AlertSection)},
            "channel": {"type": "object", "additionalProperties": _one_of(channels)},
            "heartbeat": _reference(HeartbeatSection),
            "delivery": _reference(DeliverySection),
        },
        "$defs": definitions,
    }


def of_kind(kind: Kind) -> dict[str, Any]:
    """Return the schema of one kind's section, also of a plug-in's."""
    _, made = models_json_schema([(kind.section, "validation")])
    definition: dict[str, Any] = _tidy(made["$defs"][kind.section.__name__])
    _describe_kind(definition, kind)
    return definition


def _one_of(kinds: Sequence[Kind]) -> dict[str, Any]:
    found = {"oneOf": [_reference(kind.section) for kind in kinds]} if kinds else {}
    return {"type": "object", "required": ["kind"], **found}


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{model.__name__}"}


def _tidy(node: Any) -> Any:
    """Take out what TOML and people have no use for: null, and titles that repeat the key."""
    if isinstance(node, list):
        return [_tidy(one) for one in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(one) for key, one in node.items() if not (key == "title" and isinstance(one, str))}
    if tidy.get("default", ...) is None:
        del tidy["default"]
    options = [one for one in tidy.get("anyOf", []) if one != {"type": "null"}]
    if len(options) == 1:
        del tidy["anyOf"]
        tidy = {**options[0], **tidy}
    elif options:
        tidy["anyOf"] = options
    return tidy


def _describe(definition: dict[str, Any], classes: Iterable[type]) -> None:
    docs: dict[str, str] = {}
    for one in classes:
        for ancestor in reversed(one.__mro__):
            docs |= docs_under_keys(ancestor)
    for key, text in docs.items():
        if key in definition["properties"]:
            definition["properties"][key]["description"] = text


def _describe_kind(definition: dict[str, Any], kind: Kind) -> None:
    definition["description"] = inspect.getdoc(kind.probe) or ""
    definition["required"] = sorted({"kind", *definition.get("required", [])})
    properties = definition["properties"]
    _describe(definition, [kind.section.__mro__[1], kind.probe])
    for key in kind.settings:
        if (default := kind.default_of(key)) is not None:
            properties[key]["default"] = default
    for key, required in kind.secrets.items():
        properties[key + "_file"]["description"] = f"A file, readable by its owner only, that holds the {key}."
        properties[key + "_env"]["description"] = f"An environment variable that holds the {key}."
        forms = [{"required": [form]} for form in (key, key + "_file", key + "_env")]
        if required:
            definition.setdefault("allOf", []).append({"oneOf": forms})


@cache
def docs_under_keys(owner: type) -> dict[str, str]:
    """Return the docstring under each annotated key of a class; nothing for a class whose source is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    except (OSError, TypeError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs = {}
    for key, text in pairwise(body):
        if (
            isinstance(key, ast.AnnAssign)
            and isinstance(key.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            docs[key.target.id] = inspect.cleandoc(text.value.value).replace("\n", " ")
    return docs
