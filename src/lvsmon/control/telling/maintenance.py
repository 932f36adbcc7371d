"""`lvsmon maintenance`, and what the commands that change wishes say: whose wish it is, and how far it is."""

from collections.abc import Iterator, Mapping
from typing import Any

from lvsmon.control.telling import words
from lvsmon.control.telling.status import pause
from lvsmon.control.telling.words import Layout
from lvsmon.model.settings import format_duration
from lvsmon.text import escape, wrap

_WIDTH = 100
"""Cells of a line where nobody says how wide the terminal is."""


def tell(answer: Mapping[str, Any], layout: Layout) -> str:
    """Return the whole page; ``answer`` has its wishes under ``wishes``."""
    now, width = answer["at"], layout.width or _WIDTH
    lines = []
    for text in _loud(answer):
        lines += [layout.paint(line, "loud") for line in wrap(escape(text), width)]
    if not answer["wishes"]:
        lines.append("nobody wishes for anything: all is by configuration and health")
    for wish in answer["wishes"]:
        first, *rest = wrap(escape(head(wish, now)), width)
        lines += [layout.paint(first, "title"), *(f"    {line}" for line in rest)]
        lines += [f"  {line}" for line in _places(wish)]
    return "\n".join(lines) + "\n"


def _loud(answer: Mapping[str, Any]) -> Iterator[str]:
    if answer["paused"] is not None:
        yield pause(answer["paused"], answer["at"])
    if answer["daemon"] is None:
        yield f"{answer['absent']}; this is what is saved for the next one"
    if answer["trouble"] is not None:
        yield answer["trouble"]


def head(wish: Mapping[str, Any], now: float) -> str:
    """Return one line: where, what, why, by whom, since and until when; not yet escaped."""
    text = f"{where(wish)}: {what(wish)}, reason {wish['name']}"
    text += f" ({wish['comment']})" if wish["comment"] else ""
    text += f", by {wish['by']}" if wish["by"] else ""
    text += f", for {words.age(now - wish['since'])}" if now - wish["since"] >= 1 else ""
    text += "" if wish["deadline"] is None else f", deadline {words.clock(wish['deadline'], now)}"
    return text if wish["until"] is None else f"{text}, until {words.clock(wish['until'], now)}"


def where(wish: Mapping[str, Any]) -> str:
    """Return the realserver, or the realserver within a virtual service."""
    return wish["realserver"] if wish["virtual"] is None else f"{wish['virtual']}/{wish['realserver']}"


def what(wish: Mapping[str, Any]) -> str:
    """Return what is wished for."""
    if wish["kind"] == "weight":
        return f"weight {wish['weight']}"
    if wish["kind"] == "disable":
        return "disabled"
    return "drain, then remove" if wish["remove"] else "drain"


def _places(wish: Mapping[str, Any]) -> Iterator[str]:
    if not wish["destinations"]:
        yield "not in the configuration: kept until it is cleared, or over"
    for each in wish["destinations"]:
        yield escape(f"{each['virtual']}: {progress(each)}")


def progress(each: Mapping[str, Any]) -> str:
    """Return how far a wish is on one destination."""
    if each["manage"] == "observe":
        return 'nothing is written here (manage = "observe")'
    if each["drain"] is None:
        return _weight(each)
    stage, left = each["drain"]["stage"], each["drain"]["left"]
    if stage == "pending":
        return f"still weight {each['weight']['observed']} in the kernel"
    if stage in ("drained", "removed"):
        return "drained, nothing is left" if stage == "drained" else "out of the table"
    text = counts(each)
    if stage == "overdue":
        return f"deadline over, left: {text}"
    text += "" if left is None else f", {words.age(left)} to the deadline"
    if each["persistent"]:
        text += f"; persistent clients go on until their {format_duration(each['persistence_seconds'])} are over"
    if each["drain"]["endless"]:
        text += "; UDP has no end: who goes on sending stays"
    return text


def counts(each: Mapping[str, Any]) -> str:
    """Return what is left, as the kernel counts it."""
    return ", ".join(f"{words.number(each[name])} {name}" for name in ("active", "inactive", "persistent"))


def _weight(each: Mapping[str, Any]) -> str:
    weight = each["weight"]
    shown = weight["observed"] if weight["desired"] is None and not each["because"] else weight["desired"]
    text = f"weight {words.weight(shown)} of {weight['configured']}" if shown is not None else "absent"
    if each["active"] and not shown:
        text += f"; {counts(each)} go on"
    return text


def changed(done: Mapping[str, Any]) -> str:
    """Return what a command did, and what is left to do."""
    now, lines = done["at"], []
    for wish in done["made"]:
        lines.append(escape(head(wish, now)))
        lines += [f"  {line}" for line in _explained(wish, wish["weight"] or 0)]
    for wish in done["cleared"]:
        lines.append(escape(f"cleared: {head(wish, now)}"))
    out = [wish for wish in done["left"] if wish["kind"] != "weight" or wish["weight"] == 0]
    if not done["made"]:
        if not done["cleared"]:
            lines += [escape(f"{where(place)}: nothing to clear") for place in done["places"]]
        lines += [escape(f"still there: {head(wish, now)}") for wish in done["left"]]
        if not done["cleared"] and any(wish["virtual"] is None for wish in out) and done["places"][0]["virtual"]:
            lines.append("  that is in all virtual services: leave --service out")
        if not out:
            lines += [f"  {line}" for wish in done["cleared"] for line in _explained(wish, None)]
    elif any(wish["kind"] == "weight" for wish in done["made"]):
        lines += [escape(f"besides: {head(wish, now)}") for wish in done["left"]]
    return "".join(f"{line}\n" for line in lines)


def _explained(wish: Mapping[str, Any], wanted: int | None) -> Iterator[str]:
    """Return where each destination is now, and why where that is not the weight ``wanted``, or the configured one."""
    for each in wish["destinations"]:
        text = f"{each['virtual']}: {progress(each) if wanted == 0 else _weight(each)}"
        expected = each["weight"]["configured"] if wanted is None else wanted
        if each["because"] and (each["weight"]["desired"] or 0) != expected:
            text += f": {'; '.join(each['because'][-2:])}"
        yield escape(text)
    if not wish["destinations"]:
        yield "not in the configuration"
