"""How much a worker may say: enough for everything that can happen to its probes at once, not for more. Pure."""

from typing import Final

_BYTES: Final = 4 << 20
_BYTES_OF_PROBE: Final = 8192
_CHANGES: Final = 100
_CHANGES_OF_PROBE: Final = 8
_LINES: Final = 200
_SECONDS: Final = 10.0
"""Within which an empty budget is full again."""


class Flood(Exception):
    """It says more than its probes can tell."""


class Budget:
    """Buckets of bytes, of changes of health and of lines of the log; they fill up again with time."""

    def __init__(self) -> None:
        self._bytes_most, self._changes_most = float(_BYTES), float(_CHANGES)
        self._bytes, self._changes, self._lines = self._bytes_most, self._changes_most, float(_LINES)

    def update(self, probes: int) -> None:
        """Make it the budget for so many probes; what it grows by is there at once."""
        before = self._bytes_most, self._changes_most
        self._bytes_most, self._changes_most = _BYTES + probes * _BYTES_OF_PROBE, _CHANGES + probes * _CHANGES_OF_PROBE
        self._bytes += max(0.0, self._bytes_most - before[0])
        self._changes += max(0.0, self._changes_most - before[1])
        self.passed(0.0)

    def passed(self, seconds: float) -> None:
        """Let time pass."""
        self._bytes = min(self._bytes_most, self._bytes + self._bytes_most * seconds / _SECONDS)
        self._changes = min(self._changes_most, self._changes + self._changes_most * seconds / _SECONDS)

        self._lines = min(_LINES, self._lines + _LINES * seconds / _SECONDS)

    def logs(self) -> bool:
        """Say whether one more line may be logged: more than this tell nobody anything."""
        if self._lines < 1:
            return False
        self._lines -= 1
        return True

    def heard(self, count: int) -> None:
        """Take ``count`` bytes; raise `Flood`."""
        self._bytes -= count
        if self._bytes < 0:
            raise Flood("it sends more bytes than its probes can tell")

    def changed(self, count: int) -> None:
        """Take ``count`` changes of health; raise `Flood`."""
        self._changes -= count
        if self._changes < 0:
            raise Flood("its probes change their health more often than they run")
