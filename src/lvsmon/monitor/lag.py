"""How long the engine was kept from running: by a busy processor, a stopped process, a bug of ours."""

from dataclasses import replace
from typing import Final

from lvsmon.monitor.vitals import Figures, LastMinute
from lvsmon.net.reactor import Reactor

BEAT: Final = 0.1
"""Seconds between beats. A stall shorter than this explains no missed deadline, and many of them explain none either:
on a busy director each beat comes a little late, and a realserver that is silent must be found all the same.
"""


class LagMeter:
    """Sums up the stalls: the times by which the reactor came at least a whole beat late."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._due = reactor.time() + BEAT
        self._total = 0.0
        self._beats = LastMinute(reactor.time())
        self._call = reactor.call_at(self._due, self._beat)

    def stalled(self) -> float:
        """Return the seconds lost so far, those of the present stall included."""
        return self._total + self._late()

    def lately(self) -> Figures:
        """Return by how much it came late to its beats, the present stall included."""
        figures, late = self._beats.figures(), self._reactor.time() - self._due
        return figures if late <= figures.longest else replace(figures, longest=late)

    def close(self) -> None:
        self._call.cancel()

    def _late(self) -> float:
        late = self._reactor.time() - self._due
        return late if late >= BEAT else 0.0

    def _beat(self) -> None:
        self._total += self._late()
        now = self._reactor.time()
        self._beats.turn(now)
        self._beats.add(now - self._due)
        self._due = now + BEAT
        self._call = self._reactor.call_at(self._due, self._beat)
