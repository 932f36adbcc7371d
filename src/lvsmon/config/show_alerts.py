"""Routes and channels as they are shown: defaults filled in, secrets hidden, loadable again without them."""

import typing
from typing import Any

from lvsmon.config.entries import ChannelEntry
from lvsmon.config.kinds import as_written
from lvsmon.config.schema import AlertSection, Section
from lvsmon.config.sections import Sections


def alerting_of(sections: Sections) -> dict[str, Any]:
    """Return channels, routes and what goes with them, as far as there are any."""
    shown: dict[str, Any] = {}
    if sections.channels:
        shown["channel"] = {name: _channel(entry) for name, entry in sections.channels.items()}
    if sections.alerts:
        shown["alert"] = [_section(section) for _, section in sections.alerts]
        shown["delivery"] = _section(sections.delivery)
    if sections.heartbeat is not None:
        shown["heartbeat"] = _section(sections.heartbeat[1])
    return shown


def _section(section: Section) -> dict[str, Any]:
    hints = typing.get_type_hints(type(section), include_extras=True)
    defaults = {"after": "0s", "limit": "60 in 1h"} if isinstance(section, AlertSection) else {}
    found = {key: as_written(hints[key], getattr(section, key)) for key in type(section).model_fields}
    if isinstance(section, AlertSection):
        found["resolve"] = {"told": True, "never": False, "always": "always"}[section.resolve]
    return {key: value for key, value in {**found, **_missing(found, defaults)}.items() if value not in (None, [])}


def _missing(found: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in defaults.items() if found[key] is None}


def _channel(entry: ChannelEntry) -> dict[str, Any]:
    kind = entry.kind
    shown: dict[str, Any] = {"kind": kind.name}
    for key in kind.settings:
        if key not in kind.secrets:
            shown[key] = as_written(kind.hints[key], getattr(entry.made, key))
            continue
        form = next((one for one in (key + "_file", key + "_env") if getattr(entry.section, one) is not None), None)
        if form is not None:
            shown[form] = getattr(entry.section, form)
        elif getattr(entry.section, key) is not None:
            shown[key] = "********"
    return {key: value for key, value in shown.items() if value is not None}
