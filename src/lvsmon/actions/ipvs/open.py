"""The three ways to an IPVS table, each loaded only when it is wanted."""

from importlib import import_module
from typing import Final

from lvsmon.actions.ipvs.base import Ipvs

BACKENDS: Final = {
    "netlink": "lvsmon.actions.ipvs.netlink:NetlinkIpvs",
    "pyroute2": "lvsmon.actions.ipvs.pyroute2_backend:Pyroute2Ipvs",
    "memory": "lvsmon.actions.ipvs.memory:MemoryIpvs",
}


def open_ipvs(backend: str) -> Ipvs:
    """Return the IPVS table that ``backend`` names; raise ValueError if there is none of that name.

    Nothing is asked of the kernel yet: the first call does, and raises `IpvsUnavailable` where there is no IPVS. So a
    daemon may start before the module is loaded.
    """
    if backend not in BACKENDS:
        raise ValueError(f"there is no IPVS backend {backend!r}: write one of {', '.join(BACKENDS)}")
    module, _, name = BACKENDS[backend].partition(":")
    opened: Ipvs = getattr(import_module(module), name)()
    return opened
