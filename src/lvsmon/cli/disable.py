"""``lvsmon disable``: nothing new to a realserver."""

from pathlib import Path

import click

from lvsmon.cli import asking, wishing


@click.command("disable")
@wishing.realservers
@wishing.service
@wishing.reason
@wishing.times
@asking.options
def command(
    *,
    realservers: tuple[str, ...],
    service: str | None,
    reason: str,
    lasting: float | None,
    moment: float | None,
    force: bool,
    socket: Path | None,
    path: Path | None,
) -> None:
    """Send nothing new to a realserver: weight 0, whatever its health.

    REALSERVER is a name, an address, or VIRTUAL/REALSERVER. What it has goes
    on; `lvsmon drain` watches that end. It outlasts restarts and reloads,
    under its reason, until `lvsmon enable` clears it or its time is over.
    Several reasons must all be cleared. Where no daemon runs, it is noted
    for the next one.

    \b
    Exit status: 0 done, 1 refused (the last one that serves: --force),
    2 wrong usage or no such name, 3 the daemon does not answer, or the state
    directory cannot be used.
    """  # noqa: D301  click wants the character itself
    ends = wishing.until(lasting, moment)
    arguments = {"realservers": list(realservers), "service": service, "reason": reason, "until": ends, "force": force}
    wishing.show("disable", wishing.do("disable", socket, path, arguments))
