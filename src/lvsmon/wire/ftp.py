"""FTP's control connection seen from the client (RFC 959, RFC 2428), and the lines of a listing.

A reply is one line, ``220 text``, or many: ``220-text``, then anything, until a line that begins with the same code and
a space (RFC 959 section 4.2). The lines between may look like replies: ``220-more``, `` 220 text``, ``331 password``.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Literal, TypeAlias

from lvsmon.errors import ProtocolViolation
from lvsmon.wire.lines import LineReader

MAX_LINE: Final = 4096
"""No RFC limits a line; a path has at most 4,096 bytes, and a reply that quotes one is the longest there is."""

MAX_REPLY: Final = 32768
"""Bytes of one reply: a legal notice in a greeting has some 50 lines."""

MAX_ENTRY: Final = 8192
"""Bytes of one line of a listing: a name has at most 255, a link's target 4,096."""

FIRST_DATA_PORT: Final = 1024
"""Servers take data connections on ports of their own above the privileged ones; one that names such a port, or none,
sends its clients to another service (RFC 2577 section 3)."""

_FIRST: Final = re.compile(rb"([1-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ADDRESS: Final = re.compile(rb"(?<![0-9,])" + rb", *".join([rb"([0-9]{1,3})"] * 6) + rb"(?![0-9,])")
_EXTENDED: Final = re.compile(rb"\(([!-/:-~])([0-9]?)\1([0-9A-Fa-f.:]{0,45})\1([0-9]{1,5})\1\)")
_FACTS: Final = re.compile(rb"((?:[^=; ]+=[^;]*;)*) (.+)", re.DOTALL)
_NOT_LISTED: Final = re.compile(rb"(?i)type=[cp]dir;")

Listing: TypeAlias = Literal["LIST", "NLST", "MLSD"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; ``lines`` are the texts, without the code where a line begins with it."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> bytes:
        return b"\n".join(self.lines)

    @property
    def preliminary(self) -> bool:
        return self.code < 200

    @property
    def completed(self) -> bool:
        return 200 <= self.code < 300

    def __str__(self) -> str:
        """For people: the code and the texts in one line."""
        return f"{self.code} {b' '.join(self.lines).decode('utf-8', 'backslashreplace')}".rstrip()


class ReplyReader:
    """Bytes in, replies out; `ProtocolViolation` for what is no FTP reply."""

    __slots__ = ("_code", "_lines", "_reader", "_size")

    def __init__(self) -> None:
        self._reader = LineReader(MAX_LINE)
        self._lines: list[bytes] = []
        self._code = b""
        self._size = 0

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of a reply" if self._lines or self._reader.pending else "instead of a reply"

    @property
    def pending(self) -> bytes:
        """What has come beyond the last reply."""
        return self._reader.pending

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def feed_eof(self) -> None:
        """Nothing is completed by the end: a reply ends with its last line."""

    def next_event(self) -> Reply | None:
        """Return the next whole reply, None where more bytes are needed."""
        while (line := self._reader.next_line()) is not None:
            self._size += len(line) + 1
            if self._size > MAX_REPLY:
                raise ProtocolViolation(f"a reply longer than {MAX_REPLY} bytes")
            if self._lines:
                last = line[:3] == self._code and line[3:4] in {b" ", b""}
                coded = last or line.startswith(self._code + b"-")
                self._lines.append(line[4:] if coded else line)
            else:
                found = _FIRST.fullmatch(line)
                if found is None:
                    raise ProtocolViolation(f"not an FTP reply: {line[:80]!r}")
                last = found[2] != b"-"
                self._code = found[1]
                self._lines.append(found[3] or b"")
            if last:
                reply = Reply(int(self._code), tuple(self._lines))
                self._lines.clear()
                self._size = 0
                return reply
        return None


def passive_address(reply: Reply) -> tuple[str, int]:
    """Return the address and port that a 227 names; raise `ProtocolViolation`.

    The parentheses are optional: six numbers are looked for, as RFC 1123 section 4.1.2.6 demands, with blanks behind
    the commas, which the sscanf(3) of most clients passes over.
    """
    found = _ADDRESS.search(reply.text)
    numbers = [int(number) for number in found.groups()] if found else [256]
    if max(numbers) > 255:
        raise ProtocolViolation(f"no address and port in the answer to PASV: {str(reply)[:120]!r}")
    return str(IPv4Address(bytes(numbers[:4]))), _data_port(numbers[4] * 256 + numbers[5], "PASV")


def extended_port(reply: Reply) -> int:
    """Return the port that a 229 names (RFC 2428 section 3); raise `ProtocolViolation`."""
    found = _EXTENDED.search(reply.text)
    if found is None:
        raise ProtocolViolation(f"no port in the answer to EPSV: {str(reply)[:120]!r}")
    return _data_port(int(found[4]), "EPSV")


def _data_port(port: int, command: str) -> int:
    if not FIRST_DATA_PORT <= port <= 65535:
        kind = "privileged port" if 0 < port < FIRST_DATA_PORT else "port"
        raise ProtocolViolation(f"the answer to {command} names the {kind} {port}, where no data connection can be")
    return port


def port_command(address: str, port: int) -> str:
    """Return the PORT command for an IPv4 address."""
    return f"PORT {address.replace('.', ',')},{port >> 8},{port & 255}"


def extended_port_command(address: str, port: int) -> str:
    """Return the EPRT command (RFC 2428 section 2)."""
    return f"EPRT |{2 if ':' in address else 1}|{address}|{port}|"


class EntryReader:
    """Bytes of a listing in, its entries out: without the total, blank lines and the directory itself."""

    __slots__ = ("_command", "_reader")

    def __init__(self, command: Listing) -> None:
        self._command = command
        self._reader = LineReader(MAX_ENTRY)

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def feed_eof(self) -> None:
        """Complete a last line without an end."""
        rest = self._reader.pending
        if rest:
            self._reader.feed(b"\n")

    def next_event(self) -> bytes | None:
        """Return the next entry, None where more bytes are needed; raise `ProtocolViolation`."""
        while (line := self._reader.next_line()) is not None:
            if self._is_entry(line):
                return line
        return None

    def _is_entry(self, line: bytes) -> bool:
        if not line.strip():
            return False
        if self._command == "MLSD":
            found = _FACTS.fullmatch(line)
            if found is None:
                raise ProtocolViolation(f"not a line of MLSD: {line[:80]!r}")
            return not _NOT_LISTED.search(found[1])
        name = line.rpartition(b" ")[2].rstrip(b"/")
        return name not in {b".", b".."} and not (self._command == "LIST" and re.fullmatch(rb"total\s+\d+", line))
