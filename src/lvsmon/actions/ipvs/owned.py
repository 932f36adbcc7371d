"""What lvsmon answers for in the kernel's table, and its form on disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, TypeAlias

from lvsmon.model import DestinationKey, Family, Manage, Protocol, Table, VirtualKey, VirtualService

Entries: TypeAlias = Mapping[VirtualKey, frozenset[DestinationKey]]

_PROTOCOLS: Final = {str(protocol): protocol for protocol in Protocol}
_MAX_PORT: Final = 65535
_MAX_FWMARK: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Owned:
    """The virtual services that lvsmon manages, and in each the destinations.

    Only what stands here is ever deleted. What the configuration names is managed from its first reconcile on, also
    where it was in the kernel before; it stays managed until it is neither wished for nor there.
    """

    entries: Entries = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table) -> "Owned":
        return cls({key: frozenset(entry.destinations) for key, entry in table.items()})

    def including(self, virtuals: Iterable[VirtualService]) -> "Owned":
        """Add all that the configuration names, sorry servers too: so that a destination which is DOWN is removed
        even by an lvsmon that has just started and has never seen it serve.

        A virtual service of which only weights are managed, or nothing, is not ours to delete: it is taken out.
        """
        merged = dict(self.entries)
        for virtual in virtuals:
            if virtual.manage is not Manage.FULL:
                merged.pop(virtual.key, None)
                continue
            named = {destination.key for destination in virtual.destinations}
            if virtual.sorry is not None:
                named.add(virtual.sorry.key)
            merged[virtual.key] = merged.get(virtual.key, frozenset()) | named
        return Owned(merged)

    def after(self, desired: Table, observed: Table) -> "Owned":
        """Return what is owned once ``desired`` was reconciled and ``observed`` is the table that came of it."""
        kept: dict[VirtualKey, frozenset[DestinationKey]] = {}
        for key in self.entries:
            there = observed[key].destinations if key in observed else {}
            wished = frozenset(desired[key].destinations) if key in desired else frozenset()
            destinations = wished | (self.entries.get(key, frozenset()) & there.keys())
            if key in desired or key in observed:
                kept[key] = destinations
        return Owned(kept)

    def has(self, virtual: VirtualKey, destination: DestinationKey | None = None) -> bool:
        destinations = self.entries.get(virtual)
        return destinations is not None and (destination is None or destination in destinations)

    def to_json(self) -> dict[str, list[str]]:
        """Return plain text keys, sorted: ``{"192.0.2.10:443/tcp": ["10.1.0.11:443"], "fwmark 5 inet6": []}``."""
        return {str(key): [str(to) for to in sorted(self.entries[key])] for key in sorted(self.entries)}

    @classmethod
    def from_json(cls, data: object) -> "Owned":
        """Read what `to_json` wrote; raise ValueError that names the text which cannot be read."""
        if not isinstance(data, dict):
            raise ValueError(f"owned entries are a table of virtual services, not {data!r}")  # noqa: TRY004
        entries: dict[VirtualKey, frozenset[DestinationKey]] = {}
        for key, destinations in data.items():
            if not isinstance(destinations, list):
                raise ValueError(f"{key!r} wants a list of destinations, not {destinations!r}")  # noqa: TRY004
            entries[parse_virtual(key)] = frozenset(parse_destination(text) for text in destinations)
        return cls(entries)


def parse_virtual(text: object) -> VirtualKey:
    """Read ``str(VirtualKey)`` back; raise ValueError saying what to write."""
    wanted = f'write a virtual service as "192.0.2.10:443/tcp", "[2001:db8::1]:53/udp" or "fwmark 5", not {text!r}'
    words = text.split(" ") if isinstance(text, str) else []
    if words[:1] == ["fwmark"] and len(words) in (2, 3) and words[2:] in ([], ["inet6"]):
        fwmark = _number(words[1], _MAX_FWMARK, wanted)
        return VirtualKey.of_fwmark(fwmark, Family.INET6 if words[2:] else Family.INET)
    endpoint, _, protocol = words[0].partition("/") if len(words) == 1 else ("", "", "")
    if protocol not in _PROTOCOLS:
        raise ValueError(wanted)
    address, port = _endpoint(endpoint, wanted)
    return VirtualKey.of_address(_PROTOCOLS[protocol], address, port)


def parse_destination(text: object) -> DestinationKey:
    """Read ``str(DestinationKey)`` back; raise ValueError saying what to write."""
    wanted = f'write a destination as "10.1.0.11:443" or "[fd00::11]:443", not {text!r}'
    if not isinstance(text, str):
        raise ValueError(wanted)  # noqa: TRY004
    return DestinationKey(*_endpoint(text, wanted))


def _endpoint(text: str, wanted: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ValueError(wanted) from None
    if bracketed is not (address.version == 6):
        raise ValueError(wanted)
    return str(address), _number(port, _MAX_PORT, wanted)


def _number(text: str, highest: int, wanted: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > highest:
        raise ValueError(wanted)
    return int(text)
