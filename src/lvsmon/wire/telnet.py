"""Telnet (RFC 854, options RFC 855): text apart from commands, and the answers that a plain client gives.

Everything the peer sends is text except what follows IAC (255): a command of one byte, WILL, WONT, DO or DONT with an
option, or a subnegotiation (SB option ... IAC SE). IAC IAC is the text byte 255. NUL is "no operation" (RFC 854 page
11), so CR NUL is a bare CR and NULs are dropped.

A real telnetd asks for terminal type, speed and environment and prompts only after it has been answered, so every offer
and request gets an answer (RFC 1143 without the queue: nothing is ever asked for by us):

| peer | we | because |
| --- | --- | --- |
| DO anything | WONT | we have no terminal, no window, no environment |
| WILL ECHO, WILL SUPPRESS-GO-AHEAD | DO, once | what every client agrees to; some devices prompt only then |
| WILL anything else | DONT | |
| WONT what we agreed to | DONT, once | |
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from lvsmon.errors import ProtocolViolation

IAC: Final = 255


class Verb(IntEnum):
    """RFC 854, page 14."""

    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254


_SB: Final = 250
_SE: Final = 240
_VERBS: Final = frozenset(Verb)

ECHO: Final = 1  # RFC 857
SUPPRESS_GO_AHEAD: Final = 3  # RFC 858
_AGREED: Final = frozenset({ECHO, SUPPRESS_GO_AHEAD})

MAX_SUBNEGOTIATION: Final = 512
"""Bytes of one subnegotiation: BSD's client and server keep 256 to 512 for it, and we ask for none."""

MAX_COMMANDS: Final = 1024
"""Commands of one conversation before its prompt: twice WILL and DO for each of the 256 options. A peer that
negotiates for ever would otherwise be answered for ever."""


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes for the user. How a text is cut into events follows how it arrived; its bytes do not."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Negotiation:
    """The peer offers or asks for an option; ``answer`` is what to send back, b"" for nothing."""

    verb: Verb
    option: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class Subnegotiation:
    """Parameters of an option that we never agreed to: to be ignored."""

    option: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Command:
    """A command without an option: GA, NOP, AYT, DM ...: to be ignored."""

    code: int


Event: TypeAlias = Text | Negotiation | Subnegotiation | Command


class TelnetReader:
    """Bytes in, events out. Raises `ProtocolViolation` where a subnegotiation or the number of commands is endless."""

    __slots__ = ("_agreed", "_commands", "_ended", "_pending")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._agreed: set[int] = set()
        self._commands = 0
        self._ended = False

    @property
    def where(self) -> str:
        """What the peer owes."""
        return "in the middle of a telnet command" if self._pending else "before its prompt"

    def feed(self, data: bytes) -> None:
        self._pending += data

    def feed_eof(self) -> None:
        self._ended = True

    def next_event(self) -> Event | None:
        """Return the next event, None where more bytes are needed."""
        while self._pending:
            if self._pending[0] != IAC:
                end = self._pending.find(IAC)
                end = len(self._pending) if end < 0 else end
                text = bytes(self._pending[:end]).replace(b"\0", b"")
                del self._pending[:end]
                if text:
                    return Text(text)
                continue
            if len(self._pending) < 2:
                return None
            code = self._pending[1]
            if code == IAC:
                del self._pending[:2]
                return Text(b"\xff")
            event, length = self._command(code)
            if event is None:
                return None
            del self._pending[:length]
            self._commands += 1
            if self._commands > MAX_COMMANDS:
                raise ProtocolViolation(f"more than {MAX_COMMANDS} telnet commands without a prompt")
            return event
        return None

    def _command(self, code: int) -> tuple[Event | None, int]:
        """Return the command at the front and its length in bytes; no event where it is not whole."""
        if code in _VERBS:
            if len(self._pending) < 3:
                return None, 0
            verb, option = Verb(code), self._pending[2]
            return Negotiation(verb, option, self._answer(verb, option)), 3
        if code == _SB:
            return self._subnegotiation()
        return Command(code), 2

    def _subnegotiation(self) -> tuple[Event | None, int]:
        """IAC IAC is the byte 255. IAC with anything but SE ends it too: BSD's reading of peers that forget SE."""
        data = bytearray()
        position = 2
        while position < len(self._pending):
            byte = self._pending[position]
            if byte == IAC:
                if position + 1 == len(self._pending):
                    break
                following = self._pending[position + 1]
                if following != IAC:
                    length = position + 2 if following == _SE else position
                    return Subnegotiation(data[0] if data else 0, bytes(data[1:])), length
                position += 1
            data.append(byte)
            position += 1
            if len(data) > MAX_SUBNEGOTIATION:
                raise ProtocolViolation(f"a telnet subnegotiation longer than {MAX_SUBNEGOTIATION} bytes")
        return None, 0

    def _answer(self, verb: Verb, option: int) -> bytes:
        reply: Verb | None = None
        if verb is Verb.DO:
            reply = Verb.WONT
        elif verb is Verb.WILL and option not in _AGREED:
            reply = Verb.DONT
        elif verb is Verb.WILL and option not in self._agreed:
            self._agreed.add(option)
            reply = Verb.DO
        elif verb is Verb.WONT and option in self._agreed:
            self._agreed.discard(option)
            reply = Verb.DONT
        return b"" if reply is None else bytes((IAC, reply, option))
