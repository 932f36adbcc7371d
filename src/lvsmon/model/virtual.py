"""What the configuration declares, with every default filled in."""

from dataclasses import dataclass
from enum import StrEnum

from lvsmon.model.expression import Expression
from lvsmon.model.policy import NONE, ONE, ORDINARY, Amount, Manage, OnDrift, Policy
from lvsmon.model.table import DestinationKey, DestinationSettings, VirtualKey, VirtualSettings


@dataclass(frozen=True, slots=True)
class RealServer:
    """A host that serves; one word. Declared once, used by many virtual services."""

    name: str
    address: str
    tags: frozenset[str] = frozenset()


class OnFailure(StrEnum):
    """What happens in the kernel to a destination that is DOWN."""

    QUIESCE = "quiesce"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A realserver within one virtual service. ``probes`` names runs in the plan; `Policy.poll` says how they count.

    ``settings.weight`` is the weight while it is healthy.
    """

    realserver: RealServer
    key: DestinationKey
    settings: DestinationSettings
    on_failure: OnFailure = OnFailure.QUIESCE
    probes: tuple[str, ...] = ()
    policy: Policy = ORDINARY
    depends: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualService:
    """A virtual service as wished for.

    Below ``floor`` health is ignored: the best of the failing stay in. ``sorry`` serves while no destination does, or
    while less than ``sorry_below`` serves, and then until ``sorry_hysteresis`` more than that does.
    """

    name: str
    key: VirtualKey
    settings: VirtualSettings
    destinations: tuple[Destination, ...]
    hostname: str | None = None
    sorry: Destination | None = None
    floor: Amount = NONE
    sorry_below: Amount = ONE
    sorry_hysteresis: Amount = NONE
    tags: frozenset[str] = frozenset()
    manage: Manage = Manage.FULL
    on_drift: OnDrift = OnDrift.MEND
