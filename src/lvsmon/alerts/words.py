"""The default texts: what failed, since when, what was seen, what was done about it, what is left, where to look."""

from collections.abc import Iterator
from typing import Final

from lvsmon.alerts.facts import Values

_STAGES: Final = {
    "opened": "",
    "changed": "changed: ",
    "repeated": "still: ",
    "acknowledged": "acknowledged: ",
    "resolved": "resolved: ",
    "test": "test: ",
}


def subject(values: Values) -> str:
    """Return the subject line."""
    return f"[lvsmon {values['director']}] {_headline(values)}"


def _headline(values: Values) -> str:
    stage, conditions = values["stage"], values["conditions"]
    if stage == "heartbeat":
        return "heartbeat"
    if stage in ("digest", "held_back"):
        what = "digest" if stage == "digest" else "held back"
        return f"{what}: {values['held_total']} messages since {values['since']}"
    first = conditions[0]["summary"] if conditions else "nothing is wrong"
    others = len(conditions) - 1 + values["more"]
    return f"{_STAGES[stage]}{first}" + (f" (and {others} more)" if others > 0 else "")


def text(values: Values) -> str:
    """Return the message as plain text."""
    return "\n".join(_lines(values)) + "\n"


def _lines(values: Values) -> Iterator[str]:
    yield _headline(values)
    yield ""
    if values["stage"] in ("digest", "held_back"):
        why = "told together at set hours" if values["stage"] == "digest" else "more than the route's limit"
        yield f"{values['held_total']} messages since {values['since']}, {why}:"
        yield from (f"  {line}" for line in values["held"])
        if values["held_total"] > len(values["held"]):
            yield f"  and {values['held_total'] - len(values['held'])} more (lvsmon alert list shows what is wrong now)"
        yield ""
    else:
        yield from _conditions(values)
    if values["over"]:
        yield "No longer so:"
        yield from (f"  {one['summary']}, after {one['lasted']}" for one in values["over"])
        yield ""
    if values["follows"]:
        yield "This follows from it, and is told by itself to nobody:"
        yield from (f"  {one['summary']}" for one in values["follows"])
        if values["more_follow"]:
            yield f"  and {values['more_follow']} more"
        yield ""
    for one in values["by"]:
        until = f" until {one['until']}" if one["until"] else ""
        yield f"{one['user']} has taken it on{until}" + (f": {one['comment']}" if one["comment"] else "")
    yield f"Look closer:  {values['look']}"
    if values["stage"] in ("opened", "changed", "repeated"):
        yield f"Take it on:   lvsmon alert ack {values['incident']}"
    yield ""
    yield f"-- lvsmon on {values['director']}, route {values['route']}, incident {values['incident']}"


def _conditions(values: Values) -> Iterator[str]:
    was = values["stage"] == "resolved"
    for one in values["conditions"]:
        yield f"* {one['summary']}"
        yield f"    since   {one['since']} ({one['lasted']})" + (", now over" if was else "")
        if one["seen"]:
            reason = f" ({one['reason']})" if one["reason"] else ""
            yield f'    {"last " if was else ""}seen    "{one["seen"]}"{reason}'
        if not was:
            yield from (f"    done    {done}" for done in one["done"])
            if one["left"]:
                yield f"    left    {one['left']}"
        yield ""
    if values["more"]:
        yield f"and {values['more']} more"
        yield ""
