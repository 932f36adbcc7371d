"""What the configuration declares, with every default filled in."""

from dataclasses import dataclass
from enum import StrEnum

from lvsmon.model.table import DestinationKey, DestinationSettings, VirtualKey, VirtualSettings


@dataclass(frozen=True, slots=True)
class RealServer:
    """A host that serves; one word. Declared once, used by many virtual services."""

    name: str
    address: str


class OnFailure(StrEnum):
    """What happens in the kernel to a destination that is DOWN."""

    QUIESCE = "quiesce"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A realserver within one virtual service. ``probes`` names runs in the plan; all must pass.

    ``settings.weight`` is the weight while it is healthy.
    """

    realserver: RealServer
    key: DestinationKey
    settings: DestinationSettings
    on_failure: OnFailure = OnFailure.QUIESCE
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualService:
    """A virtual service as wished for; ``sorry`` serves while no destination does."""

    name: str
    key: VirtualKey
    settings: VirtualSettings
    destinations: tuple[Destination, ...]
    hostname: str | None = None
    sorry: Destination | None = None
