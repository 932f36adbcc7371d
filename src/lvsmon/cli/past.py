"""What the commands that look back share: where the state is, and the time to look at."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from lvsmon.cli import terminal

BAD_USAGE: Final = 2
CANNOT_READ: Final = 3
Command = TypeVar("Command", bound=Callable[..., Any])
Answer = TypeVar("Answer")


def options(since: str) -> Callable[[Command], Command]:
    """Add the arguments that every look back takes; ``since`` is where it begins where nobody says."""
    decorators = (
        click.argument("names", nargs=-1, metavar="[NAME]..."),
        click.option(
            "--since", metavar="WHEN", default=since, show_default=True,
            help='How long ago ("12h", "7d"), or a time ("yesterday", "2026-11-20 14:00").',
        ),
        click.option("--until", metavar="WHEN", default="now", show_default=True, help="Likewise: where to end."),
        click.option(
            "--config", "-c", "path", type=click.Path(path_type=Path), envvar="LVSMON_CONFIG", show_envvar=True,
            help="The main configuration file, which says where the state is.  [default: /etc/lvsmon/lvsmon.toml]",
        ),
        click.option(
            "--state-directory", "state", type=click.Path(path_type=Path), metavar="DIRECTORY",
            help="Where the state is; no configuration is read then.",
        ),
        click.option("--output", "-o", type=click.Choice(["table", "json"]), default="table", show_default=True),
    )  # fmt: skip

    def add(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return add


def looked(
    command: str,
    path: Path | None,
    state: Path | None,
    times: tuple[str, str],
    look: Callable[[Path, float, float, float], Answer],
) -> tuple[Answer, float, float]:
    """Return what ``look(directory, since, until, now)`` finds, and the time it was asked for; end with a complaint."""
    from lvsmon.errors import ConfigError, StateError
    from lvsmon.past.look import NothingKnown

    now = time.time()
    since, until = (_when(command, option, text, now) for option, text in zip(("since", "until"), times, strict=True))
    until = min(until, now)
    if since >= until:
        _end(command, "--since: must be before --until, and before now", BAD_USAGE)
    try:
        return look(state or _directory(path), since, until, now), since, until
    except (ConfigError, NothingKnown) as error:
        _end(command, str(error), BAD_USAGE)
    except StateError as error:
        _end(command, str(error), CANNOT_READ)


def _directory(path: Path | None) -> Path:
    from lvsmon.config import DEFAULT_PATH, load

    return load(path or DEFAULT_PATH).state_directory


def _when(command: str, option: str, text: str, now: float) -> float:
    from lvsmon.past.period import moment

    try:
        return moment(text, now)
    except ValueError as error:
        _end(command, f"--{option}: {error}", BAD_USAGE)


def _end(command: str, text: str, code: int) -> NoReturn:
    terminal.complain(command, text)
    sys.exit(code)
