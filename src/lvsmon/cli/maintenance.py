"""``lvsmon maintenance``: everything that operators wish for."""

import json
from pathlib import Path
from typing import Any

import click

from lvsmon.cli import asking, terminal


@click.command("maintenance")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True)
@terminal.colour_option
@asking.options
def command(*, names: tuple[str, ...], output: str, colour: str, socket: Path | None, path: Path | None) -> None:
    """List who is disabled, drained or weighed by an operator, and how far.

    By whom, why, since and until when; of a drain what is left. NAMEs of
    virtual services or realservers limit it to them. What is wished for a
    realserver that the configuration does not have any more is kept, and
    shown as such.

    \b
    Exit status: 0 told, 1 refused, 2 wrong usage or no such name, 3 no daemon
    runs (what is saved is told), or it does not answer.
    """  # noqa: D301  click wants the character itself
    from lvsmon.control.telling.maintenance import tell

    def absent(why: str) -> dict[str, Any]:
        from lvsmon.control.absent import maintenance

        return maintenance(asking.main_file(path), list(names), why)

    answer = asking.or_absent(
        "maintenance", asking.socket_of(socket, path), "maintenance", {"names": list(names)},
        absent=absent, parts=("wish", "wishes"),
    )  # fmt: skip
    if output == "json":
        terminal.show(json.dumps(answer, indent=2).replace("\x7f", "\\u007f") + "\n")
    else:
        terminal.show(tell(answer, asking.layout_of(colour)))
    if answer["daemon"] is None:
        raise SystemExit(asking.COULD_NOT)
