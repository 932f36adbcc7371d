"""The generic netlink messages of IPVS: commands into bytes. No socket here.

Sources: include/uapi/linux/ip_vs.h (commands, attributes), netlink.h (message header, attribute header), genetlink.h.
Everything but ports and IPv4 netmasks is in the machine's own byte order.
"""

import socket
import struct
from enum import IntEnum
from functools import lru_cache
from typing import Final

from lvsmon.actions.ipvs import base, kernel
from lvsmon.model import (
    DestinationKey,
    DestinationSettings,
    Family,
    Tunnel,
    VirtualKey,
    VirtualSettings,
)

REQUEST: Final = 0x001
ACK: Final = 0x004
DUMP: Final = 0x300
CONTROL: Final = 16
"""The family that knows the numbers of the others (GENL_ID_CTRL)."""

GET_FAMILY: Final = 3
_FAMILY_NAME: Final = 2
_NAME: Final = b"IPVS\0"

_NESTED: Final = 0x8000
_HEADER: Final = struct.Struct("=IHHIIBBH")  # nlmsghdr and genlmsghdr in one
_ATTRIBUTE: Final = struct.Struct("=HH")
_U32: Final = struct.Struct("=HHI")
_U16: Final = struct.Struct("=HHHxx")
_PORT: Final = struct.Struct(">H")


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
