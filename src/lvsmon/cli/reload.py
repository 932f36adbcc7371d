"""``lvsmon reload``: the daemon loads its files anew, and says what it did or why not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lvsmon.cli import asking, terminal


@click.command("reload")
@asking.options
def command(*, socket: Path | None, path: Path | None) -> None:
    """Have the daemon load the configuration anew, and say what it did.

    All of it is taken or, if anything is wrong, nothing: then the complaints are those of `lvsmon config check`, and
    what was loaded before stays in force. `lvsmon plan` says beforehand what would change.

    \b
    Exit status: 0 loaded, 1 refused, 2 the configuration is wrong,
    3 the daemon cannot be asked.
    """  # noqa: D301  click wants the character itself
    done = asking.ask("reload", asking.socket_of(socket, path), "reload", patience=asking.LONG)
    probes = done["probes"]
    terminal.show(
        f"loaded: {count(done['virtual_services'], 'virtual service')}, "
        f"{count(probes['kept'] + probes['new'], 'probe')} "
        f"({probes['new']} new, {probes['gone']} gone, {probes['kept']} as before)\n"
    )
    for setting in done["needs_restart"]:
        terminal.complain("reload", f"note: {setting} has changed, which takes a restart of the daemon")
    show_written("reload", done)


def show_written(name: str, done: Mapping[str, Any]) -> None:
    """Say what the daemon wrote to the kernel's table on behalf of command ``name``."""
    for line in done["written"]:
        terminal.show(f"{line}\n")
    for each in done["refused"]:
        terminal.complain(name, f"the kernel refused: {each['error']}")
    if done["trouble"] is not None:
        terminal.complain(name, done["trouble"])


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
