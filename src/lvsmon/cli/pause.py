"""``lvsmon pause``: nothing is written to the kernel until `lvsmon resume`."""

import time
from pathlib import Path
from typing import Any

import click

from lvsmon.cli import asking, terminal
from lvsmon.text import escape


@click.command("pause")
@click.option("--reason", metavar="TEXT", default="", help="Why: shown wherever the pause is.")
@click.option(
    "--for",
    "seconds",
    metavar="DURATION",
    callback=asking.duration("1s", "31d"),
    help="How long, such as 2h.  [default: no end]",
)
@asking.options
def command(*, reason: str, seconds: float | None, socket: Path | None, path: Path | None) -> None:
    """Have the whole monitor write nothing to the kernel.

    Probing goes on, and what would be written is told by `lvsmon status`,
    which says on top that the monitor is paused, as do the log every minute
    and the service manager. It outlasts a restart, and holds for
    `lvsmon check --apply` too. `lvsmon resume` ends it. Where no daemon runs,
    it is noted for the next one.

    \b
    Exit status: 0 paused, 1 refused, 2 wrong usage,
    3 the daemon does not answer, or the state directory cannot be used.
    """  # noqa: D301  click wants the character itself
    from lvsmon.control.telling.status import pause
    from lvsmon.model.pause import MAX_REASON

    if len(reason) > MAX_REASON:
        raise click.UsageError(f"--reason: write at most {MAX_REASON} characters, not {len(reason)}")

    def absent(main: Path) -> dict[str, Any]:
        from lvsmon.control.absent import set_pause
        from lvsmon.model import Pause

        now = time.time()
        until = None if seconds is None else now + seconds
        return set_pause(main, Pause(since=now, until=until, reason=reason, by=terminal.user()))

    arguments = {"reason": reason} | ({} if seconds is None else {"seconds": seconds})
    done = asking.or_state("pause", socket, path, arguments, absent)
    terminal.show(escape(pause(done["paused"], done["paused"]["since"])) + "\n")
    asking.warn_unsaved("pause", done)
