"""The IPVS table as values: what we desire and what the kernel shows have the same types.

The names follow include/uapi/linux/ip_vs.h of the kernel; addresses are text in the canonical form of
`ipaddress`, ports and weights plain numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import ip_address
from typing import TypeAlias


class Family(IntEnum):
    """Address family, with the kernel's numbers."""

    INET = 2
    INET6 = 10

    @classmethod
    def of(cls, address: str) -> "Family":
        return cls.INET6 if ":" in address else cls.INET


class Protocol(StrEnum):
    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class Forward(StrEnum):
    """Forwarding method.

    LOCAL and OTHER are only ever observed: LOCAL is how a kernel may show an address of its own, OTHER is a number
    without a name, which the kernel takes unchecked.
    """

    MASQ = "masq"
    ROUTE = "route"
    TUNNEL = "tunnel"
    LOCAL = "local"
    OTHER = "other"


class TunnelType(StrEnum):
    IPIP = "ipip"
    GUE = "gue"
    GRE = "gre"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """How tunnelled packets are wrapped; `port` is of GUE only; checksum is "none", "full" or "remote"."""

    type: TunnelType = TunnelType.IPIP
    port: int = 0
    checksum: str = "none"


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """Identity of a virtual service: protocol + VIP:port, or fwmark + family (trap 10).

    Sorts by family, fwmarks first.
    """

    family: Family
    protocol: Protocol | None = None
    address: str = ""
    port: int = 0
    fwmark: int = 0

    @classmethod
    def of_address(cls, protocol: Protocol, address: str, port: int) -> "VirtualKey":
        """Raise ValueError if ``address`` is no IP address."""
        text = str(ip_address(address))
        return cls(family=Family.of(text), protocol=protocol, address=text, port=port)

    @classmethod
    def of_fwmark(cls, fwmark: int, family: Family) -> "VirtualKey":
        return cls(family=family, fwmark=fwmark)

    def __lt__(self, other: "VirtualKey") -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[int, str, str, int, int]:
        return self.family, self.protocol or "", self.address, self.port, self.fwmark

    def __str__(self) -> str:
        if self.fwmark:
            return f"fwmark {self.fwmark}" + (" inet6" if self.family is Family.INET6 else "")
        host = f"[{self.address}]" if self.family is Family.INET6 else self.address
        return f"{host}:{self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class VirtualSettings:
    """What the kernel keeps of a virtual service besides its destinations.

    ``persistence`` is in seconds, 0 is off; ``prefix`` is the length of the persistence netmask, None the whole
    address; ``flags`` are ipvsadm's names (``sh-fallback``, ``sh-port``, ``mh-fallback``, ``mh-port``,
    ``flag-1``..``flag-3``) and ``ops`` (one-packet scheduling).
    """

    scheduler: str = "wlc"
    flags: frozenset[str] = frozenset()
    persistence: int = 0
    prefix: int | None = None
    pe_name: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class DestinationKey:
    """Identity of a destination within its virtual service, as the kernel keys it (trap 9)."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """What the kernel keeps of a destination; thresholds in connections, 0 is none."""

    weight: int = 1
    forward: Forward = Forward.MASQ
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel: Tunnel | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """Statistics as the kernel keeps them: totals since creation and rates per second (it refreshes every 2 s)."""

    connections: int = 0
    in_packets: int = 0
    out_packets: int = 0
    in_bytes: int = 0
    out_bytes: int = 0
    connection_rate: int = 0
    in_packet_rate: int = 0
    out_packet_rate: int = 0
    in_byte_rate: int = 0
    out_byte_rate: int = 0


@dataclass(frozen=True, slots=True)
class DestinationEntry:
    """One destination; connection counts and counters are None in a desired table."""

    settings: DestinationSettings
    active: int | None = None
    inactive: int | None = None
    persistent: int | None = None
    counters: Counters | None = None


@dataclass(frozen=True, slots=True)
class VirtualEntry:
    settings: VirtualSettings
    destinations: Mapping[DestinationKey, DestinationEntry]
    counters: Counters | None = None


Table: TypeAlias = Mapping[VirtualKey, VirtualEntry]
