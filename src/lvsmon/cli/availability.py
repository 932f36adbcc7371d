"""``lvsmon availability``: how much of the time each destination and virtual service was up."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lvsmon.cli import past, terminal

if TYPE_CHECKING:
    from lvsmon.past.availability import VirtualFigures


@click.command("availability")
@past.options(since="30d")
def command(
    *, names: tuple[str, ...], since: str, until: str, path: Path | None, state: Path | None, output: str
) -> None:
    """Tell how available everything was: shares of time, incidents, the longest, the mean time to repair.

    NAMEs of virtual services or realservers, or VIRTUAL/REALSERVER, limit it to them. Time in which lvsmon had not
    decided, or did not run, is told apart and counts neither as up nor as down.

    \b
    Exit status: 0, 2 wrong usage or configuration, 3 the state cannot be read.
    """  # noqa: D301  click wants the character itself
    from lvsmon.past.look import look_at_availability
    from lvsmon.past.outputs import structured, text

    def look(directory: Path, start: float, end: float, now: float) -> "list[VirtualFigures]":
        return look_at_availability(directory, start, end, now=now, names=names)

    virtuals, start, end = past.looked("availability", path, state, (since, until), look)
    if output == "json":
        terminal.show(structured.availability(virtuals, start, end))
    else:
        terminal.show(text.availability(virtuals, start, end, width=terminal.width()))
