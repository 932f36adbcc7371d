"""Two clocks disagree: the realserver's or the director's?"""

from typing import Final

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.model import Reason
from lvsmon.net.clock import Clock

_NEVER_SET: Final = 1_735_689_600.0
"""2025-01-01: a clock that shows less is older than lvsmon, so nobody has ever set it."""

_DRIFT: Final = 86400.0
"""Seconds: a clock that was set from the hardware's, and then left alone, is wrong by a time zone at most."""


def doubt(clock: Clock, off_by: float = 0.0) -> str:
    """Return why a difference of ``off_by`` seconds may be the director's fault; "" where it is not."""
    if clock.utc() < _NEVER_SET:
        return "the director's own clock was never set"
    if off_by < _DRIFT and not clock.synchronised():
        return "the director's kernel says that nothing keeps its own clock right"
    return ""


def differ(clock: Clock, detail: str, reason: Reason, off_by: float = 0.0) -> ProbeFailed | LocalFault:
    """Return the error for clocks that differ: theirs, but ours where the director's is doubtful."""
    why = doubt(clock, off_by)
    return LocalFault(f"{detail}, but {why}") if why else ProbeFailed(detail, reason)
