"""FTP's control connection: commands one at a time, each with its answer, and TLS for it (RFC 4217)."""

import re
from typing import Final

from lvsmon.errors import ExpectationFailed, PeerClosed, ProtocolViolation, Rejected
from lvsmon.model import Reason, Target
from lvsmon.model.patterns import Regex
from lvsmon.probes.base import Context
from lvsmon.probes.dialogue import Talk
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.talk import next_event, shown
from lvsmon.wire.ftp import Reply, ReplyReader

_NOT_LOGGED_IN: Final = frozenset({430, 530, 532})
_GO_AHEAD: Final = frozenset({234, 334})
"""Answers to AUTH TLS after which the handshake comes: RFC 4217 section 4 has 234, clients take 334 too."""

_WANTS_TLS: Final = re.compile(rb"(?i)\b(?:tls|ssl|encrypt\w*|cleartext|secure|ftps|ftpes)\b")
"""Words of a refusal to serve in clear text: the codes (421, 530, 534, 550) say nothing of it."""


class Control(Talk[Reply]):
    """The control connection of one run."""

    reader: ReplyReader

    def __init__(self, settings: OptionalTls, expect_banner: Regex | None, target: Target, ctx: Context) -> None:
        super().__init__(target, ctx)
        self.settings: Final = settings
        self.greeting = b""
        self.protected = False
        """Whether data connections are to be secured, too."""
        self._expect_banner: Final = expect_banner

    def make_reader(self) -> ReplyReader:
        return ReplyReader()

    async def greet(self) -> None:
        greeting = await self.answer("the greeting")
        if greeting.code == 120:  # "ready in some minutes" (section 4.2): it may be ready before our deadline
            greeting = await self.answer("the greeting after 120")
        if greeting.code >= 400:
            raise Rejected(f"the greeting is a refusal: {quoted(greeting)}", refusal(greeting))
        if greeting.code != 220:
            raise ProtocolViolation(f"the greeting is not 220: {quoted(greeting)}")
        if self._expect_banner is not None and not self._expect_banner.search(greeting.text):
            raise ExpectationFailed(f"expect_banner does not match in the greeting: {shown(greeting.text, 120)!r}")
        self.greeting = greeting.text

    async def start_tls(self) -> None:
        reply = await self.command("AUTH", "TLS")
        if reply.code in _GO_AHEAD:
            return
        if reply.code >= 400:
            raise Rejected(f"it offers no TLS: AUTH TLS is refused: {quoted(reply)}")
        raise ProtocolViolation(f"the answer to AUTH TLS is not 234: {quoted(reply)}")

    async def protect(self, *, data: bool) -> None:
        """Say whether data connections are to be secured, which is asked for in the same way after implicit TLS.

        The buffer's size is always 0 and clients pass over its answer (RFC 4217 section 9): PROT decides.
        """
        await self.command("PBSZ", "0")
        await self.demand("PROT", "P" if data else "C")
        self.protected = data

    async def command(self, command: str, argument: str = "") -> Reply:
        """Send a command and return its answer."""
        await self.send(command, argument)
        return await self.answer(f"the answer to {command}")

    async def send(self, command: str, argument: str = "") -> None:
        line = f"{command} {argument}" if argument else command
        await self.stream.write(line.encode() + b"\r\n")

    async def answer(self, what: str) -> Reply:
        """Return the next reply, which is ``what``; raise `Rejected` where it is a goodbye."""
        self.ctx.net.awaiting(what)
        try:
            reply = await next_event(self.stream, self.reader)
        except PeerClosed as error:
            raise PeerClosed(f"{error}, where {what} was due") from None
        if reply.code == 421:  # section 5.4 allows it as the answer to anything
            why = self.why(reply)
            text = f"the realserver ends the service instead of {what}: {quoted(reply)}{why}"
            raise Rejected(text, Reason.AUTHENTICATION if why else Reason.REJECTED)
        return reply

    def heard(self) -> Reply | None:
        """Return a reply that has been read along with an earlier one."""
        return self.reader.next_event()

    async def demand(self, command: str, argument: str = "") -> Reply:
        """Send a command that must succeed."""
        return done(await self.command(command, argument), command)

    def why(self, reply: Reply) -> str:
        """Return what there is to say about a refusal, to be put behind it."""
        if not _WANTS_TLS.search(reply.text):
            return ""
        if self.settings.tls == "none":
            return '; it serves nobody in clear text: set tls = "starttls"'
        return "" if self.protected else "; it sends no data in clear text: leave protect_data = true"

    def keep_step(self) -> None:
        """Nothing: a reply too many is passed over, as clients do."""

    async def part(self, command: str) -> Reply:
        return await self.command(command)


def done(reply: Reply, command: str) -> Reply:
    """Return ``reply`` where it is a success; raise `Rejected` or `ProtocolViolation`."""
    if reply.code >= 400:
        raise Rejected(f"{command} is refused: {quoted(reply)}", refusal(reply))
    if not reply.completed:
        raise ProtocolViolation(f"the answer to {command} is neither a success nor a failure: {quoted(reply)}")
    return reply


def refusal(reply: Reply) -> Reason:
    """Return why a reply of 400 or more was given."""
    return Reason.AUTHENTICATION if reply.code in _NOT_LOGGED_IN else Reason.REJECTED


def quoted(reply: Reply) -> str:
    """Return the reply for a detail."""
    return shown(str(reply).encode(), 160)
