"""What may be asked of the daemon: one line per verb, one file each, loaded when it is first asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from lvsmon.control.verb import Verb

VERBS: Final[Mapping[str, str]] = {
    "disable": "lvsmon.control.verbs.disable",
    "drain": "lvsmon.control.verbs.drain",
    "enable": "lvsmon.control.verbs.enable",
    "explain": "lvsmon.control.verbs.explain",
    "maintenance": "lvsmon.control.verbs.maintenance",
    "pause": "lvsmon.control.verbs.pause",
    "plan": "lvsmon.control.verbs.plan",
    "probe": "lvsmon.control.verbs.probe",
    "reload": "lvsmon.control.verbs.reload",
    "resume": "lvsmon.control.verbs.resume",
    "status": "lvsmon.control.verbs.status",
    "weight": "lvsmon.control.verbs.weight",
}


def find(name: str) -> Verb[Any] | None:
    """Return the verb of that name, None if there is none."""
    if name not in VERBS:
        return None
    found: Verb[Any] = import_module(VERBS[name]).VERB
    return found
