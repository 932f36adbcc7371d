"""SSH before it is encrypted (RFC 4253 sections 4.2 and 6 to 7): the version line, packets, and what is offered."""

import re
import secrets
import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation

MAX_LINE: Final = 8192
"""Bytes of a line: section 4.2 says 255 for the version, OpenSSH's client takes as much as this."""

MAX_LINES_BEFORE: Final = 1024
"""Lines before the version line: OpenSSH's client takes as many."""

MAX_PACKET: Final = 65536
"""Bytes of a packet: section 6.1 wants 35,000 to be taken; keys and offers are far smaller."""

MAX_NAMES: Final = 1000
"""Names in one list of an offer: OpenSSH has some 20 in its longest."""

MAX_TEXT: Final = 400
"""Bytes kept of the text before the version line."""

DISCONNECT, IGNORE, DEBUG, KEXINIT = 1, 2, 4, 20
BY_APPLICATION: Final = 11

_FOREIGN: Final = {
    "HTTP": re.compile(rb"(?i)HTTP/\d|<!DOCTYPE|<html"),
    "SMTP or FTP": re.compile(rb"(?:220|421|554)[ -]"),
    "POP3": re.compile(rb"\+OK|-ERR"),
    "IMAP": re.compile(rb"\* (?:OK|BYE|PREAUTH)\b"),
    "SIP": re.compile(rb"SIP/2"),
    "RTSP": re.compile(rb"RTSP/\d"),
    "VNC": re.compile(rb"RFB \d"),
    "telnet": re.compile(rb"\xff[\xfa-\xfe]"),
}
"""How others greet, or answer to a version line: after that there will never be one of SSH."""

_VERSION: Final = re.compile(rb"SSH-(\d{1,4})\.(\d{1,4})-([^\0]+)", re.DOTALL)
_BLOCK: Final = 8


@dataclass(frozen=True, slots=True)
class Version:
    """The version line without its end, the protocol in it, and the beginning of what was said before it."""

    line: bytes
    major: int
    minor: int
    before: bytes = b""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet's payload; its first byte is the message's number."""

    payload: bytes

    @property
    def number(self) -> int:
        return self.payload[0]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one side offers, in its order of preference (section 7.1); ``raw`` is the payload, which gets signed."""

    raw: bytes
    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers_in: tuple[str, ...]
    ciphers_out: tuple[str, ...]
    guesses: bool


Event: TypeAlias = Version | Packet


class SshReader:
    """Bytes in; the version line and then packets out; `ProtocolViolation` for what is neither."""

    __slots__ = ("_before", "_buffer", "_lines", "_seen", "_version_seen")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._before = b""
        self._lines = 0
        self._seen = 0
        self._version_seen = False

    @property
    def said(self) -> bytes:
        """What was said instead of a version, or before it: its beginning."""
        return (self._before + bytes(self._buffer[:MAX_TEXT]))[:MAX_TEXT] if not self._version_seen else self._before

    @property
    def where(self) -> str:
        """What the peer owes."""
        if not self._version_seen:
            return "before its version line"
        return "in the middle of a packet" if self._buffer else "in the key exchange"

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def feed_eof(self) -> None:
        """Nothing is completed by the end."""

    def next_event(self) -> Event | None:
        """Return the version line, or the next packet; None where more bytes are needed."""
        return self._next_packet() if self._version_seen else self._next_version()

    def _next_version(self) -> Version | None:
        while (end := self._buffer.find(b"\n", self._seen)) >= 0:
            self._refuse_binary(end)
            if end >= MAX_LINE:
                raise ProtocolViolation(f"no SSH: a line of more than {MAX_LINE} bytes")
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._seen = 0
            if line.startswith(b"SSH-"):
                self._version_seen = True
                return self._version(line)
            self._lines += 1
            if self._lines == 1:
                _refuse_foreign(line)
            if self._lines > MAX_LINES_BEFORE:
                raise ProtocolViolation(
                    f"no SSH: {MAX_LINES_BEFORE} lines and none is a version: {self._before[:60]!r}"
                )
            self._before = (self._before + line + b"\n")[:MAX_TEXT]
        self._refuse_binary(len(self._buffer))
        self._seen = len(self._buffer)
        if self._seen >= MAX_LINE:
            raise ProtocolViolation(f"no SSH: a line of more than {MAX_LINE} bytes, {bytes(self._buffer[:40])!r}")
        return None

    def _refuse_binary(self, end: int) -> None:
        """Raise `ProtocolViolation` where there is a NUL in the line up to ``end``: OpenSSH's client takes none."""
        if self._buffer.find(b"\0", self._seen, end) >= 0:
            raise ProtocolViolation(f"no SSH, but a protocol that is not text: {bytes(self._buffer[:40])!r}")

    def _version(self, line: bytes) -> Version:
        found = _VERSION.fullmatch(line)
        if found is None:
            raise ProtocolViolation(f"no SSH version line: {line[:80]!r}")
        return Version(line, int(found[1]), int(found[2]), self._before)

    def _next_packet(self) -> Packet | None:
        if len(self._buffer) < 5:
            return None
        length, padding = struct.unpack_from(">IB", self._buffer)
        if length > MAX_PACKET or length < 12 or (length + 4) % _BLOCK or not 4 <= padding < length - 1:
            raise ProtocolViolation(f"no SSH packet: it would have {length} bytes, {padding} of them padding")
        if len(self._buffer) < 4 + length:
            return None
        payload = bytes(self._buffer[5 : 4 + length - padding])
        del self._buffer[: 4 + length]
        return Packet(payload)


def _refuse_foreign(line: bytes) -> None:
    for name, greeting in _FOREIGN.items():
        if greeting.match(line):
            raise ProtocolViolation(f"no SSH: whatever listens here speaks {name}: {line[:80]!r}")


class Fields:
    """Reads the fields of a payload (RFC 4251 section 5), bounded by its end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes, at: int = 1) -> None:
        self._data, self._at = data, at

    def raw(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise ProtocolViolation("a broken SSH message: a field reaches beyond its end")
        found = self._data[self._at : end]
        self._at = end
        return found

    def number(self) -> int:
        return int.from_bytes(self.raw(4), "big")

    def string(self) -> bytes:
        return self.raw(self.number())

    def mpint(self) -> int:
        return int.from_bytes(self.string(), "big", signed=True)

    def names(self) -> tuple[str, ...]:
        text = self.string()
        if text.count(b",") >= MAX_NAMES or not text.isascii():
            raise ProtocolViolation("a broken SSH message: no list of names")
        return tuple(text.decode().split(",")) if text else ()


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def mpint(number: int) -> bytes:
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


def packet(payload: bytes) -> bytes:
    """Return ``payload`` as a packet that is not encrypted."""
    padding = _BLOCK - (5 + len(payload)) % _BLOCK
    padding += _BLOCK if padding < 4 else 0
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def parse_offer(payload: bytes) -> Offer:
    """Return what a KEXINIT says; raise `ProtocolViolation` where it is broken."""
    if payload[0] != KEXINIT:
        raise ProtocolViolation(f"SSH message {payload[0]} where the key exchange begins")
    fields = Fields(payload)
    fields.raw(16)  # cookie
    kex, host_keys, ciphers_out, ciphers_in = (fields.names() for _ in range(4))
    for _ in range(6):  # MACs, compression, languages
        fields.names()
    guesses = fields.raw(1) != b"\0"
    fields.number()
    return Offer(payload, kex, host_keys, ciphers_in, ciphers_out, guesses)


def offer(kex: tuple[str, ...], host_keys: tuple[str, ...], ciphers: tuple[str, ...], macs: tuple[str, ...]) -> bytes:
    """Return a KEXINIT payload that offers these, either way, and no compression."""
    lists = (kex, host_keys, ciphers, ciphers, macs, macs, ("none",), ("none",), (), ())
    return (
        bytes([KEXINIT])
        + secrets.token_bytes(16)
        + b"".join(string(",".join(names).encode()) for names in lists)
        + bytes(5)
    )


def disconnect(words: str) -> bytes:
    return packet(bytes([DISCONNECT]) + struct.pack(">I", BY_APPLICATION) + string(words.encode()) + string(b""))
