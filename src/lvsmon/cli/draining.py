"""`lvsmon drain --wait`: looks at a drain until it is over. It only looks: the daemon drains by itself."""

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lvsmon.cli import asking, terminal
from lvsmon.control import client
from lvsmon.control.telling.maintenance import progress, where
from lvsmon.errors import ControlRefused, ControlUnreachable
from lvsmon.text import escape

LEFT_OVER: Final = 4

LOOK: Final = 1.0
"""Seconds between two looks: the daemon reads the kernel's table for them at most so often."""

QUIET: Final = 10.0
"""Seconds between two lines where the output is no terminal, unless it is the last one."""

GRACE: Final = 10.0
"""Seconds after the deadline for a daemon that is paused, or just being restarted, to do its part."""


def wait(made: Sequence[Mapping[str, Any]], socket: Path) -> int:
    """Show the progress of the drains ``made`` until all are over; return the exit status."""
    page = _Page()
    silent = False
    try:
        while True:
            try:
                found = _look(made, socket)
            except ControlUnreachable as error:
                if not silent:
                    page.end()
                    terminal.complain("drain", f"{error}; the drain is saved: waiting for a daemon")
                silent, found = True, None
            else:
                silent = False
            status = _judge(made, found, page)
            if status is not None:
                return status
            time.sleep(LOOK)
    except ControlRefused as error:
        page.end()
        terminal.complain("drain", f"{error}: the drain goes on")
        return asking.REFUSED
    except KeyboardInterrupt:
        page.end()
        names = " ".join(shlex.quote(where(wish)) for wish in made)
        reason = shlex.quote(made[0]["name"])
        terminal.complain(
            "drain", f"interrupted, and the drain goes on: `lvsmon enable {names} --reason {reason}` ends it"
        )
        raise


def _look(made: Sequence[Mapping[str, Any]], socket: Path) -> list[Mapping[str, Any]]:
    """Return what is left of ``made``, as it is now."""
    parts: list[Mapping[str, Any]] = []
    names = sorted({wish["realserver"] for wish in made})
    client.ask(socket, "maintenance", {"names": names}, progress=lambda body: parts.append(body["wish"]))
    wanted = {_identity(wish) for wish in made}
    return [wish for wish in parts if _identity(wish) in wanted]


def _identity(wish: Mapping[str, Any]) -> tuple[Any, ...]:
    return wish["realserver"], wish["virtual"], wish["name"], wish["kind"], wish["since"]


def _judge(made: Sequence[Mapping[str, Any]], found: list[Mapping[str, Any]] | None, page: "_Page") -> int | None:
    """Show what was found (None: nobody answers); return the exit status if it is over."""
    deadline = made[0]["deadline"]
    late = deadline is not None and time.time() > deadline + GRACE
    if found is None:
        return LEFT_OVER if late else None
    if len(found) < len(made):
        page.end()
        terminal.complain("drain", "it is over before its time: somebody cleared or replaced it")
        return asking.REFUSED
    each = [(wish, destination) for wish in found for destination in wish["destinations"]]
    if not each:
        page.end()
        terminal.complain("drain", "the configuration does not have it any more")
        return 0
    told = [f"{one['virtual']}/{wish['realserver']}: {progress(one)}" for wish, one in each]
    going = [line for line, (_, one) in zip(told, each, strict=True) if not _over(one)]
    if going and not late:
        page.show("; ".join(going))
        return None
    page.end()
    terminal.show("".join(f"{escape(line)}\n" for line in told))
    left = any(one["drain"]["stage"] in ("pending", "draining", "overdue") for _, one in each)
    return LEFT_OVER if left else 0


def _over(destination: Mapping[str, Any]) -> bool:
    drain = destination["drain"]
    ended = drain["stage"] == "removed" or (not drain["removes"] and drain["stage"] in ("drained", "overdue"))
    return ended or destination["manage"] == "observe"  # nothing is written there: nothing to wait for


class _Page:
    """One line that is written over and over on a terminal; elsewhere a line now and then."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._open = False
        self._last = -QUIET

    def show(self, text: str) -> None:
        if self._live:
            width = (terminal.width() or 80) - 1
            line = escape(text)
            terminal.show(f"\r\x1b[K{line if len(line) <= width else line[: width - 3] + '...'}")
            self._open = True
        elif time.monotonic() - self._last >= QUIET:
            self._last = time.monotonic()
            terminal.show(f"{escape(text)}\n")

    def end(self) -> None:
        """Make room for what follows."""
        if self._open:
            terminal.show("\r\x1b[K")
            self._open = False
