"""Messages of rtnetlink(7) for what `lvsmon.net.vantage.space` builds, and the two answers that it reads. Pure."""

import socket
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from ipaddress import ip_address
from typing import Final, NamedTuple

REQUEST: Final = 0x1
ACK: Final = 0x4
REPLACE: Final = 0x100
EXCLUSIVE: Final = 0x200
CREATE: Final = 0x400

NLMSG_ERROR: Final = 2

_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr
_ATTRIBUTE: Final = struct.Struct("=HH")  # struct rtattr
_LINK: Final = struct.Struct("=BxHiII")  # struct ifinfomsg
_ADDRESS: Final = struct.Struct("=BBBBI")  # struct ifaddrmsg
_ROUTE: Final = struct.Struct("=BBBBBBBBI")  # struct rtmsg, and struct fib_rule_hdr

_UP: Final = 1  # IFF_UP
_MACVLAN_PRIVATE: Final = 1  # MACVLAN_MODE_PRIVATE: no talk with others on the same interface
_MAIN_TABLE: Final = 254
_STATIC: Final = 4  # RTPROT_STATIC
_UNIVERSE, _LINK_SCOPE = 0, 253
_UNICAST, _UNREACHABLE = 1, 7
_ON_LINK: Final = 4  # RTNH_F_ONLINK: the gateway is there, whatever the routes say
_TO_TABLE: Final = 1  # FR_ACT_TO_TBL
_NO_DUPLICATE_DETECTION: Final = 0x02  # IFA_F_NODAD
_TENTATIVE, _FAILED = 0x40, 0x08  # IFA_F_TENTATIVE, IFA_F_DADFAILED
_OUTER_TTL: Final = 64


class Kind(IntEnum):
    """RTM_* of linux/rtnetlink.h."""

    NEW_LINK = 16
    DELETE_LINK = 17
    NEW_ADDRESS = 20
    GET_ADDRESS = 22
    NEW_ROUTE = 24
    GET_ROUTE = 26
    NEW_RULE = 32
    DELETE_RULE = 33


class Message(NamedTuple):
    """What is asked of the kernel, without its number."""

    kind: Kind
    flags: int
    body: bytes

    def encoded(self, number: int) -> bytes:
        return _HEADER.pack(_HEADER.size + len(self.body), self.kind, REQUEST | self.flags, number, 0) + self.body


class Route(NamedTuple):
    """Where a packet would go: ``direct`` is to the host itself and by no router."""

    interface: int
    direct: bool


def new_macvlan(name: str, parent: int, namespace: int) -> Message:
    """Ask for an interface on that with the index ``parent``, in the namespace of the descriptor ``namespace``."""
    data = _text(1, "macvlan") + _attribute(2, _number(1, _MACVLAN_PRIVATE))
    body = _text(3, name) + _number(5, parent) + _number(28, namespace) + _attribute(18, data)
    return _new(Kind.NEW_LINK, _link(0) + body)


def new_pair(name: str, peer: str, namespace: int) -> Message:
    """Ask for a veth pair: ``peer`` is in the namespace of the descriptor ``namespace``."""
    other = _link(0) + _text(3, peer) + _number(28, namespace)
    data = _text(1, "veth") + _attribute(2, _attribute(1, other))
    return _new(Kind.NEW_LINK, _link(0) + _text(3, name) + _attribute(18, data))


def new_ipip(name: str, local: str, remote: str) -> Message:
    """Ask for a tunnel (IP in IP, RFC 2003)."""
    settings = _attribute(2, _packed(local)) + _attribute(3, _packed(remote)) + _attribute(4, bytes([_OUTER_TTL]))
    data = _text(1, "ipip") + _attribute(2, settings + _attribute(10, b"\1"))  # a fixed TTL takes path MTU discovery
    return _new(Kind.NEW_LINK, _link(0) + _text(3, name) + _attribute(18, data))


def set_up(index: int) -> Message:
    return Message(Kind.NEW_LINK, ACK, _LINK.pack(0, 0, index, _UP, _UP))


def delete_link(index: int) -> Message:
    return Message(Kind.DELETE_LINK, ACK, _link(index))


def new_address(address: str, index: int, *, detect: bool) -> Message:
    """Give an interface ``address`` alone, without its network; ``detect`` has IPv6 look for others that have it."""
    raw, flags = _packed(address), 0 if detect else _NO_DUPLICATE_DETECTION
    body = _attribute(2, raw) + _attribute(1, raw) + _number(8, flags)  # IFA_LOCAL, IFA_ADDRESS, IFA_FLAGS
    return _new(Kind.NEW_ADDRESS, _ADDRESS.pack(_family(address), len(raw) * 8, flags, _UNIVERSE, index) + body)


def all_addresses(family: int) -> Message:
    return Message(Kind.GET_ADDRESS, 0x300, _ADDRESS.pack(family, 0, 0, 0, 0))


def new_host_route(address: str, index: int) -> Message:
    """Have ``address`` reached by an interface, without a router."""
    head = _route(address, 8 * len(_packed(address)), _MAIN_TABLE, _LINK_SCOPE if ":" not in address else _UNIVERSE)
    return _replace(Kind.NEW_ROUTE, head + _attribute(1, _packed(address)) + _number(4, index))


def new_default_route(table: int, source: str, index: int, gateway: str | None) -> Message:
    """Send everything to ``gateway``, or plainly out of the interface; ``source`` is what comes as sender."""
    flags = 0 if gateway is None else _ON_LINK
    body = _number(4, index) + _attribute(7, _packed(source)) + _number(15, table)
    body += b"" if gateway is None else _attribute(5, _packed(gateway))
    return _replace(Kind.NEW_ROUTE, _route(source, 0, 0, _UNIVERSE, flags=flags) + body)


def no_other_way(family: int) -> Message:
    """Let what has no mark go nowhere, and be told so at once."""
    head = _ROUTE.pack(family, 0, 0, 0, _MAIN_TABLE, _STATIC, _UNIVERSE, _UNREACHABLE, 0)
    return _replace(Kind.NEW_ROUTE, head + _number(6, 0xFFFFFFFF))


def new_rule(mark: int, family: int) -> Message:
    """Look up what has ``mark`` in the table of the same number; the priority makes a second one an error."""
    return _new(Kind.NEW_RULE, _rule(mark, family))


def delete_rule(mark: int, family: int) -> Message:
    return Message(Kind.DELETE_RULE, ACK, _rule(mark, family))


def get_route(address: str) -> Message:
    """Ask where a packet for ``address`` would go."""
    return Message(
        Kind.GET_ROUTE, 0, _route(address, 8 * len(_packed(address)), 0, 0) + _attribute(1, _packed(address))
    )


def route_of(body: bytes) -> Route:
    """Read the answer to `get_route`."""
    found = _attributes(body[_ROUTE.size :])
    (interface,) = struct.unpack("=I", found.get(4, bytes(4)))
    return Route(interface, _ROUTE.unpack_from(body)[7] == _UNICAST and 5 not in found)


def state_of(body: bytes) -> tuple[int, str, bool, bool]:
    """Read an address of the answer to `all_addresses`: interface, address, still looked for, somebody has it."""
    family, _, flags, _, index = _ADDRESS.unpack_from(body)
    found = _attributes(body[_ADDRESS.size :])
    if 8 in found:
        (flags,) = struct.unpack("=I", found[8])
    raw = found.get(2) or found.get(1, b"")
    return index, socket.inet_ntop(family, raw), bool(flags & _TENTATIVE), bool(flags & _FAILED)


def parts(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield type, number and body of each message in one datagram of the kernel's."""
    while len(data) >= _HEADER.size:
        length, kind, _, number, _ = _HEADER.unpack_from(data)
        yield kind, number, data[_HEADER.size : length]
        data = data[max(_HEADER.size, length + 3 & ~3) :]


def _attributes(data: bytes) -> Mapping[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        found[kind] = data[_ATTRIBUTE.size : length]
        data = data[max(_ATTRIBUTE.size, length + 3 & ~3) :]
    return found


def _new(kind: Kind, body: bytes) -> Message:
    return Message(kind, ACK | CREATE | EXCLUSIVE, body)


def _replace(kind: Kind, body: bytes) -> Message:
    return Message(kind, ACK | CREATE | REPLACE, body)


def _link(index: int) -> bytes:
    return _LINK.pack(0, 0, index, 0, 0)


def _route(address: str, length: int, table: int, scope: int, *, flags: int = 0) -> bytes:
    return _ROUTE.pack(_family(address), length, 0, 0, table, _STATIC, scope, _UNICAST, flags)


def _rule(mark: int, family: int) -> bytes:
    priority = 1 + (mark & 0x3FFF)  # before the main table's 32766
    return (
        _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, _TO_TABLE, 0)
        + _number(6, priority)
        + _number(10, mark)
        + _number(15, mark)
    )


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _packed(address: str) -> bytes:
    return ip_address(address).packed


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _attribute(kind: int, data: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)
