"""``[vantage]``: where probes are sent from that go as the VIP's clients do."""

from pydantic import Field

from lvsmon.config.schema.base import Section
from lvsmon.config.values import Address, InterfaceName


class VantageSection(Section):
    """Where probes with vantage = "vip" are sent from; in the main file only."""

    interface: InterfaceName = Field(examples=["eth1"])
    """The director's interface in the realservers' network."""

    addresses: list[Address] = Field(min_length=1, max_length=2, examples=[["10.1.0.250"]])
    """Addresses there that nobody else has, another director neither: one of IPv4, one of IPv6, or both."""

    return_addresses: list[Address] = Field(default=[], max_length=2)
    """For "masq": addresses of no network, which realservers reach by their gateway only; one of each family."""
