"""Standard output and error as commands use them: harmless text, in an encoding and a width that are there."""

import os
import shutil
import sys
from typing import Final

import click

from lvsmon.text import escape

_NARROWEST: Final = 40  # cells: what claims to be narrower is wrapped as if it were this wide


def width() -> int | None:
    """Return the cells of the terminal's line, None where the text goes to a pipe or a file and lines need no end."""
    if not (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()):
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def has(text: str) -> bool:
    """Say whether the encoding of standard output has all of ``text``."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def show(text: str) -> None:
    """Write to standard output; what its encoding lacks is written as an escape."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:  # "lvsmon check | head": who reads has seen enough; the exit status still tells the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(command: str, text: str) -> None:
    """Write to standard error, each line in the name of ``command``."""
    for line in text.splitlines():
        click.echo(f"lvsmon {command}: {escape(line)}", err=True)
