"""The one protocol in which the IPVS table is read and written, and the commands it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from lvsmon.errors import IpvsError
from lvsmon.model import (
    DestinationKey,
    DestinationSettings,
    Table,
    VirtualEntry,
    VirtualKey,
    VirtualSettings,
)


@dataclass(frozen=True, slots=True)
class AddVirtual:
    key: VirtualKey
    settings: VirtualSettings


@dataclass(frozen=True, slots=True)
class EditVirtual:
    key: VirtualKey
    settings: VirtualSettings


@dataclass(frozen=True, slots=True)
class DeleteVirtual:
    """Only ever because the configuration dropped it, never as a reaction to health (trap 8)."""

    key: VirtualKey


@dataclass(frozen=True, slots=True)
class AddDestination:
    virtual: VirtualKey
    key: DestinationKey
    settings: DestinationSettings


@dataclass(frozen=True, slots=True)
class EditDestination:
    """The whole record each time: the kernel replaces every field (deps.md: a partial set turned masq into route)."""

    virtual: VirtualKey
    key: DestinationKey
    settings: DestinationSettings


@dataclass(frozen=True, slots=True)
class DeleteDestination:
    virtual: VirtualKey
    key: DestinationKey


Command: TypeAlias = AddVirtual | EditVirtual | DeleteVirtual | AddDestination | EditDestination | DeleteDestination


@dataclass(frozen=True, slots=True)
class Info:
    """What the kernel says of its IPVS: version as (major, minor, patch), connection table size in entries."""

    version: tuple[int, int, int]
    connection_table_size: int


class Ipvs(Protocol):
    """An IPVS table that can be read and changed. Blocking calls; one thread at a time.

    Every method may raise `IpvsUnavailable` (no module, no capability; the message says what to load or grant).
    """

    def info(self) -> Info: ...

    def dump(self, *, counters: bool = True) -> Table:
        """Read the whole table. Not atomic: believe something missing only after a second look (`get`)."""
        ...

    def get(self, key: VirtualKey) -> VirtualEntry | None:
        """Read one virtual service with its destinations; None if there is none."""
        ...

    def apply(self, commands: Sequence[Command]) -> list[IpvsError | None]:
        """Carry the commands out in order, each on its own; return None or the error of each, in the same order.

        A refused command stops no other. ENOENT, ESRCH and EEXIST mean that the table is not what it was thought to be:
        the caller looks again.
        """
        ...

    def close(self) -> None: ...
