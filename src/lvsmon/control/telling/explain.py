"""`lvsmon explain` for people: what is, why, what was seen, what happened, in that order."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lvsmon.control.telling import words
from lvsmon.control.telling.status import pause
from lvsmon.control.telling.words import Layout
from lvsmon.model.settings import format_duration
from lvsmon.text import cells, escape, wrap

_WIDTH: Final = 100
"""Cells of a line where nobody says how wide the terminal is."""


def tell(answer: Mapping[str, Any], layout: Layout) -> str:
    """Return the whole text; ``answer`` has its destinations under ``destinations``."""
    blocks = [list(_account(each, answer, layout)) for each in answer["destinations"]]
    head = [*_head(answer, layout)]
    return "\n\n".join("\n".join(block) for block in ([head] if head else []) + blocks) + "\n"


def _head(answer: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    loud = []
    if answer["paused"] is not None:
        loud.append(pause(answer["paused"], answer["at"]))
    if answer["daemon"] is None:
        loud.append(f"{answer['absent']}; health is as it was last saved, and nobody decides")
    if answer["trouble"] is not None:
        loud.append(answer["trouble"])
    for text in loud:
        yield from (layout.paint(line, "loud") for line in wrap(escape(text), layout.width or _WIDTH))


def _account(each: Mapping[str, Any], answer: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    now = answer["at"]
    where = f"{each['virtual']['name']}/{each['realserver']}"
    title = _said("", escape(f"{where}  {each['key']} in {each['virtual']['key']}"), layout)
    yield from (layout.paint(line, "title") for line in title)
    yield ""
    yield f"  {layout.paint(each['health'], each['health'])}{_since(each, now)}"
    yield f"  {_weight(each)}"
    if each["active"] is not None:
        counts = (words.number(each[name]) for name in ("active", "inactive", "persistent"))
        yield "  connections: {} active, {} inactive, {} persistent".format(*counts)
    if each["because"]:
        yield ""
        yield "Why:"
        for number, text in enumerate(each["because"], 1):
            yield from _said(f"  {number}. ", escape(text), layout)
    for text in each["notices"]:
        yield from _said("  !  ", escape(text), layout)
    for probe in each["probes"]:
        yield ""
        yield from _probe(probe, each["outcomes"].get(probe["id"], ()), now, layout)
    for earlier, head in ((True, "What happened before this lvsmon was started:"), (False, "What happened:")):
        steps = [step for step in each["steps"] if step["earlier"] is earlier]
        if not steps:
            continue
        yield ""
        yield head
        for step in steps:
            mark = f"  {words.clock(step['at'], now)}  {step['kind']:8} "
            yield from _said(mark, _arrows(escape(step["text"]), layout), layout)


def _since(each: Mapping[str, Any], now: float) -> str:
    if each["since"] is None:
        return ""
    return f" for {words.age(now - each['since'])}, since {words.clock(each['since'], now)}"


def _weight(each: Mapping[str, Any]) -> str:
    found = each["weight"]
    now = "not in the kernel's table" if found["observed"] is None else f"weight {found['observed']} in the kernel"
    of = f"{found['configured']} is configured"
    if not each["decided"]:
        return f"{now}; {of}"
    if found["desired"] == found["observed"]:
        return f"{now}, as it should be; {of}"
    return f"{now}, should be {words.weight(found['desired'])}; {of}"


def _probe(probe: Mapping[str, Any], stretches: list[Mapping[str, Any]], now: float, layout: Layout) -> Iterator[str]:
    every = format_duration(probe["interval_seconds"])
    damping = f"UP after {probe['rise']} passes, DOWN after {words.counted(probe['fall'], 'failure')} in a row"
    yield from _said("", escape(f"Probe {probe['id']}, every {every}, {damping}:"), layout)
    yield f"  {probe['health']}{_since(probe, now)}"
    if probe["unknowns"]:
        yield f"  the last {words.counted(probe['unknowns'], 'run')} could not tell, and count for nothing"
    if not stretches:
        yield from _said("  last: ", words.outcome(probe), layout)
    for each in stretches:
        when = words.clock(each["first"], now)
        if each["count"] > 1:
            when += f" to {words.clock(each['last'], now)}"
        mark = f"  {when}  {each['count']} x {each['verdict']} "
        detail = f"({each['reason']}) {each['detail']}" if each["detail"] else f"({each['reason']})"
        yield from _said(mark, escape(detail), layout)


def _said(mark: str, text: str, layout: Layout) -> Iterator[str]:
    """Wrap ``text`` behind ``mark``."""
    room = max(20, (layout.width or _WIDTH) - cells(mark))
    first, *rest = wrap(text, room)
    yield mark + first
    yield from (" " * min(cells(mark), 12) + line for line in rest)


def _arrows(text: str, layout: Layout) -> str:
    return text.replace("→", layout.arrow)
