"""How mon calls its alert scripts: argv, environment and standard input (mon(8), and what mon 1.3.6 does). Pure.

What mon's people have written goes by three things: the options, the variables, and standard input, whose first line
is the summary (by convention the failed hosts; many scripts make the subject of a mail of it, some hand it to a shell)
and whose rest is the detail. So the first line holds names of the configuration only, nothing of a realserver, and no
character that a shell would take for more than itself.
"""

import re
from collections.abc import Mapping
from typing import Final

from lvsmon.actions.clean import lines, one_line
from lvsmon.alerts.alert import Alert, Stage

_OPTIONS: Final[Mapping[Stage, str]] = {Stage.RESOLVED: "-u", Stage.ACKNOWLEDGED: "-a"}
_TYPES: Final[Mapping[Stage, str]] = {
    Stage.RESOLVED: "up",
    Stage.ACKNOWLEDGED: "ack",
    Stage.TEST: "test",
    Stage.HEARTBEAT: "test",
}
_FAILURE: Final = "failure"
_NO_SUMMARY: Final = "(NO SUMMARY)"

_TOLD: Final = 200
"""Characters of each line that is told."""

_MAX_HOSTS: Final = 64
"""Hosts that are named: an argument list has its bounds, and a subject has fewer."""

_MAX_VARIABLE: Final = 2048
_MAX_CONDITIONS: Final = 100
_MAX_DONE: Final = 10
_MAX_STDIN: Final = 65536

_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9 _.,:/@%+=\[\]()-]")


def arguments(alert: Alert, group: str, service: str, every: float | None) -> list[str]:
    """Return the options: ``-s service -g group -h "h1 h2" -t epoch``, ``-l`` where ``every`` is given, ``-u`` for up.

    mon 1.3.6 itself never gives ``-l``, though its manual says so and its scripts take it.
    """
    told = ["-s", service, "-g", group, "-h", " ".join(hosts(alert)), "-t", str(int(alert.at))]
    if every is not None:
        told += ["-l", str(int(every))]
    return told + ([_OPTIONS[alert.stage]] if alert.stage in _OPTIONS else [])


def variables(alert: Alert, group: str, service: str) -> dict[str, str]:
    """Return the variables; like mon's, one of what has not been is not set."""
    up = alert.stage is Stage.RESOLVED
    summary, _, detail = output(alert).partition("\n")
    found = {
        "MON_GROUP": group,
        "MON_SERVICE": service,
        "MON_DESCRIPTION": _plain(alert.conditions[0].summary) if alert.conditions else "",
        "MON_ALERTTYPE": _TYPES.get(alert.stage, _FAILURE),
        "MON_RETVAL": "0" if up else "1",
        "MON_OPSTATUS": "1" if up else "0",
        "MON_LAST_SUMMARY": summary,
        "MON_FIRST_FAILURE": str(int(alert.since)),
    }
    if up:
        found |= {"MON_FIRST_SUCCESS": str(int(alert.at)), "MON_LAST_SUCCESS": str(int(alert.at))}
    else:
        found["MON_LAST_FAILURE"] = str(int(alert.at))
    if up or alert.number > 1:  # of the first alert it is what was there before the failure, which nobody has kept
        found["MON_LAST_OUTPUT"] = lines(detail, _MAX_VARIABLE)
    if alert.stage is Stage.ACKNOWLEDGED:
        found["MON_ACK"] = one_line(alert.text, _TOLD)
    return found


def standard_input(alert: Alert) -> bytes:
    """Return summary and detail: of an upalert the last that failed, of an acknowledgement what was said."""
    text = lines(alert.text, _MAX_STDIN) if alert.stage is Stage.ACKNOWLEDGED else output(alert)
    return f"{text}\n".encode("utf-8", "replace")


def output(alert: Alert) -> str:
    """Return what a monitor of mon's would have printed: the failed hosts, and below what is wrong with each."""
    if not alert.conditions:
        return f"{_plain(alert.subject) or _NO_SUMMARY}\n{lines(alert.text, _MAX_STDIN)}"
    told = [" ".join(hosts(alert)) or _plain(alert.conditions[0].summary) or _NO_SUMMARY]
    for condition in alert.conditions[:_MAX_CONDITIONS]:
        told.append(one_line(condition.summary, _TOLD))
        told += [
            f"    {one_line(line, _TOLD)}"
            for line in (condition.seen, condition.left, *condition.done[:_MAX_DONE])
            if line
        ]
    if len(alert.conditions) > _MAX_CONDITIONS:
        told.append(f"... and {len(alert.conditions) - _MAX_CONDITIONS} more")
    return lines("\n".join(told), _MAX_STDIN)


def hosts(alert: Alert) -> list[str]:
    """Return the realservers that it is about, each once, by name, or by address where that is all there is."""
    named = (condition.subject.realserver or condition.subject.destination for condition in alert.conditions)
    return list(dict.fromkeys(_plain(name).replace(" ", "_") for name in named if name))[:_MAX_HOSTS]


def group_of(alert: Alert) -> str:
    """Return mon's group where none is set: the virtual service, else the realserver, else the director."""
    subject = alert.conditions[0].subject if alert.conditions else None
    found = (subject.virtual or subject.realserver) if subject else ""
    return _plain(found or alert.director or "lvsmon")


def _plain(text: str) -> str:
    """Return ``text`` without what a shell, or a mail's header, would take for more than itself."""
    return _NOT_A_NAME.sub("_", one_line(text, _TOLD))
