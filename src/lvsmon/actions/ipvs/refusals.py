"""Commands that the kernel refused, and when each is tried again. Pure but for the clock it is given."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from lvsmon.actions.ipvs.base import Command
from lvsmon.errors import IpvsError

FIRST: Final = 5.0
LONGEST: Final = 60.0
"""Seconds until a refused command is tried again, doubled each time: somebody may have loaded a module meanwhile."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    error: IpvsError
    wait: float
    due: float


class Refusals:
    """Remembers what was refused for good: the same command would be refused again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused: dict[Command, _Refusal] = {}

    def waiting(self) -> dict[Command, IpvsError]:
        """Return the commands that are not to be tried yet, with the errors they had."""
        now = self._clock()
        return {command: refusal.error for command, refusal in self._refused.items() if refusal.due > now}

    def take(self, refused: Mapping[Command, IpvsError], wished: Collection[Command]) -> None:
        """Remember what was ``refused`` now; forget what was carried out, or is not ``wished`` for any more."""
        now, before = self._clock(), self._refused
        self._refused = {command: before[command] for command in before if command in wished and command in refused}
        for command, error in refused.items():
            old = before.get(command)
            if old is None or old.due <= now:
                wait = FIRST if old is None else min(2 * old.wait, LONGEST)
                self._refused[command] = _Refusal(error, wait, now + wait)
