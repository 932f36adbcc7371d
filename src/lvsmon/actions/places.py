"""Where a channel connects to: a host with or without a port, as one setting."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import Annotated, Final, TypeAlias

from lvsmon.model.settings import Written, shown

_LABEL: Final = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
_MAX_NAME: Final = 253
"""Characters of a host name (RFC 1035 section 2.3.4)."""

_WRITE: Final = 'write a host name or an address, with a port or without: "mail.example.org:587", "[2001:db8::1]:25"'


@dataclass(frozen=True, slots=True)
class Place:
    """A host, by name or address, and a port where one was given."""

    host: str
    port: int | None = None

    def write(self) -> str:
        """Return what `place` would read back."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def place(value: object) -> Place:
    """Return the place that a text names; raise ValueError saying what to write."""
    if isinstance(value, Place):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{_WRITE}, not {shown(value)}")  # noqa: TRY004  pydantic's way
    if _is_ipv6(value):
        return Place(value)
    host, colon, port = value.rpartition(":")
    if not colon:
        host, port = value, ""
    elif value.endswith("]"):
        host, port, colon = value, "", ""
    if host.startswith("[") and host.endswith("]") and _is_ipv6(host[1:-1]):
        host = host[1:-1]
    elif len(host) > _MAX_NAME or not _NAME.fullmatch(host):
        raise ValueError(f"{_WRITE}, not {shown(value)}")
    if not colon:
        return Place(host)
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise ValueError(f"{_WRITE}, not {shown(value)}: the port is a number from 1 to 65535")
    return Place(host, int(port))


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


PlaceSetting: TypeAlias = Annotated[Place, Written(place, "mail.example.org:587", Place.write)]
"""A host with or without a port."""
