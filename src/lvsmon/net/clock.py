"""The director's clocks."""

import time
from typing import Final, Protocol

_TIMEX_ROOM: Final = 512
"""Bytes; struct timex of adjtimex(2) has 208 on 64-bit kernels."""

_TIME_ERROR: Final = 5
"""What adjtimex(2) returns while the kernel's clock is not synchronised (linux/timex.h)."""


class Clock(Protocol):
    """What a probe may know of the time: for measuring and for comparing, never for limiting itself."""

    def monotonic(self) -> float:
        """Return seconds on the clock of `Deadline`."""
        ...

    def utc(self) -> float:
        """Return seconds since 1970-01-01 00:00 UTC, as far as the director knows."""
        ...

    def synchronised(self) -> bool:
        """Return whether the director's kernel says that something keeps its clock right."""
        ...


class SystemClock:
    """The kernel's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> float:
        return time.time()

    def synchronised(self) -> bool:
        import ctypes  # noqa: PLC0415  few kinds ask

        room = ctypes.create_string_buffer(_TIMEX_ROOM)  # modes = 0: only look
        state: int = ctypes.CDLL(None).adjtimex(room)
        return 0 <= state < _TIME_ERROR
