"""Makes the tables of docs/reference/configuration.md from the JSON Schema; run it to write them anew.

.venv/bin/python tests/config/reference.py
"""

import json
import re
from functools import cache
from pathlib import Path

from lvsmon.actions import CHANNELS
from lvsmon.config.cascade import TIMING
from lvsmon.config.jsonschema import schema
from lvsmon.config.schema import Cascading
from lvsmon.probes import BUILTIN

PAGE = Path(__file__).parents[2] / "docs/reference/configuration.md"
BLOCK = re.compile(r"(<!-- keys of ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
CASCADING = {"DefaultsSection", "RealserverSection", "VirtualSection", "EntrySection"}
"""Sections that have the cascading keys, which stand in a table of their own."""

LEVELS = ["[defaults]", "[[virtual]]", "[[realserver]]", "its entry"]


def page_as_it_should_be():
    """Return the page with every table made anew."""
    return BLOCK.sub(lambda block: block[1] + table(block[2]) + block[3], PAGE.read_text(encoding="utf-8"))


@cache
def definitions_of_the_schema():
    return schema()["$defs"]


def table(name):
    definitions = definitions_of_the_schema()
    if name == "Cascading":
        keys = {key: definitions["DefaultsSection"]["properties"][key] for key in Cascading.model_fields}
        return rows(
            ["key", "written as", "built-in", "levels", "what it is"],
            ([f"`{key}`", written(one), default(one), levels(key), prose(one)] for key, one in keys.items()),
        )
    if name == "ProbeSection":
        keys = definitions["tcpProbe"]["properties"]
        common = {key: keys[key] for key in ("kind", "port", "votes", "tripwire", *TIMING)}
        kinds = {"enum": sorted(BUILTIN), "description": keys["kind"]["description"]}
        return rows(
            ["key", "written as", "what it is"],
            ([f"`{key}`", written(one), prose(one)] for key, one in {**common, "kind": kinds}.items()),
        )
    definition = definitions[f"{name}Probe" if name in BUILTIN else name]
    common = {"kind", "port", "votes", "tripwire", *TIMING} if name in BUILTIN else set()
    if name in CASCADING:
        common = set(Cascading.model_fields)
    elif name == "HostSection":
        common = set(TIMING)
    elif name.removesuffix("Channel") in CHANNELS:
        common = {"kind"}
    required = set(definition.get("required", ()))
    return rows(
        ["key", "written as", "default", "what it is"],
        (
            [f"`{key}`", written(one), "required" if key in required else default(one), prose(one)]
            for key, one in definition["properties"].items()
            if key not in common
        ),
    )


def rows(head, body):
    lines = [head, ["---"] * len(head), *body]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def levels(key):
    return ", ".join([*LEVELS, *(["[[virtual.probe]]"] if key in {*TIMING, "port"} else [])])


def default(one):
    return f"`{escape(json.dumps(one['default']))}`" if one.get("default") not in (None, [], {}) else ""


def prose(one):
    return escape(one["description"])


def escape(text):
    return text.replace("|", "\\|")


def written(one):
    """Return in a few words what a key takes."""
    if "oneOf" in one:
        return "table"
    if "anyOf" in one:
        return " or ".join(dict.fromkeys(map(written, one["anyOf"])))
    if "$ref" in one:
        return "table"
    if "const" in one or "enum" in one:
        return ", ".join(f"`{json.dumps(word)}`" for word in one.get("enum", [one.get("const")]))
    if one["type"] == "integer":
        return f"whole number, {one['minimum']} to {one['maximum']}" if "maximum" in one else "whole number"
    if one["type"] == "array":
        return "list of: " + written(one["items"])
    if one["type"] == "string" and "examples" in one:
        return "string, such as `" + json.dumps(one["examples"][0]) + "`"
    return {"boolean": "true or false", "number": "number", "object": "table"}.get(one["type"], one["type"])


if __name__ == "__main__":
    PAGE.write_text(page_as_it_should_be(), encoding="utf-8")
