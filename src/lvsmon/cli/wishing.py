"""What the commands that change wishes share: their options, how they ask, what they print."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from lvsmon.cli import asking, terminal
from lvsmon.cli.reload import show_written

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:  # noqa: ARG001  click's
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f'write a date and time by the local clock, such as "2027-01-31 18:00", not {value}'
        ) from None


realservers = click.argument("realservers", nargs=-1, required=True, metavar="REALSERVER...")

service = click.option(
    "--service", "-s", metavar="NAME", help="Only in this virtual service.  [default: in all that it is in]"
)

reason = click.option(
    "--reason", metavar="TEXT", default="operator", show_default=True, help="The name under which this stands."
)


def times(command: _Command) -> _Command:
    """Add ``--for`` and ``--until``, which `until` reads, and ``--force``."""
    lasting = click.option(
        "--for",
        "lasting",
        metavar="DURATION",
        callback=asking.duration("1s", "366d"),
        help="How long, such as 2h.  [default: no end]",
    )
    moment = click.option("--until", "moment", metavar="TIME", callback=_moment, help="Until when, by the local clock.")
    force = click.option("--force", is_flag=True, help="Also where nobody else serves.")
    return lasting(moment(force(command)))


def until(lasting: float | None, moment: float | None) -> float | None:
    """Return when it ends, in wall-clock seconds."""
    if lasting is not None and moment is not None:
        raise click.UsageError("--for and --until say the same in two ways: write one of them")
    return moment if lasting is None else time.time() + lasting


def do(
    command: str, socket: Path | None, path: Path | None, arguments: Mapping[str, Any], **more: object
) -> Mapping[str, Any]:
    """Have the change made, by the daemon or in the state directory; return the result, or say why not and end.

    Of ``arguments`` those that are None are left out, of ``more`` none is.
    """
    from lvsmon.errors import ControlRefused

    given = {key: value for key, value in arguments.items() if value is not None} | more
    behalf = terminal.behalf()
    if behalf is not None:
        given["on_behalf_of"] = behalf

    def absent(main: Path) -> dict[str, Any]:
        from functools import partial
        from importlib import import_module

        from lvsmon.control.absent import set_wishes

        verb = import_module(f"lvsmon.control.verbs.{command}")
        return set_wishes(main, partial(verb.change, verb.VERB.read(given)), behalf or terminal.user())

    try:
        return asking.or_state(command, socket, path, given, absent)
    except ValueError as error:  # more names than a request holds
        asking.refuse(command, ControlRefused("arguments", str(error)))


def show(command: str, done: Mapping[str, Any]) -> None:
    """Print what was changed, and what that led to."""
    from lvsmon.control.telling.maintenance import changed

    terminal.show(changed(done))
    show_written(command, done)
    asking.warn_unsaved(command, done)
