"""A plan made of the kernel's own table, for a director on which nothing is configured.

Each destination is probed by what its port suggests. This never leads to a write: the plan holds no wish, only what is.
"""

from collections.abc import Mapping
from typing import Final

from lvsmon.config.plan import Plan
from lvsmon.model import (
    Damping,
    Destination,
    DestinationKey,
    Forward,
    Protocol,
    RealServer,
    Table,
    VirtualKey,
    VirtualService,
)
from lvsmon.probes import load
from lvsmon.probes.base import Probe, ProbeSpec, aim

_SUGGESTED: Final[Mapping[int, str]] = {
    21: "ftp",
    22: "ssh",
    23: "telnet",
    24: "lmtp",
    25: "smtp",
    53: "dns",
    80: "http",
    110: "pop3",
    111: "rpc",
    113: "identd",
    119: "nntp",
    143: "imap",
    322: "rtsp",
    389: "ldap",
    443: "https",
    465: "submission",
    554: "rtsp",
    563: "nntp",
    587: "submission",
    636: "ldap",
    853: "tls",
    990: "ftp",
    993: "imap",
    995: "pop3",
    2049: "nfs",
    3128: "proxy",
    3268: "ldap",
    3269: "ldap",
    3306: "mysql",
    5060: "sip",
    5061: "sip",
    5432: "pgsql",
    6379: "redis",
    8009: "ajp",
    8080: "http",
    8443: "https",
    8554: "rtsp",
    9000: "fastcgi",
    11211: "memcached",
}
_IN_TLS: Final = frozenset({322, 465, 563, 636, 990, 993, 995, 3269, 5061})
"""Ports on which TLS is spoken from the start; on the others it is not asked for, since not every site has it."""

_OTHERWISE: Final = "tcp"
_SUGGESTED_UDP: Final[Mapping[int, str]] = {53: "dns", 111: "rpc", 123: "ntp", 2049: "nfs", 5060: "sip"}
_ANSWERS: Final = (200, 499)
"""Statuses of HTTP and its kin that pass: without the name and the path that clients use, "not found" is an answer."""

_TIMEOUT: Final = 3.0  # seconds; a person is waiting
_AT_ONCE: Final = Damping(rise=1, fall=1)  # one look decides: there are no counters


def discovered(table: Table) -> tuple[Plan, dict[tuple[VirtualKey, str], str]]:
    """Return the plan, and why destinations without a probe have none."""
    probes: dict[str, ProbeSpec] = {}
    unprobed: dict[tuple[VirtualKey, str], str] = {}
    virtuals = []
    for key, entry in sorted(table.items()):
        destinations = []
        for to, seen in sorted(entry.destinations.items()):
            port = key.port if seen.settings.forward in _PORT_OF_VIP else to.port
            reason = _no_way(key, to, port)
            names: tuple[str, ...] = ()
            if reason:
                unprobed[key, str(to)] = reason
            else:
                spec = _probe(to, port, key)
                probes[spec.id] = spec
                names = (spec.id,)
            realserver = RealServer(name=to.address, address=to.address)
            destinations.append(Destination(realserver=realserver, key=to, settings=seen.settings, probes=names))
        virtuals.append(
            VirtualService(name=str(key), key=key, settings=entry.settings, destinations=tuple(destinations))
        )
    return Plan(virtuals=tuple(virtuals), probes=probes), unprobed


_PORT_OF_VIP: Final = frozenset({Forward.ROUTE, Forward.TUNNEL})
"""Forwarding methods that leave packets as they are: the realserver sees the port of the VIP, whatever is written."""


_SECRETIVE: Final = frozenset({1812, 1813})
"""UDP ports of servers (RADIUS) that say nothing to whom does not know their secret."""


def _no_way(key: VirtualKey, to: DestinationKey, port: int) -> str:
    """Return why nothing can be told of a destination without a configuration, "" if something can."""
    if key.protocol is None:
        return "a fwmark says nothing of the protocol: configure a probe to know"
    if key.protocol is Protocol.UDP and port in _SECRETIVE:
        return "a RADIUS server answers only who knows its secret: configure a probe of kind radius to know"
    if key.protocol is not Protocol.TCP and not (key.protocol is Protocol.UDP and port in _SUGGESTED_UDP):
        return f"a port of {key.protocol} cannot be probed without knowing its protocol: configure a probe to know"
    if not key.port and not to.port:
        return "the virtual service takes every port: configure a probe to know"
    return ""


def _probe(to: DestinationKey, port: int, virtual: VirtualKey) -> ProbeSpec:
    over_udp = virtual.protocol is Protocol.UDP
    probe = _suggested(port, over_udp=over_udp)
    target = aim(probe, to.address, port, vip=virtual.address, vport=virtual.port)
    seen_from = "" if target.vip is None else f" for {virtual}"
    return ProbeSpec(
        id=f"{probe.kind} {target}{'/udp' if over_udp else ''}{seen_from}",
        probe=probe,
        target=target,
        interval=_TIMEOUT,
        timeout=_TIMEOUT,
        damping=_AT_ONCE,
    )


def _suggested(port: int, *, over_udp: bool) -> Probe:
    kind = _SUGGESTED_UDP[port] if over_udp else _SUGGESTED.get(port, _OTHERWISE)
    settings: dict[str, object] = {}
    if kind == "dns":
        settings |= {"name": ".", "type": "NS", "rcode": "ANY", "over": "udp" if over_udp else "tcp"}
    if kind in {"http", "https", "rtsp"}:
        from lvsmon.probes.statuses import Statuses  # noqa: PLC0415  loaded where it is used

        settings["status"] = Statuses((_ANSWERS,))
    if kind in {"http", "https"}:
        settings["location_leak"] = "warn"  # where a redirect may lead, the name that clients use would tell
    if kind == "sip":
        from lvsmon.probes.statuses import FinalStatuses  # noqa: PLC0415  loaded where it is used

        settings |= {"over": "udp" if over_udp else "tcp", "status": FinalStatuses((_ANSWERS,))}
    if kind == "submission":
        settings |= {"tls": "none", "auth": ()}
    if port in _IN_TLS:
        settings["tls"] = "implicit"
    if kind in {"https", "tls"} or port in _IN_TLS:
        settings["tls_verify"] = False  # without the name that clients use, no certificate can be judged
    if kind == "ftp":
        # Nobody may be let in who is not known, and the director may have a firewall: neither says anything is down.
        settings |= {"login": "optional", "modes": ("passive",)}
    if kind == "ssh":
        settings["mode"] = "banner"  # which keys and algorithms do, clients and a configuration know
    if kind in {"ldap", "memcached"}:
        settings["login"] = "optional"  # nobody has told us a user
    if kind == "proxy":
        settings["any_answer"] = True  # nobody has told us what it may fetch
    if kind in {"nfs", "rpc"}:
        settings["over"] = "udp" if over_udp else "tcp"
    if kind == "rpc":
        settings |= {"program": "portmapper", "portmapper": False}
    if kind == "redis":
        settings |= {"login": "optional", "link": "warn"}
    return load(kind)(**settings)
