"""NTP, as far as a client needs it (RFC 5905): one request, one answer of 48 bytes and what it says.

Timestamps are 64-bit fixed point numbers of seconds modulo 2^32 (an era): differences are taken modulo the era and so
hold across its end in 2036, as long as two clocks are less than 68 years apart.
"""

import struct
from dataclasses import dataclass
from typing import Final

from lvsmon.errors import ProtocolViolation

LENGTH: Final = 48
"""Bytes of a packet without extension fields and signature (RFC 5905 section 7.3)."""

ALARM: Final = 3
"""Leap indicator of a clock that is not synchronised."""

UNSYNCHRONISED: Final = 16
"""Stratum of a server that is not synchronised (MAXSTRAT)."""

_CLIENT: Final = 3
_SERVER: Final = 4
_ERA_OF_UNIX: Final = 2_208_988_800
_ERA: Final = 1 << 64
_PACKET: Final = struct.Struct("!BBbbII4sQQQQ")


def request(cookie: int, version: int = 4) -> bytes:
    """Return a request whose answer can be known by ``cookie``, 64 random bits where the time of sending is due.

    The server only copies them; a client that hides its clock is harder to deceive (RFC 8633 section 3.4's advice).
    """
    return _PACKET.pack(version << 3 | _CLIENT, 0, 0, 0, 0, 0, b"", 0, 0, 0, cookie)


def timestamp(utc: float) -> int:
    """Return ``utc``, seconds since 1970, as a timestamp."""
    return int((utc + _ERA_OF_UNIX) * (1 << 32)) % _ERA


def seconds_between(earlier: int, later: int) -> float:
    """Return ``later`` minus ``earlier`` in seconds, from -2^31 to 2^31."""
    difference = (later - earlier) % _ERA
    if difference >= _ERA >> 1:
        difference -= _ERA
    return difference / (1 << 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server says. Root delay and dispersion in seconds; received and sent are timestamps."""

    version: int
    leap: int
    stratum: int
    root_delay: float
    root_dispersion: float
    reference_id: bytes
    reference: int
    received: int
    sent: int

    @property
    def kiss(self) -> str:
        """The code of a kiss-o'-death packet, such as RATE or DENY (RFC 5905 section 7.4), "" for an answer."""
        if self.stratum:
            return ""
        return self.reference_id.rstrip(b"\0").decode("ascii", "backslashreplace")

    @property
    def source(self) -> str:
        """Where the server has its time from: four letters at stratum 1 (GPS, PPS), else an address or its digest."""
        if self.stratum <= 1:
            return self.reference_id.rstrip(b"\0").decode("ascii", "backslashreplace")
        return ".".join(map(str, self.reference_id))

    @property
    def root_distance(self) -> float:
        """The most by which the server itself may be wrong, by its own account, in seconds."""
        return self.root_delay / 2 + self.root_dispersion

    def offset(self, asked: int, heard: int) -> tuple[float, float]:
        """Return by how much the server's clock is ahead of ours, and the round trip, in seconds.

        ``asked`` and ``heard`` are our times. The offset is right to half the round trip (RFC 5905 section 8).
        """
        there = seconds_between(asked, self.received)
        back = seconds_between(heard, self.sent)
        return (there + back) / 2, there - back


def cookie(data: bytes) -> int | None:
    """Return the cookie that ``data`` carries back, None where it is too short for one.

    What carries none of ours may be forged, or is no answer to us.
    """
    return int.from_bytes(data[24:32]) if len(data) >= LENGTH else None


def read(data: bytes) -> Answer:
    """Return the answer in a datagram; raise `ProtocolViolation`. Extension fields and signatures are not looked at."""
    if len(data) < LENGTH:
        raise ProtocolViolation(f"an NTP packet of {len(data)} bytes: the shortest has {LENGTH}")
    first, stratum, _, _, delay, dispersion, reference_id, reference, _, received, sent = _PACKET.unpack_from(data)
    mode, version, leap = first & 7, first >> 3 & 7, first >> 6
    if mode != _SERVER:
        raise ProtocolViolation(f"an NTP packet of mode {mode}: the answer of a server has mode {_SERVER}")
    if not 1 <= version <= 4:
        raise ProtocolViolation(f"an NTP packet of version {version}: there are 1 to 4")
    return Answer(
        version=version,
        leap=leap,
        stratum=stratum,
        root_delay=delay / 65536,
        root_dispersion=dispersion / 65536,
        reference_id=reference_id,
        reference=reference,
        received=received,
        sent=sent,
    )
