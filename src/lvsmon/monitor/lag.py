"""How long the event loop was kept from running: by a busy processor, a stopped process, a bug of ours."""

import asyncio
from typing import Final

BEAT: Final = 0.1
"""Seconds between beats. A stall shorter than this explains no missed deadline, and many of them explain none either:
on a busy director each beat comes a little late, and a realserver that is silent must be found all the same.
"""


class LagMeter:
    """Sums up the stalls: the times by which the loop came at least a whole beat late."""

    def __init__(self) -> None:
        """Raise RuntimeError outside a running loop."""
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + BEAT
        self._total = 0.0
        self._handle = self._loop.call_at(self._due, self._beat)

    def stalled(self) -> float:
        """Return the seconds lost so far, those of the present stall included."""
        return self._total + self._late()

    def close(self) -> None:
        self._handle.cancel()

    def _late(self) -> float:
        late = self._loop.time() - self._due
        return late if late >= BEAT else 0.0

    def _beat(self) -> None:
        self._total += self._late()
        self._due = self._loop.time() + BEAT
        self._handle = self._loop.call_at(self._due, self._beat)
