"""The desired IPVS table, from the configuration, the health of each destination and what the kernel has now. Pure.

| health | quiesce | remove |
| --- | --- | --- |
| UP, WARN | configured weight, or the smallest that its probes ask for | the same |
| DOWN | weight 0 | absent |
| UNKNOWN, in the kernel | its present weight, kept | its present weight, kept |
| UNKNOWN, not in the kernel | weight 0 | absent |

A weight that is asked for is worked out of the configured one each time, never of the present one: so nothing adds up.

A sorry server is in while no destination has a weight above 0, and out as soon as one has.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from lvsmon.model import (
    Destination,
    DestinationEntry,
    DestinationKey,
    Health,
    OnFailure,
    Table,
    VirtualEntry,
    VirtualKey,
    VirtualService,
    Weight,
)


def _nothing_asked(destination: Destination) -> Iterable[Weight]:  # noqa: ARG001
    return ()


def desired(
    virtuals: Iterable[VirtualService],
    health_of: Callable[[Destination], Health],
    observed: Table,
    weights_of: Callable[[Destination], Iterable[Weight]] = _nothing_asked,
) -> dict[VirtualKey, VirtualEntry]:
    """Return the table as it should be: the virtual services of the configuration and nothing else.

    ``weights_of`` tells the weights that a destination's probes ask for.
    """

    def wanted(destination: Destination, present: DestinationEntry | None) -> int | None:
        return _weight(destination, health_of(destination), present, weights_of(destination))

    return {virtual.key: _entry(virtual, wanted, observed.get(virtual.key)) for virtual in virtuals}


def _entry(
    virtual: VirtualService,
    wanted: Callable[[Destination, DestinationEntry | None], int | None],
    seen: VirtualEntry | None,
) -> VirtualEntry:
    destinations: dict[DestinationKey, DestinationEntry] = {}
    for destination in virtual.destinations:
        present = seen.destinations.get(destination.key) if seen else None
        weight = wanted(destination, present)
        if weight is not None:
            destinations[destination.key] = DestinationEntry(replace(destination.settings, weight=weight))
    serving = any(entry.settings.weight > 0 for entry in destinations.values())
    if virtual.sorry is not None and not serving:
        destinations[virtual.sorry.key] = DestinationEntry(virtual.sorry.settings)
    return VirtualEntry(virtual.settings, destinations)


def _weight(
    destination: Destination, health: Health, present: DestinationEntry | None, asked: Iterable[Weight]
) -> int | None:
    """Return the weight that ``destination`` should have, None for absent."""
    if health.serves:
        configured = destination.settings.weight
        return min((weight.of(configured) for weight in asked), default=configured)
    if health is Health.UNKNOWN and present is not None:
        return present.settings.weight
    return 0 if destination.on_failure is OnFailure.QUIESCE else None
