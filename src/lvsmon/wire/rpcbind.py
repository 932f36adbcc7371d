"""The portmapper: versions 2, 3 and 4 of program 100000 (RFC 1833), which tells where a host's programs listen.

Version 2 knows TCP and UDP over IPv4 and answers with port numbers. Versions 3 and 4 know networks by name ("tcp",
"udp6", ...) and answer with universal addresses: the address with the port's two bytes behind it as decimals
("0.0.0.0.8.1" is port 2049; RFC 5665 section 5.2.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.xdr import Cursor, pack_opaque, pack_uint

PROGRAM: Final = 100000
PORT: Final = 111

GETPORT: Final = 3
"""Version 2: port of a program, or 0. Versions 3 and 4 have GETADDR under the same number."""

DUMP: Final = 4
"""All that is registered, in every version."""

MAX_REGISTRATIONS: Final = 1024
"""Entries of the whole list, a dozen times what a busy host has: each may cost a connection."""

MAX_ADDRESS: Final = 256
"""Bytes of a universal address; of a network's and an owner's name as well."""

_NUMBERS: Final[Mapping[str, int]] = {"tcp": 6, "udp": 17}
_NAMES: Final = {number: name for name, number in _NUMBERS.items()}


@dataclass(frozen=True, slots=True, order=True)
class Registration:
    """A program as it is registered; ``network`` is "tcp", "udp", "tcp6", "udp6" or what else there is."""

    program: int
    version: int
    network: str
    port: int


def pack_getport(program: int, version: int, network: str) -> bytes:
    """Return the arguments of version 2's GETPORT (RFC 1833 section 3.1); ``network`` is "tcp" or "udp"."""
    return pack_uint(program, version, _NUMBERS[network], 0)


def parse_getport(results: Cursor) -> int:
    """Return the port, 0 where the program is not registered; raise `ProtocolViolation`."""
    return _port(results.uint())


def pack_getaddr(program: int, version: int, network: str) -> bytes:
    """Return the arguments of GETADDR of versions 3 and 4 (section 2.1): address and owner are not asked for."""
    return pack_uint(program, version) + pack_opaque(network.encode()) + pack_opaque(b"") + pack_opaque(b"")


def parse_getaddr(results: Cursor) -> int:
    """Return the port, 0 where the program is not registered; raise `ProtocolViolation`."""
    address = results.opaque(MAX_ADDRESS)
    return port_of(address) if address else 0


def port_of(address: bytes) -> int:
    """Return the port of a universal address; raise `ProtocolViolation` where it has none."""
    parts = address.rsplit(b".", 2)
    if len(parts) == 3 and all(part.isdigit() and len(part) <= 3 and int(part) <= 255 for part in parts[1:]):
        return int(parts[1]) * 256 + int(parts[2])
    raise ProtocolViolation(f"the portmapper gives {address[:60]!r}, which is no universal address of an internet port")


def parse_dump(version: int, results: Cursor) -> tuple[Registration, ...]:
    """Return what is registered on internet transports; raise `ProtocolViolation`."""
    entries = 0
    found = []
    while results.boolean():
        entries += 1
        if entries > MAX_REGISTRATIONS:
            raise ProtocolViolation(f"the portmapper lists more than {MAX_REGISTRATIONS} registrations")
        entry = _parse_mapping(results) if version == 2 else _parse_binding(results)
        if entry is not None:
            found.append(entry)
    return tuple(found)


def _parse_mapping(results: Cursor) -> Registration | None:
    program, version, number, port = results.uint(), results.uint(), results.uint(), results.uint()
    network = _NAMES.get(number)
    return None if network is None else Registration(program, version, network, _port(port))


def _parse_binding(results: Cursor) -> Registration | None:
    program, version = results.uint(), results.uint()
    network = results.opaque(MAX_ADDRESS)
    address = results.opaque(MAX_ADDRESS)
    results.opaque(MAX_ADDRESS)
    if network not in (b"tcp", b"udp", b"tcp6", b"udp6"):
        return None  # "local" and its like are addresses of other kinds
    return Registration(program, version, network.decode(), port_of(address))


def _port(number: int) -> int:
    if number > 65535:
        raise ProtocolViolation(f"the portmapper gives {number} as a port")
    return number
