"""Standard output and error as commands use them: harmless text, in an encoding and a width that are there."""

import os
import pwd
import shutil
import sys
from typing import Final

import click

from lvsmon.text import escape

UNTOLD: Final = 3
"""Exit status of a command that could not say what it found: of `lvsmon probe` and `check` it means unknown."""

_LONGEST: Final = 100  # characters of a user's name, as a daemon takes them
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


def cut_below(text: str) -> str:
    """Return as much of ``text`` as the terminal has lines for, with a word about the rest."""
    lines, room = text.splitlines(), shutil.get_terminal_size().lines - 1
    if len(lines) <= room:
        return text
    left = len(lines) - room + 1
    return "\n".join([*lines[: room - 1], f"... {left} more lines: name some, or --problems"]) + "\n"


colour_option = click.option(
    "--colour", "--color", "colour", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
    help="Repeat in colour what the words say.",
)  # fmt: skip


def coloured(wanted: str) -> bool:
    """Say whether to use colours: as told, else on a terminal where NO_COLOR is not set (no-color.org)."""
    if wanted != "auto":
        return wanted == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(text: str) -> None:
    """Write to standard output; what its encoding lacks is written as an escape.

    Where that fails, as on a full disk, the command ends: what it found has not been told, and Python's own exit
    status 1 would mean "down".
    """
    encoding = sys.stdout.encoding or "ascii"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:  # "lvsmon check | head": who reads has seen enough; the exit status still tells the rest
        _drop_the_rest()
    except OSError as error:
        _drop_the_rest()
        click.echo(f"lvsmon: standard output cannot be written: {error.strerror}", err=True)
        sys.exit(UNTOLD)


def _drop_the_rest() -> None:
    """Have what is still in the buffer written nowhere, when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(command: str, text: str) -> None:
    """Write to standard error, each line in the name of ``command``."""
    for line in text.splitlines():
        click.echo(f"lvsmon {command}: {escape(line)}", err=True)


def behalf() -> str | None:
    """Return who runs this through sudo, where somebody does."""
    name = os.environ.get("SUDO_USER", "")
    return name if os.geteuid() == 0 and name.isprintable() and 0 < len(name.strip()) == len(name) <= _LONGEST else None


def user() -> str:
    """Return the name of the user of this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
