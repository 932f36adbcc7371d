"""``lvsmon resume``: the monitor writes to the kernel again."""

import time
from pathlib import Path
from typing import Any

import click

from lvsmon.cli import asking, terminal
from lvsmon.cli.reload import show_written


@click.command("resume")
@asking.options
def command(*, socket: Path | None, path: Path | None) -> None:
    """Have the monitor write to the kernel again, and say what it wrote.

    \b
    Exit status: 0 it writes, 1 refused, 3 the daemon does not answer, or the
    state directory cannot be used.
    """  # noqa: D301  click wants the character itself
    from lvsmon.control.telling.words import age

    def absent(main: Path) -> dict[str, Any]:
        from lvsmon.control.absent import set_pause

        return set_pause(main, None)

    done = asking.or_state("resume", socket, path, {}, absent)
    was = done["was"]
    terminal.show("it was not paused\n" if was is None else f"resumed after {age(time.time() - was['since'])}\n")
    show_written("resume", done)
    asking.warn_unsaved("resume", done)
