"""The generic netlink messages of IPVS: commands into bytes, answers out of bytes. No socket here.

Sources: include/uapi/linux/ip_vs.h (commands, attributes), netlink.h (message header, attribute header), genetlink.h.
Everything but ports and IPv4 netmasks is in the machine's own byte order. Reading is bounded: a length that does not
fit what it stands in raises `IpvsUnavailable` (EBADMSG), never anything else.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
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
REQUEST: Final = 0x001
ACK: Final = 0x004
DUMP: Final = 0x300
CONTROL: Final = 16
"""The family that knows the numbers of the others (GENL_ID_CTRL)."""

GET_FAMILY: Final = 3
_FAMILY_ID: Final = 1
_FAMILY_NAME: Final = 2
_NAME: Final = b"IPVS\0"

_NESTED: Final = 0x8000
_TYPE_MASK: Final = 0x3FFF
_HEADER: Final = struct.Struct("=IHHIIBBH")  # nlmsghdr and genlmsghdr in one
_PLAIN_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_U32: Final = struct.Struct("=HHI")
_U16: Final = struct.Struct("=HHHxx")
_PORT: Final = struct.Struct(">H")
_COUNTERS: Final = 10


class Call(IntEnum):
    """enum ipvs_cmd."""

    NEW_SERVICE = 1
    SET_SERVICE = 2
    DEL_SERVICE = 3
    GET_SERVICE = 4
    NEW_DEST = 5
    SET_DEST = 6
    DEL_DEST = 7
    GET_DEST = 8
    GET_INFO = 15


class Message(NamedTuple):
    """One message of an answer; ``body`` is what follows the netlink header."""

    type: int
    sequence: int
    body: bytes


def request(family: int, call: int, body: bytes, sequence: int, flags: int) -> bytes:
    """Return one whole message to generic netlink ``family``."""
    return _HEADER.pack(20 + len(body), family, REQUEST | flags, sequence, 0, call, 1, 0) + body


def family_request(sequence: int) -> bytes:
    """Ask for the number of the family IPVS; the kernel loads ip_vs for it where it may."""
    return request(CONTROL, GET_FAMILY, _attribute(_FAMILY_NAME, _NAME), sequence, 0)


def encode(command: base.Command) -> tuple[Call, bytes]:
    """Return the call and the body that carry ``command`` out."""
    match command:
        case base.AddVirtual(key, settings):
            return Call.NEW_SERVICE, _service(key, settings)
        case base.EditVirtual(key, settings):
            return Call.SET_SERVICE, _service(key, settings)
        case base.DeleteVirtual(key):
            return Call.DEL_SERVICE, key_body(key)
        case base.AddDestination(virtual, to, wanted):
            return Call.NEW_DEST, key_body(virtual) + _destination(to, wanted)
        case base.EditDestination(virtual, to, wanted):
            return Call.SET_DEST, key_body(virtual) + _destination(to, wanted)
        case base.DeleteDestination(virtual, to):
            return Call.DEL_DEST, key_body(virtual) + _nest(2, _destination_key(to))


@lru_cache(maxsize=1)  # commands come sorted by virtual service, and one has many destinations
def key_body(key: VirtualKey) -> bytes:
    """Return the body that names a virtual service: for GET, DEL and every command about its destinations."""
    return _nest(1, _service_key(key))


def _service_key(key: VirtualKey) -> bytes:
    if key.protocol is None:
        return _u16(1, key.family) + _u32(5, key.fwmark)
    return (
        _u16(1, key.family)
        + _u16(2, kernel.PROTOCOLS[key.protocol])
        + _attribute(3, socket.inet_pton(key.family, key.address))
        + _attribute(4, _PORT.pack(key.port))
    )


def _service(key: VirtualKey, given: VirtualSettings) -> bytes:
    settings = kernel.canonical(key, given)
    prefix = kernel.WHOLE_PREFIX[key.family] if settings.prefix is None else settings.prefix
    if key.family is Family.INET6:
        netmask = struct.pack("=I", prefix)
    else:
        netmask = struct.pack(">I", (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF)
    body = (
        _service_key(key)
        + _attribute(6, settings.scheduler.encode() + b"\0")
        + _attribute(7, struct.pack("=II", kernel.flag_bits(settings), 0xFFFFFFFF))
        + _u32(8, settings.persistence)
        + _attribute(9, netmask)
    )
    if settings.pe_name is not None:
        body += _attribute(11, settings.pe_name.encode() + b"\0")
    return _nest(1, body)


def _destination_key(key: DestinationKey) -> bytes:
    family = Family.of(key.address)
    return _attribute(1, socket.inet_pton(family, key.address)) + _attribute(2, _PORT.pack(key.port)) + _u16(11, family)


def _destination(key: DestinationKey, given: DestinationSettings) -> bytes:
    """The whole record: the kernel replaces every field, and one that is missing by 0."""
    settings = kernel.canonical_destination(given)
    tunnel = settings.tunnel or _NO_TUNNEL
    return _nest(
        2,
        _destination_key(key)
        + _u32(3, kernel.FORWARDS[settings.forward])
        + _u32(4, settings.weight)
        + _u32(5, settings.upper_threshold)
        + _u32(6, settings.lower_threshold)
        + _attribute(13, bytes((kernel.TUNNEL_TYPES[tunnel.type],)))
        + _attribute(14, _PORT.pack(tunnel.port))
        + _u16(15, kernel.CHECKSUMS[tunnel.checksum]),
    )


_NO_TUNNEL: Final = Tunnel()


def _attribute(kind: int, payload: bytes) -> bytes:
    return _ATTRIBUTE.pack(len(payload) + 4, kind) + payload + b"\0" * (-len(payload) & 3)


def _nest(kind: int, payload: bytes) -> bytes:
    return _ATTRIBUTE.pack(len(payload) + 4, kind | _NESTED) + payload


def _u16(kind: int, value: int) -> bytes:
    return _U16.pack(6, kind, value)


def _u32(kind: int, value: int) -> bytes:
    return _U32.pack(8, kind, value)


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
