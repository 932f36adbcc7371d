"""``lvsmon explain``: why a destination is in or out, at its weight."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from lvsmon.cli import asking, terminal


@click.command("explain")
@click.argument("dest", metavar="DEST")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True)
@terminal.colour_option
@asking.options
def command(*, dest: str, output: str, colour: str, socket: Path | None, path: Path | None) -> None:
    """Say why a destination is in or out, at this weight.

    DEST is VIRTUAL/REALSERVER, the destination's address with or without its
    port, or a name. What was seen, which rule decided, what operators wish
    for and what was written, in order.

    \b
    Exit status: 0 told, 1 no right to ask, 2 no such destination,
    3 no daemon runs, or it does not answer.
    """  # noqa: D301  click wants the character itself

    def absent(why: str) -> dict[str, Any]:
        from lvsmon.control.absent import explain

        return explain(asking.main_file(path), dest, why)

    found, parts = asking.socket_of(socket, path), ("destination", "destinations")
    answer = asking.or_absent("explain", found, "explain", {"dest": dest}, absent=absent, parts=parts)
    if output == "json":
        terminal.show(json.dumps(answer, indent=2).replace("\x7f", "\\u007f") + "\n")
    else:
        from lvsmon.control.telling.explain import tell

        terminal.show(tell(answer, asking.layout_of(colour)))
    sys.exit(asking.COULD_NOT if answer["daemon"] is None else 0)
