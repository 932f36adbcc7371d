"""What the kernel answers over generic netlink: bytes into entries. No socket here.

Reading is bounded: a length that does not fit what it stands in raises `IpvsUnavailable` (EBADMSG), never anything
else. For the formats see `lvsmon.actions.ipvs.messages`.
"""

import errno
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from lvsmon.actions.ipvs import base, failures, kernel
from lvsmon.model import (
    Counters,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Family,
    Forward,
    Tunnel,
    VirtualKey,
    VirtualSettings,
)

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
_FAMILY_ID: Final = 1
_TYPE_MASK: Final = 0x3FFF
_PLAIN_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_PORT: Final = struct.Struct(">H")
_COUNTERS: Final = 10


class Message(NamedTuple):
    """One message of an answer; ``body`` is what follows the netlink header."""

    type: int
    sequence: int
    body: bytes


def messages(data: bytes) -> Iterator[Message]:
    """Split what one recv() gave."""
    position = 0
    while position < len(data):
        if len(data) - position < _PLAIN_HEADER.size:
            raise failures.unavailable(errno.EBADMSG)
        length, kind, _, sequence, _ = _PLAIN_HEADER.unpack_from(data, position)
        if not _PLAIN_HEADER.size <= length <= len(data) - position:
            raise failures.unavailable(errno.EBADMSG)
        yield Message(kind, sequence, data[position + _PLAIN_HEADER.size : position + length])
        position += (length + 3) & ~3


def error_number(body: bytes) -> int:
    """Return the errno of an NLMSG_ERROR; 0 is an acknowledgement."""
    if len(body) < 4:
        raise failures.unavailable(errno.EBADMSG)
    number: int = struct.unpack_from("=i", body)[0]
    return -number


def family_of(body: bytes) -> int:
    """Return the number of the family from the answer to `family_request`."""
    return _read_u16(_attributes(body, 4), _FAMILY_ID)


def info_of(body: bytes) -> base.Info:
    found = _attributes(body, 4)
    version = _read_u32(found, 1)
    return base.Info(
        version=(version >> 16 & 0xFF, version >> 8 & 0xFF, version & 0xFF), connection_table_size=_read_u32(found, 2)
    )


def virtual_of(body: bytes, *, counters: bool) -> tuple[VirtualKey, VirtualSettings, Counters | None] | None:
    """Read one virtual service; None for a protocol that the kernel keeps but never balances."""
    found = _attributes(_read(_attributes(body, 4), 1), 0)
    family = _family(_read_u16(found, 1))
    if 5 in found:
        key = VirtualKey.of_fwmark(_read_u32(found, 5), family)
    else:
        protocol = kernel.protocol_of(_read_u16(found, 2))
        if protocol is None:
            return None
        key = VirtualKey(family, protocol, _address(found, 3, family), _read_port(found, 4))
    scheduler, bits = _read_text(found, 6), _read_u32(found, 7)
    netmask = _read(found, 9, 4)
    prefix = struct.unpack_from("=I" if family is Family.INET6 else ">I", netmask)[0]
    settings = VirtualSettings(
        scheduler=scheduler,
        flags=kernel.flag_names(bits, scheduler),
        persistence=_read_u32(found, 8) if bits & kernel.FLAG_PERSISTENT else 0,
        prefix=prefix if family is Family.INET6 else prefix.bit_count(),
        pe_name=_read_text(found, 11) if 11 in found else None,
    )
    return key, kernel.canonical(key, settings), _counters(found) if counters else None


def destination_of(body: bytes, virtual: VirtualKey, *, counters: bool) -> tuple[DestinationKey, DestinationEntry]:
    """Read one destination of ``virtual``; kernels before 3.18 name no family: it is the virtual service's."""
    found = _attributes(_read(_attributes(body, 4), 2), 0)
    family = _family(_read_u16(found, 11)) if 11 in found else virtual.family
    forward = kernel.forward_of(_read_u32(found, 3))
    tunnel = None
    if forward is Forward.TUNNEL:
        typed = 13 in found  # since Linux 5.3
        tunnel = (
            kernel.tunnel_of(_read(found, 13, 1)[0], _read_port(found, 14), _read_u16(found, 15)) if typed else Tunnel()
        )
    settings = DestinationSettings(
        weight=_read_u32(found, 4),
        forward=forward,
        upper_threshold=_read_u32(found, 5),
        lower_threshold=_read_u32(found, 6),
        tunnel=tunnel,
    )
    return DestinationKey(_address(found, 1, family), _read_port(found, 2)), DestinationEntry(
        settings,
        active=_read_u32(found, 7),
        inactive=_read_u32(found, 8),
        persistent=_read_u32(found, 9),
        counters=_counters(found) if counters else None,
    )


def _counters(found: dict[int, bytes]) -> Counters | None:
    """Read the 64-bit statistics; kernels before 4.1 have none."""
    if 12 not in found:
        return None
    numbers = _attributes(found[12], 0)
    return Counters(*(struct.unpack_from("=Q", _read(numbers, kind, 8))[0] for kind in range(1, _COUNTERS + 1)))


def _attributes(data: bytes, position: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    end = len(data)
    while position < end:
        if end - position < 4:
            raise failures.unavailable(errno.EBADMSG)
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        if not 4 <= length <= end - position:
            raise failures.unavailable(errno.EBADMSG)
        found[kind & _TYPE_MASK] = data[position + 4 : position + length]
        position += (length + 3) & ~3
    return found


def _read(found: dict[int, bytes], kind: int, size: int = 0) -> bytes:
    payload = found.get(kind)
    if payload is None or len(payload) < size:
        raise failures.unavailable(errno.EBADMSG)
    return payload


def _read_u32(found: dict[int, bytes], kind: int) -> int:
    number: int = struct.unpack_from("=I", _read(found, kind, 4))[0]
    return number


def _read_u16(found: dict[int, bytes], kind: int) -> int:
    number: int = struct.unpack_from("=H", _read(found, kind, 2))[0]
    return number


def _read_port(found: dict[int, bytes], kind: int) -> int:
    number: int = _PORT.unpack_from(_read(found, kind, 2))[0]
    return number


def _read_text(found: dict[int, bytes], kind: int) -> str:
    return _read(found, kind).split(b"\0", 1)[0].decode("ascii", "replace")


def _family(number: int) -> Family:
    if number == Family.INET:
        return Family.INET
    if number == Family.INET6:
        return Family.INET6
    raise failures.unavailable(errno.EBADMSG)


def _address(found: dict[int, bytes], kind: int, family: Family) -> str:
    if family is Family.INET6:
        return str(IPv6Address(_read(found, kind, 16)[:16]))
    return str(IPv4Address(_read(found, kind, 4)[:4]))
