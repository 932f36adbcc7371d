"""Rules of vantage = "vip": what must be known of a destination so that its probe can go as the clients' packets do."""

from dataclasses import dataclass, field

from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.kinds import Kind
from lvsmon.config.schema import VantageSection
from lvsmon.model import DestinationSettings, Family, Forward, Through, TunnelType, VirtualKey
from lvsmon.model.settings import shown

MISSING = (
    'vantage = "vip" needs to know where probes are sent from: write the section [vantage] in the main file, with'
    ' interface = "eth1", the director\'s in the realservers\' network, and addresses = ["10.1.0.250"], a free one'
)


@dataclass(frozen=True, slots=True)
class Vantage:
    """``[vantage]`` by address family."""

    interface: str
    sources: dict[Family, str] = field(default_factory=dict)
    backs: dict[Family, str] = field(default_factory=dict)

    @classmethod
    def of(cls, section: VantageSection, where: Where, complaints: Complaints) -> "Vantage":
        found = cls(section.interface)
        for key, into in (("addresses", found.sources), ("return_addresses", found.backs)):
            for number, address in enumerate(getattr(section, key)):
                family = Family.of(address)
                first = into.setdefault(family, address)
                if first is not address:
                    complaints.add(where.at(key, number), f"{first} is of {_spoken(family)} too: leave one of them out")
        return found

    def through(self, virtual: VirtualKey, address: str, settings: DestinationSettings, kind: Kind) -> Through:
        """Return the way to the realserver at ``address``; raise ValueError with what to write instead."""
        family, forward = Family.of(address), settings.forward
        if kind.only_rip:
            raise ValueError(f'kind {shown(kind.name)} cannot go through the VIP: write vantage = "rip" for this probe')
        if virtual.fwmark and forward is not Forward.MASQ:
            raise ValueError('a fwmark has no VIP to send a probe to: write vantage = "rip"')
        if forward is Forward.TUNNEL:
            kept = settings.tunnel
            if kept is not None and kept.type is not TunnelType.IPIP:
                raise ValueError(
                    f'a probe through a tunnel of type "{kept.type}" cannot be sent: write vantage = "rip"'
                )
            if Family.INET6 in (family, virtual.family):
                raise ValueError('a probe through a tunnel is sent by IPv4 only: write vantage = "rip"')
        if family not in self.sources:
            raise ValueError(f"{address} is {_spoken(family)}, and [vantage] has no address of that: write one there")
        back = self.backs.get(family)
        if forward is Forward.MASQ and back is None:
            raise ValueError(
                f'with forward = "masq" the way back is to be proven: write in [vantage] return_addresses ='
                f' ["{"fd00:ffff::2" if family is Family.INET6 else "198.18.0.2"}"], of no network that there is,'
                ' or vantage = "rip" here'
            )
        return Through(
            rip=address,
            forward=forward,
            interface=self.interface,
            source=self.sources[family],
            back=back if forward is Forward.MASQ else None,
        )


def _spoken(family: Family) -> str:
    return "IPv6" if family is Family.INET6 else "IPv4"
