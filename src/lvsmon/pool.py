"""The desired IPVS table, from the configuration, the health of each destination and what the kernel has now. Pure.

| health | quiesce | remove |
| --- | --- | --- |
| UP, WARN | configured weight | configured weight |
| DOWN | weight 0 | absent |
| UNKNOWN, in the kernel | its present weight, kept | its present weight, kept |
| UNKNOWN, not in the kernel | weight 0 | absent |

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
)


def desired(
    virtuals: Iterable[VirtualService],
    health_of: Callable[[Destination], Health],
    observed: Table,
) -> dict[VirtualKey, VirtualEntry]:
    """Return the table as it should be: the virtual services of the configuration and nothing else."""
    return {virtual.key: _entry(virtual, health_of, observed.get(virtual.key)) for virtual in virtuals}


def _entry(
    virtual: VirtualService, health_of: Callable[[Destination], Health], seen: VirtualEntry | None
) -> VirtualEntry:
    destinations: dict[DestinationKey, DestinationEntry] = {}
    for destination in virtual.destinations:
        present = seen.destinations.get(destination.key) if seen else None
        weight = _weight(destination, health_of(destination), present)
        if weight is not None:
            destinations[destination.key] = DestinationEntry(replace(destination.settings, weight=weight))
    serving = any(entry.settings.weight > 0 for entry in destinations.values())
    if virtual.sorry is not None and not serving:
        destinations[virtual.sorry.key] = DestinationEntry(virtual.sorry.settings)
    return VirtualEntry(virtual.settings, destinations)


def _weight(destination: Destination, health: Health, present: DestinationEntry | None) -> int | None:
    """Return the weight that ``destination`` should have, None for absent."""
    if health.serves:
        return destination.settings.weight
    if health is Health.UNKNOWN and present is not None:
        return present.settings.weight
    return 0 if destination.on_failure is OnFailure.QUIESCE else None
