"""What an operator wishes for a destination, beside its health."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class WishKind(StrEnum):
    """DISABLE: weight 0. DRAIN: weight 0, and then out of the table where ``remove`` is set. WEIGHT: another weight in
    place of the configured one.
    """

    DISABLE = "disable"
    DRAIN = "drain"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One wish. It stands until it is cleared by its name or its time is over; several on one destination all count.

    ``virtual`` None is every virtual service of the realserver. ``since``, ``until`` and ``deadline`` are wall-clock
    seconds, for an operator writes dates; ``weight`` is of WEIGHT only, ``remove`` and ``deadline`` of DRAIN only: at
    the deadline nobody waits any longer, and what is to be removed is, whatever connections it has (trap 5).
    """

    name: str
    """The reason under which it stands and is cleared: ``operator``, ``kernel-update``, a maintenance window's name."""

    kind: WishKind
    realserver: str
    virtual: str | None = None
    weight: int | None = None
    comment: str = ""
    by: str = ""
    since: float = 0.0
    until: float | None = None
    remove: bool = False
    deadline: float | None = None

    @property
    def identity(self) -> tuple[str, str, str, bool]:
        """Another wish that has the same takes its place; a weight stands beside a wish of another kind."""
        return self.realserver, self.virtual or "", self.name, self.kind is WishKind.WEIGHT

    @property
    def holds_out(self) -> bool:
        """Whether nothing new is to come while it stands."""
        return self.kind is not WishKind.WEIGHT or self.weight == 0

    def concerns(self, virtual: str, realserver: str) -> bool:
        return self.realserver == realserver and self.virtual in (None, virtual)

    def stands(self, now: float) -> bool:
        """Say whether it is in force at ``now``, in wall-clock seconds."""
        return self.until is None or now < self.until


def standing(wishes: Iterable[Wish], now: float) -> tuple[Wish, ...]:
    """Return the wishes that are in force at ``now``, in wall-clock seconds."""
    return tuple(wish for wish in wishes if wish.stands(now))
