"""The whole monitor writes nothing: an operator said so."""

from dataclasses import dataclass
from typing import Final

MAX_REASON: Final = 200
"""Characters: two lines of a terminal, for it stands on top of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Probing and deciding go on, and nothing is written to the kernel. Times are wall-clock seconds.

    ``until`` None is until somebody ends it; ``by`` is who asked for it, ``reason`` what they said.
    """

    since: float
    until: float | None = None
    reason: str = ""
    by: str = ""

    def stands(self, now: float) -> bool:
        """Say whether it is in force at ``now``, in wall-clock seconds."""
        return self.until is None or now < self.until
