"""Rules of one destination: its identity in the kernel, forwarding, thresholds, tunnel."""

from lvsmon.config.cascade import Layer, Level, Setting
from lvsmon.config.complaints import Complaints, Where
from lvsmon.config.schema import TunnelSection
from lvsmon.model import (
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Protocol,
    Tunnel,
    TunnelType,
    VirtualKey,
)
from lvsmon.model.settings import shown


def key_of(
    virtual: VirtualKey, address: str, settings: Layer, where: Where, complaints: Complaints
) -> DestinationKey | None:
    """Return how the kernel will key the destination (trap 9); None after adding a complaint.

    Direct routing and tunnels leave the packet's port as it is, so their destinations have the port of the VIP, and
    with a fwmark none.
    """
    forward, port = settings["forward"].value, settings["port"]
    if virtual.fwmark:
        number = port.value if port.value is not None and port.level >= Level.VIRTUAL else 0
    else:
        number = port.value
    own = 0 if virtual.fwmark else virtual.port
    if forward != "masq" and number != own:
        keeps = "packets keep the port they came to" if virtual.fwmark else f"packets keep the VIP's port {own}"
        mend = "leave the port out" if virtual.fwmark else f"write port = {own} here"
        complaints.add(
            port.where if port.where and port.level is not Level.REALSERVER else where,
            f'port {number} cannot be: with forward = {shown(forward)} {keeps}; {mend}, or use forward = "masq"',
        )
        return None
    if number == 0 and own != 0:
        complaints.add(port.where or where, "port 0 is for a virtual service of all ports: write the realserver's port")
        return None
    if forward != "tunnel" and Family.of(address) is not virtual.family:
        complaints.add(
            where,
            f"{address} is {_spoken(Family.of(address))} and the virtual service {_spoken(virtual.family)}:"
            ' only forward = "tunnel" may mix them',
        )
        return None
    if not virtual.fwmark and (address, number) == (virtual.address, virtual.port):
        complaints.add(
            where, f"{address} port {number} is the virtual service itself: write the realserver's own address"
        )
        return None
    return DestinationKey(address, number)


def settings_of(settings: Layer, where: Where, complaints: Complaints) -> DestinationSettings:
    """Return what the kernel keeps of the destination."""
    upper, lower = settings["upper_threshold"], settings["lower_threshold"]
    if lower.value > upper.value:
        limit = (
            f"above the upper one {upper.value}: write a smaller one"
            if upper.value
            else "of no use alone: write upper_threshold too"
        )
        complaints.add(_nearer(lower, upper, where), f"the lower threshold {lower.value} is {limit}")
    return DestinationSettings(
        weight=settings["weight"].value,
        forward=Forward(settings["forward"].value),
        upper_threshold=upper.value,
        lower_threshold=lower.value,
        tunnel=_tunnel(settings, where, complaints),
    )


def _nearer(one: Setting, other: Setting, where: Where) -> Where:
    """Return the place of whichever setting stands nearer to the destination."""
    return (one if one.level >= other.level else other).where or where


def _tunnel(settings: Layer, where: Where, complaints: Complaints) -> Tunnel | None:
    forward, written = settings["forward"], settings["tunnel"]
    section: TunnelSection = written.value or TunnelSection()
    place = written.where or where
    if forward.value != "tunnel":
        if written.value is not None and written.level >= forward.level:
            complaints.add(
                place,
                f'works with forward = "tunnel" only, and here it is {shown(forward.value)}: leave one of them out',
            )
        return None
    if section.type == "gue" and section.port is None:
        complaints.add(place, 'type "gue" needs the UDP port its packets go to: write for example port = 6080')
    if section.type != "gue" and section.port is not None:
        complaints.add(place.at("port"), f'leave it out: type "{section.type}" has no port')
    if section.checksum == "remote" and section.type != "gue":
        complaints.add(place.at("checksum"), f'"remote" works with type "gue" only, not with "{section.type}"')
    if section.checksum == "full" and section.type == "ipip":
        complaints.add(place.at("checksum"), 'leave it out: type "ipip" has no checksum of its own')
    return Tunnel(type=TunnelType(section.type), port=section.port or 0, checksum=section.checksum)


def _spoken(family: Family) -> str:
    return "IPv6" if family is Family.INET6 else "IPv4"


def on_failure_of(virtual: VirtualKey, setting: Setting) -> str:
    """Return the reaction: built-in it is "remove" where connections have no end (trap 4)."""
    if setting.level is Level.BUILT_IN and virtual.protocol not in (Protocol.TCP, None):
        return "remove"
    return str(setting.value)
