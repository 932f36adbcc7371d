"""One probe of the effective configuration as a table, with its timing, its secrets hidden."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lvsmon.config.cascade import Layer, Level, timeout_of
from lvsmon.config.entries import ProbeEntry
from lvsmon.model.settings import format_duration


def timing_of(settings: Layer) -> dict[str, Any]:
    timeout = timeout_of(settings["interval"], settings["timeout"])
    shown = {
        "interval": format_duration(settings["interval"].value),
        "timeout": format_duration(timeout),
        "rise": settings["rise"].value,
        "fall": settings["fall"].value,
    }
    paces = {key: settings[key].value for key in ("fast_interval", "down_interval")}
    shown |= {key: format_duration(value) for key, value in paces.items() if value is not None}
    if settings["confirm"].value:
        shown |= {
            "confirm": settings["confirm"].value,
            "confirm_interval": format_duration(settings["confirm_interval"].value),
        }
    if settings["vantage"].level is not Level.BUILT_IN:
        shown["vantage"] = settings["vantage"].value
    return shown


def probe_of(entry: ProbeEntry, timing: Mapping[str, Any]) -> dict[str, Any]:
    section, kind = entry.section, entry.kind
    raw: Mapping[str, Any] = _raw(entry)
    shown: dict[str, Any] = {"kind": kind.name}
    if section.port is not None:
        shown["port"] = section.port
    if section.votes is not None:
        shown["votes"] = section.votes
    if section.tripwire:
        shown["tripwire"] = True
    return {**shown, **timing, **_settings(entry, raw)}


def _settings(entry: ProbeEntry, raw: Mapping[str, Any]) -> dict[str, Any]:
    kind = entry.kind
    shown: dict[str, Any] = {}
    for key in kind.settings:
        if key in kind.secrets:
            shown |= _secret(entry, key, raw)
        elif key in kind.parts and isinstance(raw[key], Mapping):
            part = entry.parts[key]
            shown[key] = {"kind": part.kind.name, **_settings(part, raw[key])}
        elif key in raw:
            shown[key] = raw[key]
        elif (default := kind.default_of(key)) is not None:
            shown[key] = default
    return shown


def _secret(entry: ProbeEntry, key: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a secret comes from, and stars for one that is written in place."""
    if key in raw:
        return {key: "********"}
    if key + "_env" in raw:
        return {key + "_env": raw[key + "_env"]}
    if key + "_file" in raw:
        folder = Path(entry.where.source.path).parent.absolute()
        return {key + "_file": str(folder / raw[key + "_file"])}
    return {}


def _raw(entry: ProbeEntry) -> Mapping[str, Any]:
    found: Any = entry.where.source.data
    for key in entry.where.path:
        found = found[key]
    raw: Mapping[str, Any] = found
    return raw
