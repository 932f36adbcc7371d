"""For people: a table that needs no colour and no wide terminal.

shop  192.0.2.10:443/tcp  wlc  route
  rs1  10.1.0.11   UP     weight 1 → 1    https 200 in 12 ms
"""

from dataclasses import dataclass
from typing import Final

from lvsmon.model import Destination, Health, VirtualService
from lvsmon.model.settings import format_duration
from lvsmon.oneshot.outputs.layout import Layout
from lvsmon.oneshot.report import Mode, Report, VirtualView, exit_code, explain
from lvsmon.text import cells, cut, escape, pad, wrap

_LEAST_ROOM: Final = 28  # cells: a narrower last column would be read one word a line
_LONGEST_NAME: Final = 28  # cells: one long name shall not push everything else off the screen
_BELOW: Final = "      "  # in front of what has no room beside its row


@dataclass(frozen=True, slots=True)
class _Row:
    columns: tuple[str, ...]
    sentences: list[str]


def render(report: Report, layout: Layout) -> tuple[str, int]:
    """Return the table, what would change or has changed, and the summary, with the exit code."""
    parts = [(view.virtual, _rows(view, report, layout)) for view in report.virtuals]
    every = [row for _, rows in parts for row in rows]
    widths = [max(cells(row.columns[column]) for row in every) for column in range(4)] if every else []
    lines: list[str] = []
    for virtual, rows in parts:
        lines += _fold(_title(virtual), layout)
        for row in rows:
            lines += _draw(row, widths, layout)
    if report.mode is not Mode.LOOK and report.changes:
        lines += ["", *_changes(report), ""]
    if report.mode is Mode.DRY_RUN:
        lines += [f"# not lvsmon's, left alone: {entry}" for entry in report.foreign]
    lines += _fold(_summary(report), layout)
    return "\n".join(lines) + "\n", exit_code(report)


def _title(virtual: VirtualService) -> str:
    forwards = {destination.settings.forward for destination in virtual.destinations}
    words = [virtual.name, str(virtual.key), virtual.settings.scheduler, "+".join(sorted(forwards))]
    if virtual.settings.persistence:
        words.append(f"persistence {format_duration(virtual.settings.persistence)}")
    if virtual.name == str(virtual.key):
        del words[0]
    return "  ".join(escape(word) for word in words if word)


def _rows(view: VirtualView, report: Report, layout: Layout) -> list[_Row]:
    rows = []
    for each in view.destinations:
        weight = _weight(each.before, each.after, report, layout)
        name, address = _names(each.destination, view.virtual)
        rows.append(_Row((name, address, each.status, weight), [escape(text) for text in explain(each)]))
    sorry = view.sorry
    if sorry is not None and (sorry.before, sorry.after) != (None, None):
        name, address = _names(sorry.destination, view.virtual)
        weight = _weight(sorry.before, sorry.after, report, layout)
        rows.append(_Row((name, address, "sorry", weight), ["serves while nothing else does"]))
    return rows


def _names(destination: Destination, virtual: VirtualService) -> tuple[str, str]:
    key = destination.key
    address = key.address if key.port in (0, virtual.key.port) else str(key)
    name = destination.realserver.name
    return ("" if name == key.address else cut(escape(name), _LONGEST_NAME)), address


def _weight(before: int | None, after: int | None, report: Report, layout: Layout) -> str:
    if report.table_error is not None:
        return "weight unknown"
    texts = ["absent" if weight is None else str(weight) for weight in (before, after)]
    if not report.configured or texts == ["absent", "absent"]:
        return texts[0] if texts[0] == "absent" else f"weight {texts[0]}"
    return f"weight {texts[0]} {layout.arrow} {texts[1]}"


def _draw(row: _Row, widths: list[int], layout: Layout) -> list[str]:
    head = "  " + "  ".join(pad(text, width) for text, width in zip(row.columns, widths, strict=True) if width) + "  "
    if layout.width is None:
        return [head + "; ".join(row.sentences)]
    room = layout.width - cells(head)
    beside = room >= _LEAST_ROOM
    wrapped = [line for text in row.sentences for line in wrap(text, room if beside else layout.width - len(_BELOW))]
    if not beside:
        return [head.rstrip(), *(_BELOW + line for line in wrapped)]
    return [head + wrapped[0], *(" " * cells(head) + line for line in wrapped[1:])]


def _fold(text: str, layout: Layout) -> list[str]:
    return [text] if layout.width is None else wrap(text, layout.width)


def _changes(report: Report) -> list[str]:
    return [
        change.command + (f"  # refused: {escape(change.error)}" if change.error else "") for change in report.changes
    ]


def _summary(report: Report) -> str:
    total, serving = len(report.destinations), report.count(Health.UP, Health.WARN)
    if not total:
        return "there is nothing to look at: no virtual service has a destination"
    text = f"{serving} of {total} destination{'s' if total > 1 else ''} up"
    if unknown := report.count(Health.UNKNOWN):
        text += f", {unknown} unknown"
    return f"{text}{_todo(report)}"


def _todo(report: Report) -> str:
    if report.failure is not None:
        return ", nothing written"
    if not report.configured or report.table_error is not None:
        return ""
    count = len(report.changes)
    changes = f"{count} change{'s' if count != 1 else ''}"
    match report.mode:
        case Mode.APPLY if report.failed_changes:
            return f", {count - len(report.failed_changes)} of {changes} made"
        case Mode.APPLY:
            return f", {changes} made" if count else ", no change to make"
        case _ if not count:
            return ", no change to make"
        case Mode.DRY_RUN:
            return f", {changes} to make (dry run: nothing written)"
        case _:
            return f", {changes} to make (run with --apply, or --dry-run to see {'it' if count == 1 else 'them'})"
