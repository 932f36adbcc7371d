"""``lvsmon plan``: what a reload of the present files would change."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from lvsmon.cli import asking, terminal
from lvsmon.text import escape


@click.command("plan")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True)
@asking.options
def command(*, output: str, socket: Path | None, path: Path | None) -> None:
    """Say what a reload of the present files would change; change nothing.

    The commands for the kernel's table are in ipvsadm's notation, and what
    comes, goes and changes among the probes stands behind a #. Where no
    daemon runs, it is what the start of one would change.

    \b
    Exit status: 0 told, 1 no right to ask, 2 the configuration is wrong,
    3 the daemon does not answer.
    """  # noqa: D301  click wants the character itself
    answer = _answer(asking.socket_of(socket, path), path)
    if output == "json":
        terminal.show(json.dumps({"version": 1, **answer}, indent=2).replace("\x7f", "\\u007f") + "\n")
        return
    terminal.show("".join(f"{escape(line)}\n" for line in lines(answer)))
    if answer["trouble"] is not None:
        terminal.complain("plan", answer["trouble"])


def _answer(socket: Path, path: Path | None) -> Mapping[str, Any]:
    from lvsmon.control import client
    from lvsmon.errors import ConfigError, ControlRefused, ControlUnreachable, DaemonAbsent

    try:
        return client.ask(socket, "plan", patience=asking.LONG)
    except ControlRefused as error:
        asking.refuse("plan", error)
    except DaemonAbsent as error:
        from lvsmon.control.absent import plan

        terminal.complain("plan", f"{error}: this is what the start of one would change")
        try:
            return plan(asking.main_file(path))
        except ConfigError as refused:
            asking.give_up("plan", str(refused), asking.BAD_USAGE)
    except ControlUnreachable as error:
        asking.give_up("plan", str(error), asking.COULD_NOT)


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Return what is told, a line each; unescaped."""
    probes = answer["probes"]
    yield from answer["commands"]
    for kind in ("new", "changed", "gone"):
        for each in probes[kind]:
            where = f" for {', '.join(each['destinations'])}" if "destinations" in each else ""
            what = f": {', '.join(each['settings'])}" if each.get("settings") else ""
            yield f"# probe {kind}: {each['probe']}{where}{what}"
    for setting in answer["needs_restart"]:
        yield f"# {setting} has changed, which takes a restart of the daemon"
    if not answer["commands"] and not any(probes.values()):
        yield "# nothing would change" if answer["trouble"] is None else "# nothing would change among the probes"
    if answer["paused"]:
        yield "# the monitor is paused: nothing of it is written before `lvsmon resume`"
