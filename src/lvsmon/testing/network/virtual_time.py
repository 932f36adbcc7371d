"""Time that jumps over every wait."""

import types
from collections.abc import Coroutine, Generator
from math import inf
from typing import Any, TypeVar

_T = TypeVar("_T")


class DeadlinePassed(Exception):
    """The coroutine was still waiting at its deadline."""


class Sleep:
    """Awaited by the scripted network only: asks `play` to let virtual time go by.

    ``passed`` is less than ``seconds`` where `ScriptedConnector.within` has cut it short.
    """

    __slots__ = ("passed", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = self.passed = seconds

    def __await__(self) -> Generator["Sleep", None, None]:
        yield self


@types.coroutine
def within(seconds: float, part: Coroutine[Any, Any, _T]) -> Generator[Sleep, None, _T | None]:
    """Pass on the sleeps of ``part`` as long as they fit into ``seconds``."""
    left = seconds
    try:
        while True:
            sleep = part.send(None)
            if sleep.seconds >= left:
                sleep.passed = left
                yield Sleep(left)
                return None
            yield sleep
            left -= sleep.seconds
    except StopIteration as stop:
        result: _T = stop.value
        return result
    finally:
        part.close()


class ScriptedClock:
    """Virtual time: seconds since the script began; on the wall it began at ``started``."""

    def __init__(self, started: float = 1_750_000_000.0, *, synchronised: bool = True) -> None:
        self.now = 0.0
        self._started = started
        self._synchronised = synchronised

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> float:
        return self._started + self.now

    def synchronised(self) -> bool:
        return self._synchronised


def play(coroutine: Coroutine[Any, Any, _T], timeout: float = inf, clock: ScriptedClock | None = None) -> _T:
    """Run ``coroutine`` on virtual time, that of ``clock``, and return its result.

    Raise `DeadlinePassed` where it still waits after ``timeout`` virtual seconds (a peer that hangs waits for ever).
    """
    clock = clock or ScriptedClock()
    deadline = clock.now + timeout
    try:
        while True:
            clock.now += coroutine.send(None).seconds
            if clock.now >= deadline:
                raise DeadlinePassed
    except StopIteration as stop:
        result: _T = stop.value
        return result
    finally:
        coroutine.close()
