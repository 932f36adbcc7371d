"""The way of a probe that goes where the packets of the VIP's clients go, but to one chosen realserver."""

from dataclasses import dataclass

from lvsmon.model.table import Forward


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """How a packet that a client sent to the VIP reaches the realserver at ``rip``, done without IPVS.

    ``forward`` says how: "route" hands the packet for the VIP to the realserver's own hardware address, "tunnel" wraps
    it, "masq" sends it to the realserver's address and port. It leaves by ``interface`` from ``source``, an address
    in the realservers' network that only probes have. With "masq" it comes from ``back``, an address that a
    realserver reaches through its gateway alone: an answer proves that this is the director.
    """

    rip: str
    forward: Forward
    interface: str
    source: str
    back: str | None = None
