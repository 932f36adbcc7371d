"""Hypothesis: small tables in which everything collides with everything."""

from hypothesis import strategies as st

from lvsmon.actions.ipvs.owned import Owned
from lvsmon.model import (
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Protocol,
    Tunnel,
    TunnelType,
    VirtualEntry,
    VirtualKey,
    VirtualSettings,
)

VIRTUALS = [
    VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 443),
    VirtualKey.of_address(Protocol.UDP, "192.0.2.10", 443),
    VirtualKey.of_fwmark(7, Family.INET),
]
VIRTUALS_6 = [VirtualKey.of_fwmark(7, Family.INET6), VirtualKey.of_address(Protocol.TCP, "2001:db8::10", 443)]
RIPS = {
    Family.INET: [DestinationKey(f"10.1.0.{number}", port) for number in (11, 12) for port in (0, 443)],
    Family.INET6: [DestinationKey(f"fd00::{number}", 443) for number in (11, 12, 13)],
}

keys = st.sampled_from(VIRTUALS + VIRTUALS_6)

virtual_settings = st.builds(
    VirtualSettings,
    scheduler=st.sampled_from(["rr", "wlc", "sh"]),
    flags=st.frozensets(st.sampled_from(["flag-1", "sh-fallback", "ops"])),
    persistence=st.sampled_from([0, 300]),
    prefix=st.sampled_from([None, 24, 32]),
    pe_name=st.sampled_from([None, "", "sip"]),
)

tunnels = st.none() | st.builds(
    Tunnel, st.sampled_from(TunnelType), st.sampled_from([1, 6080]), st.sampled_from(["none", "full", "remote"])
)

destination_settings = st.builds(
    DestinationSettings,
    weight=st.sampled_from([0, 0, 1, 3]),
    forward=st.sampled_from([Forward.MASQ, Forward.ROUTE, Forward.TUNNEL]),
    upper_threshold=st.sampled_from([0, 10]),
    lower_threshold=st.just(0),
    tunnel=tunnels,
)


@st.composite
def tables(draw):
    """A table that the kernel would take."""
    table = {}
    for key in draw(st.lists(keys, unique=True)):
        found = st.dictionaries(
            st.sampled_from(RIPS[key.family]), st.builds(DestinationEntry, destination_settings), max_size=4
        )
        table[key] = VirtualEntry(draw(virtual_settings), draw(found))
    return table


@st.composite
def owned(draw):
    """Some of everything there can be."""
    picked = draw(st.lists(keys, unique=True))
    return Owned({key: draw(st.frozensets(st.sampled_from(RIPS[key.family]))) for key in picked})
