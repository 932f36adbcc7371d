"""The embedded stand-in: an IPVS table in memory with the kernel's own rules and errnos.

For the demonstration, for tests, and for trying a configuration out. Every rule below was seen on a Linux 6.1 kernel;
`lvsmon.testing.ipvs_conformance` holds this stand-in and the kernel to the same answers. One rule people expect is not
there: the kernel takes a destination of forward = route on any port (and then ignores the port). It is ipvsadm that
writes the virtual service's port instead.
"""

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from lvsmon.actions.ipvs import failures
from lvsmon.actions.ipvs.base import (
    AddDestination,
    AddVirtual,
    Command,
    DeleteDestination,
    DeleteVirtual,
    EditDestination,
    EditVirtual,
    Info,
)
from lvsmon.actions.ipvs.kernel import MAX_WEIGHT, WHOLE_PREFIX, canonical, canonical_destination
from lvsmon.errors import IpvsError
from lvsmon.model import (
    Counters,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Table,
    TunnelType,
    VirtualEntry,
    VirtualKey,
    VirtualSettings,
)

SCHEDULERS: Final = frozenset(
    ["rr", "wrr", "lc", "wlc", "fo", "ovf", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "twos"]
)
_BROADCAST: Final = IPv4Address("255.255.255.255")


@dataclass(slots=True)
class _Refusal:
    errno: int
    matches: Callable[[Command], bool]
    left: int


class MemoryIpvs:
    """An `Ipvs` without a kernel.

    ``written`` holds the commands that were carried out. Tests make it fail: `refuse` answers commands with an errno,
    ``unavailable`` an errno for everything (None is none), ``torn`` names what the next dump misses, as a dump of the
    kernel may.
    """

    def __init__(self, table: Table | None = None, schedulers: Iterable[str] = SCHEDULERS) -> None:
        self._table: dict[VirtualKey, VirtualEntry] = dict(table or {})
        self._schedulers = frozenset(schedulers)
        self._refusals: list[_Refusal] = []
        self.written: list[Command] = []
        self.unavailable: int | None = None
        self.torn: set[VirtualKey | tuple[VirtualKey, DestinationKey]] = set()

    def refuse(self, number: int, matches: Callable[[Command], bool], times: int = 1) -> None:
        """Answer the next ``times`` commands that match with errno ``number``."""
        self._refusals.append(_Refusal(number, matches, times))

    def info(self) -> Info:
        self._reachable()
        return Info(version=(1, 2, 1), connection_table_size=4096)

    def dump(self, *, counters: bool = True) -> Table:
        self._reachable()
        torn, self.torn = self.torn, set()
        return {
            key: _shown(replace(entry, destinations=_without(key, entry, torn)), counters=counters)
            for key, entry in self._table.items()
            if key not in torn
        }

    def get(self, key: VirtualKey) -> VirtualEntry | None:
        self._reachable()
        entry = self._table.get(key)
        return None if entry is None else _shown(entry, counters=True)

    def apply(self, commands: Sequence[Command]) -> list[IpvsError | None]:
        self._reachable()
        return [self._one(command) for command in commands]

    def close(self) -> None:
        """Keep the table: the kernel does, too."""

    def _reachable(self) -> None:
        if self.unavailable is not None:
            raise failures.unavailable(self.unavailable)

    def _one(self, command: Command) -> IpvsError | None:
        number = self._refused(command) or self._carry_out(command)
        if number:
            return failures.refusal(number, command)
        self.written.append(command)
        return None

    def _refused(self, command: Command) -> int:
        for refusal in self._refusals:
            if refusal.left and refusal.matches(command):
                refusal.left -= 1
                return refusal.errno
        return 0

    def _carry_out(self, command: Command) -> int:
        match command:
            case AddVirtual(key, settings):
                if key in self._table:
                    return errno.EEXIST
                number = self._bad_virtual(key, settings)
                if not number:
                    self._table[key] = VirtualEntry(canonical(key, settings), {})
                return number
            case EditVirtual(key, settings):
                if key not in self._table:
                    return errno.ESRCH
                number = self._bad_virtual(key, settings)
                if not number:
                    self._table[key] = replace(self._table[key], settings=canonical(key, settings))
                return number
            case DeleteVirtual(key):
                return 0 if self._table.pop(key, None) is not None else errno.ESRCH
            case AddDestination(key, to, wanted) | EditDestination(key, to, wanted):
                return self._set_destination(key, to, wanted, new=isinstance(command, AddDestination))
            case DeleteDestination(key, to):
                return self._delete_destination(key, to)

    def _bad_virtual(self, key: VirtualKey, settings: VirtualSettings) -> int:
        if settings.scheduler not in self._schedulers or settings.pe_name not in (None, "", "sip"):
            return errno.ENOENT
        prefix = WHOLE_PREFIX[key.family] if settings.prefix is None else settings.prefix
        return errno.EINVAL if key.family is Family.INET6 and not 1 <= prefix <= 128 else 0

    def _set_destination(self, key: VirtualKey, to: DestinationKey, wanted: DestinationSettings, *, new: bool) -> int:
        if key not in self._table:
            return errno.ESRCH
        settings = canonical_destination(wanted)
        if Family.of(to.address) is not key.family and settings.forward is not Forward.TUNNEL:
            return errno.EINVAL
        if not 0 <= settings.weight <= MAX_WEIGHT or settings.lower_threshold > settings.upper_threshold:
            return errno.ERANGE
        tunnel = settings.tunnel
        if tunnel is not None and tunnel.type is TunnelType.GUE and not tunnel.port:
            return errno.EINVAL
        destinations = dict(self._table[key].destinations)
        if new is (to in destinations):
            return errno.EEXIST if new else errno.ENOENT
        if new and not _unicast(to.address):
            return errno.EINVAL
        destinations[to] = DestinationEntry(settings)
        self._table[key] = replace(self._table[key], destinations=destinations)
        return 0

    def _delete_destination(self, key: VirtualKey, to: DestinationKey) -> int:
        if key not in self._table:
            return errno.ESRCH
        destinations = dict(self._table[key].destinations)
        if to not in destinations:
            return errno.ENOENT
        del destinations[to]
        self._table[key] = replace(self._table[key], destinations=destinations)
        return 0


def _unicast(text: str) -> bool:
    """The kernel's test of a new destination: IPv6 unicast that is not link-local, IPv4 unicast."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        return not (address.is_multicast or address.is_unspecified or address.is_link_local or address.ipv4_mapped)
    return not (address.is_multicast or address.is_unspecified or address == _BROADCAST)


def _without(
    key: VirtualKey, entry: VirtualEntry, torn: set[VirtualKey | tuple[VirtualKey, DestinationKey]]
) -> dict[DestinationKey, DestinationEntry]:
    return {to: found for to, found in entry.destinations.items() if (key, to) not in torn}


def _shown(entry: VirtualEntry, *, counters: bool) -> VirtualEntry:
    """As the kernel shows it: no connections, ever."""
    none = Counters() if counters else None
    destinations = {
        to: DestinationEntry(found.settings, active=0, inactive=0, persistent=0, counters=none)
        for to, found in entry.destinations.items()
    }
    return VirtualEntry(entry.settings, destinations, none)
