"""What a destination that comes and goes has against it."""

import math
from dataclasses import dataclass

from lvsmon.model import Flap, Health


@dataclass(frozen=True, slots=True)
class Penalty:
    """The penalty as it was at ``at``, in seconds of the situation's clock; ``held`` while it is what keeps it DOWN."""

    value: float
    at: float
    health: Health
    held: bool = False

    def now(self, flap: Flap, now: float) -> float:
        """Return what is left of it at ``now``."""
        return self.value * math.exp2(-(now - self.at) / flap.half_life)
