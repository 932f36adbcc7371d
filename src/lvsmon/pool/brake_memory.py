"""What the brake remembers."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Braking:
    """Times are of the situation's clock. ``since`` is None while the brake is off.

    ``fell`` is when each realserver that is failing began to; ``cut_off`` whether no self-test answered meanwhile;
    ``answered`` since when one does.
    """

    fell: Mapping[str, float] = field(default_factory=dict)
    since: float | None = None
    cut_off: bool = False
    answered: float | None = None
