"""What the commands that ask the daemon share: how it is found, and what is said where it does not answer."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from lvsmon.cli import terminal
from lvsmon.text import escape

REFUSED: Final = 1
BAD_USAGE: Final = 2
COULD_NOT: Final = 3
LONG: Final = 120.0
"""Seconds to wait for a daemon that loads files: a thousand virtual services take some of them."""

_Command = TypeVar("_Command", bound=Callable[..., Any])

_USAGE: Final = frozenset({"arguments", "unknown-name", "configuration"})
"""Codes of a refusal that say that something else must be written: on the command line, or in the files."""


def options(command: _Command) -> _Command:
    """Add ``--socket`` and ``--config``, which `socket_of` and the commands that work without a daemon take."""
    socket = click.option(
        "--socket", type=click.Path(path_type=Path), envvar="LVSMON_SOCKET", show_envvar=True,
        help="Where the daemon listens.  [default: from the main file, or /run/lvsmon/control.sock]",
    )  # fmt: skip
    config = click.option(
        "--config", "-c", "path", type=click.Path(path_type=Path), envvar="LVSMON_CONFIG", show_envvar=True,
        help="The main configuration file.  [default: /etc/lvsmon/lvsmon.toml]",
    )  # fmt: skip
    return socket(config(command))


def duration(least: str, most: str) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Return what reads an option's duration from ``least`` to ``most``, in seconds."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:  # noqa: ARG001  click's
        from lvsmon.config.values import between

        try:
            return None if value is None else between(least, most)(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


def socket_of(socket: Path | None, path: Path | None) -> Path:
    """Return the daemon's socket: as said, else as configured."""
    from lvsmon.places import DEFAULT_CONFIG, socket_in

    return socket if socket is not None else socket_in(path or DEFAULT_CONFIG)


def ask(command: str, socket: Path, verb: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """Return the daemon's result; where there is none, say why and end."""
    from lvsmon.control import client
    from lvsmon.errors import ControlRefused, ControlUnreachable

    try:
        return client.ask(socket, verb, arguments, **more)
    except ControlRefused as error:
        refuse(command, error)
    except ControlUnreachable as error:
        give_up(command, str(error), COULD_NOT)


def or_absent(
    command: str,
    socket: Path,
    verb: str,
    arguments: Mapping[str, Any],
    *,
    absent: Callable[[str], dict[str, Any]],
    parts: tuple[str, str],
) -> dict[str, Any]:
    """Return the daemon's answer, its parts gathered; where none runs, what ``absent`` tells instead.

    ``parts`` is the key of each part and the one under which they are gathered; destinations that come as ``more``
    belong to the part before.
    """
    from lvsmon.control import client
    from lvsmon.errors import ConfigError, ControlRefused, ControlUnreachable, DaemonAbsent
    from lvsmon.monitor.selection import UnknownName

    gathered: list[Any] = []
    part, together = parts

    def gather(body: Mapping[str, Any]) -> None:
        if "more" in body:
            gathered[-1]["destinations"] += body["more"]
        else:
            gathered.append(body[part])

    try:
        head = client.ask(socket, verb, arguments, progress=gather)
    except ControlRefused as error:
        refuse(command, error)
    except DaemonAbsent as error:
        why = str(error)
    except ControlUnreachable as error:
        give_up(command, str(error), COULD_NOT)
    else:
        return {"version": 1, **head, together: gathered}
    try:
        return {"version": 1, **absent(why)}
    except ConfigError as error:
        give_up(command, f"{why}\n{error}", COULD_NOT)
    except UnknownName as error:
        give_up(command, f"{why}\n{error}", BAD_USAGE)


def or_state(
    command: str,
    socket: Path | None,
    path: Path | None,
    arguments: Mapping[str, Any],
    absent: Callable[[Path], dict[str, Any]],
) -> Mapping[str, Any]:
    """Return the daemon's answer to the verb ``command``; where none runs, do it in the state directory."""
    from lvsmon.control import client
    from lvsmon.errors import ConfigError, ControlRefused, ControlUnreachable, DaemonAbsent, StateError

    try:
        return client.ask(socket_of(socket, path), command, arguments)
    except ControlRefused as error:
        refuse(command, error)
    except DaemonAbsent as error:
        try:
            done = absent(main_file(path))
        except ControlRefused as refused:
            refuse(command, refused)
        except (ConfigError, StateError) as failed:
            give_up(command, f"{error}\n{failed}", COULD_NOT)
        terminal.complain(command, f"{error}: noted for the next one")
        return done
    except ControlUnreachable as error:
        give_up(command, str(error), COULD_NOT)


def warn_unsaved(command: str, done: Mapping[str, Any]) -> None:
    """Say where what was done holds only until the next restart."""
    if done["unsaved"] is not None:
        terminal.complain(command, f"a restart of the daemon undoes this: {done['unsaved']}")


def give_up(command: str, text: str, code: int) -> NoReturn:
    """Say why and end."""
    terminal.complain(command, text)
    sys.exit(code)


def main_file(path: Path | None) -> Path:
    """Return the configuration that a command without a daemon loads."""
    from lvsmon.places import DEFAULT_CONFIG

    return path or DEFAULT_CONFIG


def layout_of(colour: str) -> Any:
    """Return how a page is drawn on this standard output."""
    from lvsmon.control.telling.words import Layout

    return Layout(width=terminal.width(), colour=terminal.coloured(colour), arrow="→" if terminal.has("→") else "->")


def refuse(command: str, error: Any) -> NoReturn:
    """Say what the daemon's `ControlRefused` says, and end."""
    for line in error.lines:
        click.echo(escape(line), err=True)
    terminal.complain(command, str(error))
    sys.exit(BAD_USAGE if error.code in _USAGE else REFUSED)
