"""smtp: a mail server that greets, answers HELO or EHLO and says goodbye (RFC 5321)."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ConnectFailed, ExpectationFailed, LocalFault, PeerClosed, ProtocolViolation, Rejected
from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Pattern
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.talk import next_event, refuse_vacuous, shown
from lvsmon.wire.smtp import Reply, SmtpReader

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f.:IPv]+\]")
_NOT_KNOWN: Final = frozenset({500, 502, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpProbe:
    """Wait for the greeting, say HELO or EHLO, and QUIT."""

    kind: ClassVar[str] = "smtp"
    default_port: ClassVar[int] = 25
    memory_bound: ClassVar[int] = 262144

    helo: str = "localhost.localdomain"
    """Name to greet with; set it to the director's own name where servers look it up."""
    command: Literal["EHLO", "HELO"] = "EHLO"
    """EHLO, which falls back to HELO where the server does not know it, as clients do; or HELO alone."""
    expect_banner: Pattern | None = None
    """Regular expression that must match in the text of the greeting (its lines without the 220)."""
    expect_hostname: bool = False
    """The greeting's first word must be the name that clients use (the virtual service's hostname)."""

    def __post_init__(self) -> None:
        """Raise ValueError for a name that no server takes and for settings that decide nothing."""
        if not _NAME.fullmatch(self.helo) or len(self.helo) > 255:
            raise ValueError('helo: write a host name such as "director.example.org", or an address as "[192.0.2.1]"')
        refuse_vacuous("expect_banner", self.expect_banner)

    @property
    def uses_hostname(self) -> bool:
        return self.expect_hostname

    @property
    def needs_hostname(self) -> bool:
        return self.expect_hostname

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        reader = SmtpReader()
        greeting = await next_event(stream, reader)
        _demand(greeting, 220, "the greeting")
        self._hold_against(greeting, target)
        answer = await _say(stream, reader, f"{self.command} {self.helo}")
        if self.command == "EHLO" and answer.code in _NOT_KNOWN:
            answer = await _say(stream, reader, f"HELO {self.helo}")
        _demand(answer, 250, f"the answer to {self.command}")
        await _quit(stream, reader)
        stream.close()
        return passed(shown(str(greeting).encode(), 120), {"banner": shown(greeting.text)})

    def _hold_against(self, greeting: Reply, target: Target) -> None:
        if self.expect_banner is not None and not self.expect_banner.search(greeting.text):
            raise ExpectationFailed(f"expect_banner does not match in the greeting: {shown(greeting.text, 120)!r}")
        if self.expect_hostname:
            if target.hostname is None:
                raise LocalFault("expect_hostname needs the hostname of the virtual service: set hostname there")
            words = greeting.lines[0].split()
            name = words[0].decode("utf-8", "backslashreplace").rstrip(".") if words else ""
            if name.lower() != target.hostname.lower().rstrip("."):
                raise ExpectationFailed(
                    f"the greeting names {shown(name.encode(), 80)!r}, clients use {target.hostname}"
                )


async def _say(stream: Stream, reader: SmtpReader, line: str) -> Reply:
    await stream.write(line.encode("ascii") + b"\r\n")
    return await next_event(stream, reader)


async def _quit(stream: Stream, reader: SmtpReader) -> None:
    """Say QUIT and hear the 221, so that the server logs an orderly end.

    A server that hangs up instead has served all the same.
    """
    try:
        await _say(stream, reader, "QUIT")
    except (PeerClosed, ConnectFailed):
        return


def _demand(reply: Reply, code: int, what: str) -> None:
    if reply.code >= 400:
        raise Rejected(f"{what} is a refusal: {shown(str(reply).encode(), 200)}")
    if reply.code != code:
        raise ProtocolViolation(f"{what} is not {code}: {shown(str(reply).encode(), 200)}")
