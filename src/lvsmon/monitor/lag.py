"""How long the event loop was kept from running: by a busy processor, a stopped process, a bug of ours."""

import asyncio
from typing import Final

BEAT: Final = 0.1
"""Seconds between beats: a stall shorter than this explains no missed deadline."""


class LagMeter:
    """Sums up the time by which the loop came late to its own beats."""

    def __init__(self) -> None:
        """Raise RuntimeError outside a running loop."""
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + BEAT
        self._total = 0.0
        self._handle = self._loop.call_at(self._due, self._beat)

    def stalled(self) -> float:
        """Return the seconds lost so far, those of the present stall included."""
        return self._total + max(0.0, self._loop.time() - self._due)

    def close(self) -> None:
        self._handle.cancel()

    def _beat(self) -> None:
        now = self._loop.time()
        self._total += max(0.0, now - self._due)
        self._due = now + BEAT
        self._handle = self._loop.call_at(self._due, self._beat)
