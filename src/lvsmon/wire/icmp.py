"""ICMP echo (RFC 792) and ICMPv6 echo (RFC 4443 section 4): the messages, without what the socket fills in.

Type, code, checksum, identifier, sequence number, data. Checksum and identifier are the socket's (the kernel's ping
socket sets them, and `lvsmon.net.icmp` does where it has a raw one). The data comes back as it was sent.
"""

import struct
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation

HEADER: Final = 8
"""Bytes before the data."""

_REQUEST: Final = {4: 8, 6: 128}
_REPLY: Final = {4: 0, 6: 129}


@dataclass(frozen=True, slots=True)
class EchoReply:
    sequence: int
    data: bytes


def pack_request(ip_version: int, sequence: int, data: bytes) -> bytes:
    """Return an echo request with checksum and identifier 0; ``sequence`` has 16 bits."""
    return struct.pack(">BBHHH", _REQUEST[ip_version], 0, 0, 0, sequence) + data


def parse_reply(ip_version: int, message: bytes) -> EchoReply:
    """Return the echo reply that ``message`` is; raise `ProtocolViolation` where it is something else."""
    if len(message) < HEADER:
        raise ProtocolViolation(f"an ICMP message of {len(message)} bytes")
    kind, code, _, _, sequence = struct.unpack_from(">BBHHH", message)
    if kind != _REPLY[ip_version] or code != 0:
        raise ProtocolViolation(f"an ICMP message of type {kind}, code {code}: no echo reply")
    return EchoReply(sequence, message[HEADER:])
