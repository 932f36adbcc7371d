"""A redirect that tells clients of the VIP to go where only the realserver knows the way: to its own address or name,
to its own port, or back to plain HTTP.

The web server or the application made the Location of what it knows of itself, instead of what the client asked for.
A relative one, the clients' own name at the clients' own port, and another site altogether are no leak.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from lvsmon.model import Target

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Seen:
    """What clients of the VIP use: scheme, the host names and addresses, and the port."""

    scheme: str
    names: frozenset[str]
    port: int


def seen_by_clients(target: Target, scheme: str, host: str | None) -> Seen:
    """Return what clients use; ``host`` is the Host header where that is set, and then it alone is it."""
    if host is not None:
        try:
            parts = urlsplit(f"//{host}")
            return Seen(scheme, frozenset({_plain(parts.hostname or "")}), parts.port or _PORTS[scheme])
        except ValueError:  # a Host that is no host has no clients
            return Seen(scheme, frozenset(), _PORTS[scheme])
    name = target.hostname or target.vip or target.address
    return Seen(scheme, frozenset({_plain(name)}), target.vport or target.port)


def leak(location: bytes, seen: Seen, target: Target) -> str | None:
    """Return what the Location gives away, as the end of a sentence; None where it gives away nothing."""
    try:
        # Browsers take a backslash for a slash here (WHATWG URL, section 4.4).
        parts = urlsplit(location.decode("utf-8", "replace").strip().replace("\\", "/"))
        scheme = parts.scheme or seen.scheme
        host = _plain(parts.hostname or "")
        if scheme not in _PORTS or not host:
            return None
        port = parts.port if parts.port is not None else _PORTS[scheme]
    except ValueError:
        return "which is no URL"
    if host in seen.names:
        return _within_the_site(scheme, port, seen, target)
    if host == _plain(target.address):
        return "which is the realserver's own address"
    if target.realserver is not None and _is_name_of(host, _plain(target.realserver)):
        return "which is the realserver's own name"
    if _is_here(host):
        return "which every client takes for itself"
    return None


def _within_the_site(scheme: str, port: int, seen: Seen, target: Target) -> str | None:
    if seen.scheme == "https" and scheme == "http":
        return "which is http, clients used https"
    if port == (seen.port if scheme == seen.scheme else _PORTS[scheme]):
        return None
    whose = "the realserver's own port" if port == target.port else "another port"
    return f"which is {whose}, clients used {seen.port}"


def _is_name_of(host: str, name: str) -> bool:
    """Say whether ``host`` is the realserver called ``name`` in the configuration, with or without its domain."""
    return (
        host == name
        or ("." not in name and host.startswith(f"{name}."))
        or ("." not in host and name.startswith(f"{host}.") and not _is_address(name))
    )


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".localdomain")):
        return True
    return _is_address(host) and (ip_address(host).is_loopback or ip_address(host).is_unspecified)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _plain(host: str) -> str:
    """Return a host in the one form that can be compared."""
    host = host.lower().rstrip(".")
    if not _is_address(host):
        return host
    address = ip_address(host)
    return str(getattr(address, "ipv4_mapped", None) or address)
