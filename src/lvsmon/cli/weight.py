"""``lvsmon weight``: another weight in place of the configured one."""

from pathlib import Path

import click

from lvsmon.cli import asking, wishing


def _weight(ctx: click.Context, param: click.Parameter, value: str) -> int | None:  # noqa: ARG001  click's
    from lvsmon.model import MAX_WEIGHT

    if value == "default":
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(MAX_WEIGHT)) and int(value) <= MAX_WEIGHT):
        raise click.BadParameter(f"write a number from 0 to {MAX_WEIGHT}, or default, not {value}")
    return int(value)


@click.command("weight")
@wishing.realservers
@click.argument("weight", metavar="N|default", callback=_weight)
@wishing.service
@click.option(
    "--reason", metavar="TEXT", help="The name under which this stands, or which to clear.  [default: operator, or all]"
)
@wishing.times
@asking.options
def command(
    *,
    realservers: tuple[str, ...],
    weight: int | None,
    service: str | None,
    reason: str | None,
    lasting: float | None,
    moment: float | None,
    force: bool,
    socket: Path | None,
    path: Path | None,
) -> None:
    """Give a realserver another weight than the configured one, or that again.

    It stands in place of the configured weight: a share that a probe asks for,
    WARN's share and slow start are of it, and it is the most there is. A
    probe that asks for less gets less. With several reasons the smallest
    weight wins.

    \b
    Exit status: 0 done, 1 refused (weight 0 for the last one that serves:
    --force), 2 wrong usage or no such name, 3 the daemon does not answer, or
    the state directory cannot be used.
    """  # noqa: D301  click wants the character itself
    ends = wishing.until(lasting, moment)
    if weight is None and ends is not None:
        raise click.UsageError("the configured weight needs no end: leave --for and --until out")
    arguments = {"realservers": list(realservers), "service": service, "reason": reason, "until": ends, "force": force}
    wishing.show("weight", wishing.do("weight", socket, path, arguments, weight=weight))
