"""The kernel's own words for the IPVS table, /proc/net/ip_vs, read into names."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from kernel.chaos.history import Table

_VIRTUAL: Final = re.compile(r"^(TCP|UDP)\s+(\S+):([0-9A-F]{4}) ")
_DESTINATION: Final = re.compile(r"^  -> (\S+):([0-9A-F]{4})\s+\S+\s+(-?\d+) ")


def parse(text: str, names: Mapping[str, str]) -> Table:
    """Return the table; ``names`` are realservers by address. Raise ValueError on a line that is not understood."""
    table: dict[str, dict[str, int]] = {}
    entry: dict[str, int] = {}
    for line in text.splitlines()[3:]:
        if found := _VIRTUAL.match(line):
            protocol, address, port = found.groups()
            shown = f"-{protocol[0].lower()} {_address(address)}:{int(port, 16)}"
            entry = table.setdefault(shown, {})
        elif found := _DESTINATION.match(line):
            address, port, weight = found.groups()
            plain = _address(address).strip("[]")
            entry[names.get(plain, f"{_address(address)}:{int(port, 16)}")] = int(weight)
        else:
            raise ValueError(f"not understood in /proc/net/ip_vs: {line!r}")
    return table


def _address(text: str) -> str:
    if text.startswith("["):
        return f"[{IPv6Address(text.strip('[]'))}]"
    return str(IPv4Address(int(text, 16)))
