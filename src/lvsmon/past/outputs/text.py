"""For people, in 80 columns too.

Monday 2026-11-23
  03:15:02  shop/rs1  UP → DOWN, weight 1 → 0 (down)
            probe tcp:10.1.0.11:80 says DOWN, last FAIL (refused): …
"""

from collections.abc import Iterable, Sequence
from typing import Final

from lvsmon.model.history import CAME, WENT, Entry, EntryKind
from lvsmon.past.availability import VirtualFigures
from lvsmon.past.events import Event, Own
from lvsmon.past.figures import Figures
from lvsmon.past.period import clock, short
from lvsmon.past.timeline import State
from lvsmon.text import cells, cut, escape, pad, wrap

_INDENT: Final = " " * 12
_WIDTH: Final = 100  # cells, where nobody says how wide a line may be
_LONGEST_NAME: Final = 22


def history(events: Sequence[Event], since: float, until: float, *, width: int | None, arrow: str) -> str:
    """Return what happened, day by day."""
    lines = [_span(since, until)]
    day = ""
    for event in events:
        today = clock(event.at, "%A %Y-%m-%d")
        if today != day:
            lines += ["", today]
            day = today
        head, below = _told(event, arrow)
        if abs(event.recorded - event.at) >= 1 and isinstance(event.what, Entry):
            head += f" (the clock said {clock(event.recorded)})"
        room = (width or _WIDTH) - len(_INDENT)
        for number, line in enumerate(wrap(escape(head), room)):
            lines.append(f"  {clock(event.at, '%H:%M:%S')}  {line}" if not number else _INDENT + line)
        lines += [_INDENT + line for text in below for line in wrap(escape(text), room)]
    return "\n".join([*lines, *([] if events else ["", "nothing happened that is recorded"])]) + "\n"


def _told(event: Event, arrow: str) -> tuple[str, list[str]]:
    """Return the line of an event, and what stands below it."""
    match event.what:
        case Own.STARTED:
            return f"lvsmon {event.version} started", []
        case Own.STOPPED:
            return "lvsmon stopped: the table was left as it is", []
        case Own.GONE:
            return "lvsmon was last heard of: it was killed, or the power was cut", []
    return _entry(event.what, arrow)


def _entry(entry: Entry, arrow: str) -> tuple[str, list[str]]:
    virtuals = ", ".join(entry.virtuals)
    where = f"{virtuals}/{', '.join(entry.realservers)}" if entry.destination else virtuals
    below = [entry.what] if entry.what else []
    match entry.kind:
        case EntryKind.PROBE:
            probe, whose = entry.probe.partition("#")[0], virtuals or ", ".join(entry.realservers) or "nobody"
            return f"probe {probe} of {whose}  {entry.before} {arrow} {entry.after}", below
        case EntryKind.WRITE:
            return f"written: {entry.what}", []
        case EntryKind.NOTICE:
            return f"notice ({entry.rule}){f' of {virtuals}' if virtuals else ''}", below
    if entry.rule == CAME:
        return f"{where}  came into the configuration", below
    if entry.rule == WENT:
        return f"{where}  left the configuration", below
    health = f"{entry.before} {arrow} {entry.after}, " if entry.before != entry.after else f"{entry.after}, "
    before, after = ("absent" if one is None else str(one) for one in (entry.weight_before, entry.weight_after))
    planned = ", planned" if entry.planned else ""
    weight = f"weight {after}" if before == after else f"weight {before} {arrow} {after}"
    head = f"{where}  {health}{weight} ({entry.rule.replace('_', ' ')}){planned}"
    return head, entry.what.split("; ") if entry.what else []


_HEADS: Final = ("available", "down", "unknown", "planned", "off", "incidents", "longest", "repair")


def availability(virtuals: Sequence[VirtualFigures], since: float, until: float, *, width: int | None) -> str:
    """Return a table of figures, and below it what the headings mean and what is not known."""
    lines = [_span(since, until), ""]
    if not virtuals:
        return "\n".join([*lines, "no destination was configured in this time, or nothing is recorded of it"]) + "\n"
    rows = []
    for virtual in virtuals:
        rows.append((virtual.virtual, virtual.figures))
        rows += [(f"  {one.realserver}", one.figures) for one in virtual.destinations]
    table = [("", *_HEADS), *((cut(escape(name), _LONGEST_NAME), *_columns(each)) for name, each in rows)]
    widths = [max(cells(row[column]) for row in table) for column in range(len(_HEADS) + 1)]
    for row in table:
        first, *others = (pad(text, size) for text, size in zip(row, widths, strict=True))
        numbers = (text.strip().rjust(size) for text, size in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first, *numbers]).rstrip())
    lines.append("")
    for note in _notes([figures for _, figures in rows], [name.strip() for name, _ in rows]):
        lines += wrap(note, width or _WIDTH)
    return "\n".join(lines) + "\n"


def _columns(figures: Figures) -> Iterable[str]:
    seconds = figures.seconds
    count = len(figures.incidents)
    yield percent(figures.available)
    for state in (State.DOWN, State.UNKNOWN, State.PLANNED, State.NOT_RUNNING):
        yield short(seconds[state]) if seconds[state] else "-"
    yield str(count) if count else "-"
    yield short(figures.longest)
    yield short(figures.mean_repair)


def percent(share: float | None) -> str:
    """Return a share with three decimals; what is not all of it is never shown as 100 %."""
    if share is None:
        return "?"
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return f"{min(max(share * 100, 0.001), 99.999):.3f}%"


def _notes(each: Sequence[Figures], names: Sequence[str]) -> Iterable[str]:
    yield (
        "available: the share of up in the time known to be up or down. off: lvsmon was not running. planned: taken out"
        " by a wish or a maintenance window. repair: mean time to repair."
    )
    lacking: dict[str, list[str]] = {}
    for name, one in zip(names, each, strict=True):
        if (seconds := one.seconds[State.NO_RECORD]) >= 1:
            lacking.setdefault(short(seconds), []).append(escape(name))
    if lacking:
        parts = (f"{length} of {', '.join(those)}" for length, those in lacking.items())
        yield f"Not counted, because not configured then or nothing is recorded: {'; '.join(parts)}."


def _span(since: float, until: float) -> str:
    form = "%Y-%m-%d %H:%M"
    return f"{clock(since, form)} to {clock(until, form)} {clock(until, '%Z')} ({short(until - since)})"
