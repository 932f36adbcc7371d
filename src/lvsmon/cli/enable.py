"""``lvsmon enable``: one reason less that holds a realserver out."""

import sys
from pathlib import Path

import click

from lvsmon.cli import asking, wishing


@click.command("enable")
@wishing.realservers
@wishing.service
@click.option("--reason", metavar="TEXT", help="Which reason to clear.  [default: the only one]")
@click.option("--all", "everything", is_flag=True, help="Clear all reasons.")
@asking.options
def command(
    *,
    realservers: tuple[str, ...],
    service: str | None,
    reason: str | None,
    everything: bool,
    socket: Path | None,
    path: Path | None,
) -> None:
    """Let a realserver in again that was disabled or drained.

    What still holds it out is told. When nothing does, it serves as soon as
    its probes have passed once more, and with slow_start its weight rises
    from there.

    \b
    Exit status: 0 nothing of that reason holds it out any more, 1 refused:
    several reasons, or what holds it out is wider than --service; 2 wrong
    usage or no such name, 3 the daemon does not answer, or the state
    directory cannot be used.
    """  # noqa: D301  click wants the character itself
    arguments = {"realservers": list(realservers), "service": service, "reason": reason, "all": everything}
    done = wishing.do("enable", socket, path, arguments)
    wishing.show("enable", done)
    out = [wish for wish in done["left"] if wish["kind"] != "weight" or wish["weight"] == 0]
    if out and not done["cleared"]:
        sys.exit(asking.REFUSED)
