"""Whether somebody on the link has an address already: two directors with one address would answer for each other.

IPv4 by address conflict detection (RFC 5227 section 2.1.1); IPv6 has the kernel's own (RFC 4862 section 5.4).
"""

import socket
import struct
import time
from typing import Final

_ETHERTYPE_ARP: Final = 0x0806
_ARP: Final = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET: Final = struct.Struct("!6s6sH")
_REQUEST: Final = 1
PROBES: Final = 3
PATIENCE: Final = 0.1
"""Seconds for an answer to each: a host on the link answers within a millisecond, a busy one within some."""


def owner_of(address: str, interface: str) -> str | None:
    """Return the hardware address of who answers for an IPv4 ``address`` on ``interface``, None if nobody does."""
    wanted = socket.inet_aton(address)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as sock:
        sock.bind((interface, _ETHERTYPE_ARP))
        own = sock.getsockname()[4]
        for _ in range(PROBES):
            sock.send(question(wanted, own))
            until = time.monotonic() + PATIENCE
            while (left := until - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    frame = sock.recv(128)
                except TimeoutError:
                    break
                if (found := answered(frame, wanted, own)) is not None:
                    return found
    return None


def question(wanted: bytes, own: bytes) -> bytes:
    """Return the frame that asks who has ``wanted``, without saying that the asker has any address."""
    arp = _ARP.pack(1, 0x0800, 6, 4, _REQUEST, own, bytes(4), bytes(6), wanted)
    return _ETHERNET.pack(b"\xff" * 6, own, _ETHERTYPE_ARP) + arp


def answered(frame: bytes, wanted: bytes, own: bytes) -> str | None:
    """Return who says in ``frame`` to have ``wanted``, or asks for it too; None if nobody does."""
    if len(frame) < _ETHERNET.size + _ARP.size:
        return None
    _, protocol, _, _, _, sender, has, _, asks = _ARP.unpack_from(frame, _ETHERNET.size)
    if protocol != 0x0800 or sender == own:
        return None
    return sender.hex(":") if has == wanted or (has == bytes(4) and asks == wanted) else None
