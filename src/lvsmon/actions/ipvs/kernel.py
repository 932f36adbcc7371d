"""The kernel's own numbers for what the model names, and the form in which the kernel gives settings back.

Source: include/uapi/linux/ip_vs.h.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lvsmon.model import (
    DestinationSettings,
    Family,
    Forward,
    Protocol,
    Tunnel,
    TunnelType,
    VirtualKey,
    VirtualSettings,
)

FLAG_PERSISTENT: Final = 0x01
FLAG_ONE_PACKET: Final = 0x04

PROTOCOLS: Final[Mapping[Protocol, int]] = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}
FORWARDS: Final[Mapping[Forward, int]] = {Forward.MASQ: 0, Forward.LOCAL: 1, Forward.TUNNEL: 2, Forward.ROUTE: 3}
FORWARD_MASK: Final = 0x07
TUNNEL_TYPES: Final[Mapping[TunnelType, int]] = {TunnelType.IPIP: 0, TunnelType.GUE: 1, TunnelType.GRE: 2}
CHECKSUMS: Final[Mapping[str, int]] = {"none": 0, "full": 1, "remote": 2}
WHOLE_PREFIX: Final[Mapping[Family, int]] = {Family.INET: 32, Family.INET6: 128}
MAX_WEIGHT: Final = 2**31 - 1
"""The kernel keeps weights as a signed 32-bit number and answers ERANGE to more."""

_FLAGS: Final[Mapping[str, int]] = {
    "ops": FLAG_ONE_PACKET,
    "flag-1": 0x08,
    "flag-2": 0x10,
    "flag-3": 0x20,
    "sh-fallback": 0x08,
    "sh-port": 0x10,
    "mh-fallback": 0x08,
    "mh-port": 0x10,
}
_OWN_NAMES: Final[Mapping[str, Mapping[int, str]]] = {
    "sh": {0x08: "sh-fallback", 0x10: "sh-port"},
    "mh": {0x08: "mh-fallback", 0x10: "mh-port"},
}
_PLAIN_NAMES: Final[Mapping[int, str]] = {0x04: "ops", 0x08: "flag-1", 0x10: "flag-2", 0x20: "flag-3"}

_PROTOCOL_OF: Final = {number: protocol for protocol, number in PROTOCOLS.items()}
_FORWARD_OF: Final = {number: forward for forward, number in FORWARDS.items()}
_TUNNEL_TYPE_OF: Final = {number: kind for kind, number in TUNNEL_TYPES.items()}
_CHECKSUM_OF: Final = {number: name for name, number in CHECKSUMS.items()}


def flag_bits(settings: VirtualSettings) -> int:
    """Return the kernel's flag word, persistence included; raise ValueError on a flag that is none."""
    bits = FLAG_PERSISTENT if settings.persistence else 0
    for name in settings.flags:
        if name not in _FLAGS:
            raise ValueError(f"{name!r} is no scheduler flag: write one of {', '.join(sorted(_FLAGS))}")
        bits |= _FLAGS[name]
    return bits


def flag_names(bits: int, scheduler: str) -> frozenset[str]:
    """Return the names that ipvsadm has for ``bits`` under ``scheduler``; bits without a name are left out."""
    own = _OWN_NAMES.get(scheduler, {})
    return frozenset(own.get(bit, name) for bit, name in _PLAIN_NAMES.items() if bits & bit)


def protocol_of(number: int) -> Protocol | None:
    """Return None for a number that IPVS keeps but never balances."""
    return _PROTOCOL_OF.get(number)


def forward_of(number: int) -> Forward:
    """Return the forwarding method of a connection flag word; what ipvsadm has no name for is OTHER."""
    return _FORWARD_OF.get(number & FORWARD_MASK, Forward.OTHER)


def tunnel_of(kind: int, port: int, flags: int) -> Tunnel:
    """Return the tunnel of the kernel's three numbers; of an unknown type or flag, what it does: IPIP, none."""
    return _canonical_tunnel(
        Tunnel(_TUNNEL_TYPE_OF.get(kind, TunnelType.IPIP), port, _CHECKSUM_OF.get(flags & 3, "none"))
    )


def canonical(key: VirtualKey, settings: VirtualSettings) -> VirtualSettings:
    """Return ``settings`` in the one form in which the kernel would give them back.

    Flags get their scheduler's own names; a netmask means nothing without persistence; the whole address is None.
    """
    bits = flag_bits(settings)
    prefix = settings.prefix if settings.persistence and settings.prefix != WHOLE_PREFIX[key.family] else None
    return replace(
        settings, flags=flag_names(bits, settings.scheduler), prefix=prefix, pe_name=settings.pe_name or None
    )


def canonical_destination(settings: DestinationSettings) -> DestinationSettings:
    """Return ``settings`` in the one form in which the kernel would give them back: a tunnel only where it tunnels."""
    if settings.forward is not Forward.TUNNEL:
        return settings if settings.tunnel is None else replace(settings, tunnel=None)
    return replace(settings, tunnel=_canonical_tunnel(settings.tunnel or Tunnel()))


def _canonical_tunnel(tunnel: Tunnel) -> Tunnel:
    port = tunnel.port if tunnel.type is TunnelType.GUE else 0
    checksum = "none" if tunnel.type is TunnelType.IPIP else tunnel.checksum
    return Tunnel(tunnel.type, port, checksum)
