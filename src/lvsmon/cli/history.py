"""``lvsmon history``: what happened, in order, in words."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lvsmon.cli import past, terminal

if TYPE_CHECKING:
    from lvsmon.past.events import Event


@click.command("history")
@past.options(since="1d")
@click.option(
    "--kind", "kinds", type=click.Choice(["probe", "health", "decision", "write", "notice"]), multiple=True,
    help="Only what is of this kind; may be given several times.",
)  # fmt: skip
def command(
    *,
    names: tuple[str, ...],
    since: str,
    until: str,
    path: Path | None,
    state: Path | None,
    output: str,
    kinds: tuple[str, ...],
) -> None:
    """Tell what happened: transitions, decisions with their reasons, writes to the kernel, notices.

    NAMEs of virtual services or realservers, or VIRTUAL/REALSERVER, limit it to what concerns them. It reads what
    the daemon writes, while that runs or not, and changes nothing.

    \b
    Exit status: 0, 2 wrong usage or configuration, 3 the state cannot be read.
    """  # noqa: D301  click wants the character itself
    from lvsmon.model.history import EntryKind
    from lvsmon.past.look import look_at_events
    from lvsmon.past.outputs import structured, text

    def look(directory: Path, start: float, end: float, now: float) -> "list[Event]":
        return look_at_events(directory, start, end, now=now, names=names, kinds=[EntryKind(kind) for kind in kinds])

    events, start, end = past.looked("history", path, state, (since, until), look)
    if output == "json":
        terminal.show(structured.history(events, start, end))
    else:
        arrow = "→" if terminal.has("→") else "->"
        terminal.show(text.history(events, start, end, width=terminal.width(), arrow=arrow))
