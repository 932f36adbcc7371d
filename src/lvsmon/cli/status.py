"""``lvsmon status``: how things are, from the daemon; where none runs, from the kernel and the state file."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from lvsmon.cli import asking, terminal

_CLEAR: Final = "\x1b[H\x1b[2J"


@click.command("status")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--watch", "-w", is_flag=True, help="Look again and again, until interrupted.")
@click.option(
    "--interval", "-n", metavar="DURATION", callback=asking.duration("500ms", "1h"), default="2s", show_default=True,
    help="With --watch: the time between two looks.",
)  # fmt: skip
@click.option("--problems", "-p", is_flag=True, help="Only destinations that are not UP, or not as they should be.")
@click.option("--director", "-d", is_flag=True, help="Also how the director itself is doing: late, short, how fast.")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True)
@terminal.colour_option
@asking.options
def command(
    *,
    names: tuple[str, ...],
    watch: bool,
    interval: float,
    problems: bool,
    director: bool,
    output: str,
    colour: str,
    socket: Path | None,
    path: Path | None,
) -> None:
    """Show virtual services and destinations: health, weights, connections.

    NAMEs of virtual services or realservers limit it to them. Weights and
    connections are the kernel's, now; "3 → 0 of 3" is a weight of 3 that is
    about to be 0, where 3 is configured.

    \b
    Exit status: 0 everything up, 1 something down or the monitor paused,
    2 wrong usage, 3 could not tell, or no daemon runs.
    """  # noqa: D301  click wants the character itself
    found = asking.socket_of(socket, path)
    try:
        while True:
            answer = _look(found, path, names)
            if problems:
                _reduce(answer)
            _show(answer, output, colour, watch=watch, director=director)
            if not watch:
                sys.exit(_exit_code(answer))
            time.sleep(interval)
    except KeyboardInterrupt:
        if not watch:
            raise


def _look(socket: Path, path: Path | None, names: tuple[str, ...]) -> dict[str, Any]:
    def absent(why: str) -> dict[str, Any]:
        from lvsmon.control.absent import status

        return status(asking.main_file(path), names, why)

    return asking.or_absent(
        "status", socket, "status", {"names": list(names)}, absent=absent, parts=("virtual", "virtuals")
    )


def _reduce(answer: dict[str, Any]) -> None:
    """Leave out what is as it should be."""
    kept = []
    for virtual in answer["virtuals"]:
        wrong = [each for each in virtual["destinations"] if not _well(each)]
        if wrong or virtual["notices"]:
            kept.append({**virtual, "destinations": wrong})
    answer["virtuals"] = kept
    answer["hosts"] = [host for host in answer["hosts"] if host["health"] != "UP"]


def _well(destination: Mapping[str, Any]) -> bool:
    weight = destination["weight"]
    settled = not destination["decided"] or weight["desired"] == weight["observed"]
    return bool(destination["health"] == "UP" and settled and weight["observed"] == weight["configured"])


def _show(answer: Mapping[str, Any], output: str, colour: str, *, watch: bool, director: bool) -> None:
    if output == "json":
        text = json.dumps(answer, indent=None if watch else 2).replace("\x7f", "\\u007f") + "\n"
        terminal.show(text)
        return
    from lvsmon.control.telling.status import tell

    text = tell(answer, asking.layout_of(colour), itself=director)
    if watch and sys.stdout.isatty():
        text = _CLEAR + terminal.cut_below(text)
    terminal.show(text)


def _exit_code(answer: Mapping[str, Any]) -> int:
    health = {each["health"] for virtual in answer["virtuals"] for each in virtual["destinations"]}
    health |= {host["health"] for host in answer["hosts"]}
    if answer["daemon"] is None:
        return asking.COULD_NOT
    if "DOWN" in health or answer["paused"] is not None:
        return 1
    return asking.COULD_NOT if "UNKNOWN" in health or answer["trouble"] is not None else 0
