"""``lvsmon drain``: nothing new to a realserver, its connections watched to their end."""

import sys
from pathlib import Path

import click

from lvsmon.cli import asking, wishing


def _deadline(ctx: click.Context, param: click.Parameter, value: str) -> float | None:
    return None if value == "never" else asking.duration("1s", "31d")(ctx, param, value)


@click.command("drain")
@wishing.realservers
@wishing.service
@click.option(
    "--timeout", metavar="DURATION", callback=_deadline, default="10m", show_default=True,
    help="The deadline for what does not end by itself, or never.",
)  # fmt: skip
@click.option("--remove", is_flag=True, help="Out of the table when drained, or at the deadline with what is left.")
@click.option("--wait", "-w", "waits", is_flag=True, help="Show the progress until it is over.")
@wishing.reason
@wishing.times
@asking.options
def command(
    *,
    realservers: tuple[str, ...],
    service: str | None,
    timeout: float | None,
    remove: bool,
    waits: bool,
    reason: str,
    lasting: float | None,
    moment: float | None,
    force: bool,
    socket: Path | None,
    path: Path | None,
) -> None:
    """Send nothing new to a realserver, and watch its connections end.

    REALSERVER is a name, an address, or VIRTUAL/REALSERVER. Drained is what
    has no connection and no persistence template left. With --remove it then
    leaves the table; without, it stays at weight 0. `lvsmon enable` lets it
    in again, in both cases. Interrupting --wait leaves the drain going.

    \b
    Exit status: 0 done, with --wait: over; 1 refused (the last one that
    serves: --force), with --wait also: cleared by somebody meanwhile;
    2 wrong usage or no such name, 3 the daemon does not answer, or the state
    directory cannot be used; 4 with --wait: the deadline is over and
    something is left; 130 interrupted, the drain goes on.
    """  # noqa: D301  click wants the character itself
    arguments = {
        "realservers": list(realservers), "service": service, "reason": reason, "seconds": timeout,
        "until": wishing.until(lasting, moment), "remove": remove, "force": force,
    }  # fmt: skip
    done = wishing.do("drain", socket, path, arguments)
    wishing.show("drain", done)
    if waits:
        if "daemon" in done:
            asking.give_up("drain", "nothing to wait for where no daemon runs", asking.COULD_NOT)
        from lvsmon.cli.draining import wait

        sys.exit(wait(done["made"], asking.socket_of(socket, path)))
