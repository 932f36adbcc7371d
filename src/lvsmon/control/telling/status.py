"""`lvsmon status` for people: a table for terminals of 80 columns, and a wider one where there is room.

shop  192.0.2.10:443/tcp  wlc  persistence 10m  2 of 3 up  12 conn/s
  realserver  health  since  weight  active  inactive  persist  conn/s
  rs1         UP       3d4h  1         1234       567       12       3
              https 200 in 12 ms
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lvsmon.control.telling import director, words
from lvsmon.control.telling.words import Layout
from lvsmon.model.settings import format_duration
from lvsmon.text import cells, cut, escape, pad, wrap

WIDE: Final = 120
"""Cells from which on the outcome stands beside its row, with addresses and bytes."""

_LONGEST_NAME: Final = 24
_SHORTEST_NAME: Final = len("realserver")
_LEAST_ROOM: Final = 30
_PLAIN: Final = frozenset({"configured", "down", "unknown", "sorry", None})
"""Rules that health alone explains: the row says it already."""

_HEADS: Final = ("realserver", "address", "health", "since", "weight", "active", "inactive", "persist", "conn/s")
_BYTES: Final = ("in/s", "out/s")
_TO_THE_RIGHT: Final = frozenset({"since", "active", "inactive", "persist", "conn/s", *_BYTES})
_LEFT_OUT: Final = frozenset({"address", *_BYTES})
"""Columns that a narrow table does without."""


def tell(answer: Mapping[str, Any], layout: Layout, *, itself: bool = False) -> str:
    """Return the whole text; ``answer`` is what the daemon answered, with its virtual services under ``virtuals``.

    With ``itself`` it has all that the director knows of itself, else only what is worth a look.
    """
    lines = [*_head(answer, layout)]
    for virtual in answer["virtuals"]:
        lines += ["", *_virtual(virtual, answer["at"], layout)]
    if answer["hosts"]:
        lines += ["", *_hosts(answer["hosts"], layout)]
    if itself and answer["director"] is not None:
        head, *more = director.tell(answer["director"])
        lines += ["", layout.paint(head, "title"), *(f"  {line}" for each in more for line in _fold(each, layout, 2))]
    if answer["foreign"]:
        lines += ["", *_fold(f"not lvsmon's, left alone: {', '.join(map(escape, answer['foreign']))}", layout)]
    if answer["daemon"] is not None and answer["daemon"]["workers"]:
        lines += ["", *_workers(answer["daemon"], layout)]
    return "\n".join(lines) + "\n"


def _head(answer: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    now, daemon, paused = answer["at"], answer["daemon"], answer["paused"]
    if paused is not None:
        yield from _loud(pause(paused, now), layout)
    virtuals = answer["virtuals"]
    serving, of = sum(each["serving"] for each in virtuals), sum(each["of"] for each in virtuals)
    up = f"{serving} of {words.counted(of, 'destination')} up"
    if daemon is None:
        yield from _loud(f"{answer['absent']}; health is as it was last saved, weights are the kernel's", layout)
        yield up
    else:
        who = f"lvsmon {daemon['version']} (pid {daemon['pid']}), running for {words.age(now - daemon['since'])}"
        yield escape(f"{who}; {up}")
    own = () if answer["director"] is None else director.troubles(answer["director"])
    for text in (answer["trouble"], *own, *answer["notices"], *(f"refused: {each}" for each in answer["refused"])):
        if text is not None:
            yield from _loud(text, layout)


def _workers(daemon: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    """Say which processes probe, and what they may though they should not."""
    workers = daemon["workers"]
    who = ", ".join("being replaced" if each["pid"] is None else f"pid {each['pid']}" for each in workers)
    replaced = sum(each["restarts"] for each in workers)
    text = f"{words.counted(len(workers), 'worker')} ({who})" + (
        f"; {words.counted(replaced, 'replacement')} since the start" if replaced else ""
    )
    yield from _fold(f"probed by {text}", layout)
    for each in daemon["unconfined"]:
        yield from (f"  {line}" for line in _fold(escape(each), layout, 2))


def pause(paused: Mapping[str, Any], now: float) -> str:
    """Return the reminder that nothing is written."""
    text = "PAUSED: nothing is written to the kernel"
    if paused["held"]:
        text += f", {words.counted(paused['held'], 'change')} held back"
    text += f"; for {words.age(now - paused['since'])}"
    text += f", by {paused['by']}" if paused["by"] else ""
    text += f" ({paused['reason']})" if paused["reason"] else ""
    if paused["until"] is not None:
        text += f", until {words.clock(paused['until'], now)}"
    return f"{text}; `lvsmon resume` ends it"


def _virtual(virtual: Mapping[str, Any], now: float, layout: Layout) -> Iterator[str]:
    titles = [virtual["name"], virtual["key"], virtual["scheduler"]]
    if virtual["persistence_seconds"]:
        titles.append(f"persistence {format_duration(virtual['persistence_seconds'])}")
    titles.append(f"{virtual['serving']} of {virtual['of']} up")
    if virtual["rates"] is not None:
        titles.append(f"{words.number(virtual['rates']['connections'])} conn/s")
    if not virtual["in_kernel"]:
        titles.append("not in the kernel's table")
    first, *more = _fold("  ".join(escape(each) for each in titles), layout)
    name = escape(virtual["name"])
    yield layout.paint(name, "title") + first.removeprefix(name)
    yield from more
    for notice in virtual["notices"]:
        yield from _loud(notice, layout, "  ")
    sorry = virtual["sorry"]
    there = sorry is not None and (sorry["weight"]["observed"], sorry["weight"]["desired"]) != (None, None)
    every = [*virtual["destinations"], *([sorry] if there else [])]
    rows = [_row(each, now, layout, sorry=each is sorry) for each in every]
    wide = layout.width is None or layout.width >= WIDE
    heads = [each for each in (*_HEADS, *_BYTES) if wide or each not in _LEFT_OUT]
    sizes = {head: max(cells(head), *(cells(row[head]) for row in rows)) for head in heads}
    _fit(rows, sizes, layout)
    yield layout.paint("  " + _line(dict(zip(heads, heads, strict=True)), sizes), "head").rstrip()
    for destination, row in zip(every, rows, strict=True):
        yield from _draw(destination, row, sizes, layout)


def _fit(rows: list[dict[str, str]], sizes: dict[str, int], layout: Layout) -> None:
    """Cut the names where a row would not fit into a line."""
    total = sum(sizes.values()) + 2 * len(sizes)
    if layout.width is not None and total > layout.width:
        sizes["realserver"] = max(_SHORTEST_NAME, sizes["realserver"] - (total - layout.width))
        for row in rows:
            row["realserver"] = cut(row["realserver"], sizes["realserver"])


def _hosts(hosts: list[Mapping[str, Any]], layout: Layout) -> Iterator[str]:
    """Show what is probed beside destinations, a line each."""
    names = [f"{escape(host['name'])}  {host['address']}" for host in hosts]
    size = max(map(cells, names))
    yield layout.paint("hosts", "title")
    for host, name in zip(hosts, names, strict=True):
        probe = words.worst(host["probes"])
        told = "" if probe is None else words.outcome(probe)
        line = f"  {pad(name, size)}  {layout.paint(pad(host['health'], 7), host['health'])}  "
        yield (line + (told if layout.width is None else cut(told, max(20, layout.width - size - 13)))).rstrip()


def _row(destination: Mapping[str, Any], now: float, layout: Layout, *, sorry: bool) -> dict[str, str]:
    rates = destination["rates"] or {}
    since = destination["since"]
    return {
        "realserver": cut(escape(destination["realserver"]), _LONGEST_NAME),
        "address": destination["key"] if destination["port"] else destination["address"],
        "health": "sorry" if sorry else destination["health"],
        "since": "-" if since is None or sorry else words.age(now - since),
        "weight": _weight(destination, layout),
        "active": words.number(destination["active"]),
        "inactive": words.number(destination["inactive"]),
        "persist": words.number(destination["persistent"]),
        "conn/s": words.number(rates.get("connections")),
        "in/s": words.number(rates.get("in_bytes")),
        "out/s": words.number(rates.get("out_bytes")),
    }


def _weight(destination: Mapping[str, Any], layout: Layout) -> str:
    """Return the kernel's weight, where it is going, and of what: "3", "0 of 3", "3 → 0 of 3", "absent"."""
    found = destination["weight"]
    now, then = found["observed"], found["desired"]
    text = words.weight(now)
    if destination["decided"] and now != then:
        text += f" {layout.arrow} {words.weight(then)}"
    return text if text in (str(found["configured"]), "absent") else f"{text} of {found['configured']}"


def _draw(
    destination: Mapping[str, Any], row: Mapping[str, str], sizes: Mapping[str, int], layout: Layout
) -> Iterator[str]:
    line = "  " + _line(row, sizes)
    before, word, after = _parted(line, row, sizes)
    drawn = before + layout.paint(word, row["health"]) + after
    texts = _texts(destination, sorry=row["health"] == "sorry")
    below = " " * (2 + sizes["realserver"] + 2)
    if layout.width is None:
        yield f"{drawn}  {'; '.join(texts)}".rstrip()
        return
    room = layout.width - cells(line) - 2
    if layout.width >= WIDE and room >= _LEAST_ROOM:
        told = [piece for text in texts for piece in wrap(text, room)] or [""]
        yield f"{drawn}  {told[0]}".rstrip()
        yield from (" " * (cells(line) + 2) + piece for piece in told[1:])
        return
    yield drawn.rstrip()
    for text in texts:
        yield from (below + piece for piece in wrap(text, layout.width - len(below)))


def _texts(destination: Mapping[str, Any], *, sorry: bool) -> list[str]:
    """Return what is said of a destination besides its numbers."""
    if sorry:
        return ["serves while nothing else does"]
    texts = []
    if destination["rule"] not in _PLAIN and destination["because"]:
        texts.append(escape(destination["because"][-1]))
    probe = words.worst(destination["probes"])
    if probe is None:
        return [*texts, "no probe: counts as UP"]
    others = len(destination["probes"]) - 1
    return [*texts, words.outcome(probe) + (f" (and {others} more)" if others else "")]


def _line(row: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    parts = []
    for head, size in sizes.items():
        text = row[head]
        parts.append(" " * (size - cells(text)) + text if head in _TO_THE_RIGHT else pad(text, size))
    return "  ".join(parts)


def _parted(line: str, row: Mapping[str, str], sizes: Mapping[str, int]) -> tuple[str, str, str]:
    """Return ``line`` before, within and after the word for the health."""
    start = 2
    for head in sizes:
        if head == "health":
            break
        start += len(pad(row[head], sizes[head])) + 2
    end = start + len(row["health"])
    return line[:start], line[start:end], line[end:]


def _loud(text: str, layout: Layout, indent: str = "") -> Iterator[str]:
    for line in _fold(escape(text), layout, len(indent)):
        yield indent + layout.paint(line, "loud")


def _fold(text: str, layout: Layout, indent: int = 0) -> list[str]:
    return [text] if layout.width is None else wrap(text, layout.width - indent)
