"""What the kinds share that talk in commands and answers: TLS from the start, by command or not at all; and order.

A server that answers before it is asked is out of step: its next answer may belong to any command, so none of them
counts. What comes in clear text behind the go-ahead for TLS could have been put there by anybody (CVE-2011-0411).
"""

import re
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from lvsmon.errors import (
    ConnectFailed,
    ExpectationFailed,
    LocalFault,
    PeerClosed,
    ProtocolViolation,
    Rejected,
    TlsFailed,
)
from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Pattern, Secret
from lvsmon.net.base import Stream
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.base import Context
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.talk import Reader, next_event, refuse_vacuous, shown

MAX_CREDENTIAL: Final = 248
"""Bytes of a user name or a password: what a POP3 command line of 255 octets (RFC 2449 section 4) nearly holds."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_GREETING: Final = (
    "its whole greeting: a lookup of the director (ident, DNS) may hold it up, or the port speaks another protocol, in"
    " which clients begin (HTTP, TLS)"
)
_Event = TypeVar("_Event")
_Event_co = TypeVar("_Event_co", covariant=True)


class DialogueReader(Reader[_Event_co], Protocol[_Event_co]):
    """A codec that knows what has come beyond its last event."""

    @property
    def pending(self) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class DialogueSettings(OptionalTls):
    """Settings of a kind that is greeted and may log in. Without slots, as its base."""

    expect_banner: Pattern | None = None
    """Regular expression that must match in the text of the greeting, without the word or code it begins with."""
    username: str | None = None
    """User to log in as, together with password."""
    password: Secret | None = None
    """Password to log in with."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other, or that a line cannot carry."""
        OptionalTls.__post_init__(self)
        refuse_vacuous("expect_banner", self.expect_banner)
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: give both or none")
        if self.username is None or self.password is None:
            return
        for setting, text in (("username", self.username), ("password", self.password.reveal())):
            if not text or len(text.encode()) > MAX_CREDENTIAL or _CONTROL.search(text):
                raise ValueError(f"{setting}: write 1 to {MAX_CREDENTIAL} bytes without control characters")

    @property
    def memory_bound(self) -> int:
        return 262144 + self.tls_memory

    def demand_banner(self, text: bytes) -> None:
        """Raise `ExpectationFailed` where ``expect_banner`` is given and does not match in a greeting's text."""
        if self.expect_banner is not None and not self.expect_banner.search(text):
            raise ExpectationFailed(f"expect_banner does not match in the greeting: {shown(text, 120)!r}")


class Talk(Generic[_Event]):
    """One conversation of one run. A protocol's own class says how it greets and how it asks for TLS."""

    def __init__(self, target: Target, ctx: Context) -> None:
        self.target = target
        self.ctx = ctx

    def make_reader(self) -> DialogueReader[_Event]:
        """Return a codec that has heard nothing."""
        raise NotImplementedError

    async def greet(self) -> None:
        """Wait for the greeting and judge it."""
        raise NotImplementedError

    async def start_tls(self) -> None:
        """Ask for TLS and wait for the go-ahead."""
        raise NotImplementedError

    def attach(self, stream: Stream) -> None:
        self.stream = stream
        self.reader = self.make_reader()

    async def open(self, settings: OptionalTls) -> TlsSession | None:
        """Connect, hear the greeting, and do TLS as ``settings`` say; return what the handshake came to."""
        stream, session = await settings.open(self.target, self.ctx, self._prepare)
        self.attach(stream)  # what was said in clear text counts no more (RFC 3207 section 4.2, RFC 2595)
        if settings.tls != "starttls":
            self.ctx.net.awaiting(_GREETING)
            await self.greet()
        return session

    async def _prepare(self, stream: Stream) -> None:
        self.attach(stream)
        self.ctx.net.awaiting(_GREETING)
        await self.greet()
        await self.start_tls()
        self.refuse_ahead()

    def refuse_ahead(self) -> None:
        """Raise `ProtocolViolation` where something has been said that was not asked for."""
        if self.reader.pending:
            raise ProtocolViolation(f"it says more than it was asked: {shown(self.reader.pending, 80)!r}")

    async def hear(self) -> _Event:
        return await next_event(self.stream, self.reader)

    async def say(self, line: str, what: str = "") -> None:
        """Send ``line``; ``what`` it is, where that is not its first word, is told of an answer that never comes."""
        self.refuse_ahead()
        self.ctx.net.awaiting(f"the answer to {what or line.partition(' ')[0]}")
        await self.stream.write(line.encode() + b"\r\n")

    async def ask(self, line: str, what: str = "") -> _Event:
        await self.say(line, what)
        return await self.hear()

    async def goodbye(self, command: str, outcome: Outcome) -> Outcome:
        """Say the last command and hear its answer, so that the server logs an orderly end; then close.

        Return ``outcome``: whatever the answer is, or that the server hangs up, makes no failure, since all that was to
        be proven has been proven by then. Silence is one: whoever answers no command any more serves nobody (RFC 5321
        section 4.1.1.10 has the server answer). Raise `ProtocolViolation` where the answer is no protocol.
        """
        self.keep_step()
        try:
            await self.part(command)
        except (PeerClosed, ConnectFailed, TlsFailed, Rejected):
            return outcome
        finally:
            self.stream.close()
        return outcome

    def keep_step(self) -> None:
        """Raise `ProtocolViolation` where it has answered what was not asked, before the last command."""
        self.refuse_ahead()

    async def part(self, command: str) -> _Event:
        """Say the last command and return its answer."""
        return await self.ask(command)


def demand_name(shown_name: str, target: Target) -> None:
    """Raise `ExpectationFailed` where a greeting shows another name than the one that clients use."""
    if target.hostname is None:
        raise LocalFault("expect_hostname needs the hostname of the virtual service: set hostname there")
    if shown_name.lower().rstrip(".") != target.hostname.lower().rstrip("."):
        raise ExpectationFailed(f"the greeting names {shown_name[:80]!r}, clients use {target.hostname}")
