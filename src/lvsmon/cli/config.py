"""lvsmon config: look at the configuration without touching anything."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lvsmon.errors import ConfigError
from lvsmon.text import escape

if TYPE_CHECKING:
    from lvsmon.config.loading import Loaded

REFUSED: Final = 2
"""Exit status of a refused configuration, as of a wrong command line."""


def _default_path() -> Path:
    from lvsmon.config import DEFAULT_PATH

    return DEFAULT_PATH


_path = click.argument(
    "path", type=click.Path(path_type=Path), envvar="LVSMON_CONFIG", default=_default_path, metavar="[PATH]"
)


def _load(path: Path) -> "Loaded":
    from lvsmon.config.loading import load_all

    try:
        return load_all(path)
    except ConfigError as error:
        for complaint in error.complaints:
            click.echo(escape(str(complaint)), err=True)
        number = len(error.complaints)
        click.echo(f"refused: {number} {'complaint' if number == 1 else 'complaints'}", err=True)
        raise SystemExit(REFUSED) from None


@click.group()
def command() -> None:
    """Check the configuration, show what it comes to, or print its schema.

    PATH is a main file or its folder; without it, LVSMON_CONFIG or /etc/lvsmon/lvsmon.toml.
    """


@command.command()
@_path
def check(path: Path) -> None:
    """Say whether the configuration can be used; exit status 2 and every complaint if not."""
    from lvsmon.config.notes import notes, summary

    loaded = _load(path)
    for note in notes(loaded):
        click.echo(f"note: {escape(note)}")
    click.echo(escape(summary(loaded)))


@command.command()
@_path
@click.option("--output", type=click.Choice(["toml", "json"]), default="toml", show_default=True)
def show(path: Path, output: str) -> None:
    """Print the effective settings: every default filled in, secrets hidden."""
    from lvsmon.config.show import document

    shown = document(_load(path))
    click.echo(
        json.dumps(shown, indent=2, ensure_ascii=False) if output == "json" else _toml(shown), nl=output == "json"
    )


@command.command()
def schema() -> None:
    """Print the JSON Schema of the files, for editors."""
    from lvsmon.config.jsonschema import schema as make

    click.echo(json.dumps(make(), indent=2, ensure_ascii=False))


def _toml(shown: dict[str, Any]) -> str:
    """Write one line for each realserver of a virtual service, and the other tables as sections."""
    import tomlkit

    for virtual in shown["virtual"]:
        lines = tomlkit.array().multiline(multiline=True)
        for one in virtual["realservers"]:
            lines.append(_inline(one))
        virtual["realservers"] = lines
    return tomlkit.dumps(shown)


def _inline(table: dict[str, Any]) -> Any:
    import tomlkit

    inline = tomlkit.inline_table()
    for key, value in table.items():
        inline[key] = _inline(value) if isinstance(value, dict) else value
    return inline
