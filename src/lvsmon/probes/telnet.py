"""telnet: the prompt that a user would see, after the options have been negotiated."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed, LocalFault, PeerClosed
from lvsmon.model import Outcome, Target
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Pattern, Size
from lvsmon.probes.base import Context, passed
from lvsmon.probes.talk import READ, refuse_vacuous, shown
from lvsmon.wire.telnet import Negotiation, TelnetReader, Text

PROMPT: Final = Regex(
    rb"(?i)(?:log[ -]?(?:in|on)|user(?:[ -]?(?:name|id))?|pass[ -]?(?:word|code|phrase)|account|name|handle)"
    rb"(?: as| id| or '?new'?)?\]?\s*[:>?](?:\s|\x1b\[[0-9;?]*[A-Za-z])*\Z"
)
"""login:, Username:, User Access Verification's Password:, login as:, "enter your name or NEW:" and their like, at the
end of what was sent; switches and bulletin boards colour them with ANSI sequences."""

_MAX_MAX_READ: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TelnetProbe:
    """Connect, answer the option negotiation, wait for the prompt."""

    kind: ClassVar[str] = "telnet"
    comparable: ClassVar[str] = "banner"
    default_port: ClassVar[int] = 23

    expect: Pattern = PROMPT
    """Regular expression for the prompt, searched in the text without telnet commands; any login prompt by default."""
    banner: Pattern | None = None
    """Regular expression that must also match in the text up to the prompt."""
    expect_hostname: bool = False
    """The text up to the prompt must hold the hostname of the virtual service, or the first part of it."""
    max_read: Size = 16384
    """Bytes of text within which the prompt must come."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that decide nothing."""
        if not 1 <= self.max_read <= _MAX_MAX_READ:
            raise ValueError("max_read: write a size from 1B to 1MiB")
        refuse_vacuous("expect", self.expect)
        refuse_vacuous("banner", self.banner)

    @property
    def uses_hostname(self) -> bool:
        return self.expect_hostname

    @property
    def needs_hostname(self) -> bool:
        return self.expect_hostname

    @property
    def memory_bound(self) -> int:
        return 131072 + 3 * self.max_read

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        reader = TelnetReader()
        seen = bytearray()
        while not self.expect.search(seen):
            if len(seen) >= self.max_read:
                raise ExpectationFailed(f"no prompt in the first {self.max_read} bytes, which end in {_tail(seen)!r}")
            data = await stream.read(READ)
            if not data:
                said = f"after {_tail(seen)!r}" if seen else "without a word"
                raise PeerClosed(f"the realserver closed the connection before its prompt, {said}")
            reader.feed(data)
            answers = bytearray()
            while (event := reader.next_event()) is not None:
                if isinstance(event, Text):
                    seen += event.data[: self.max_read - len(seen)]
                elif isinstance(event, Negotiation):
                    answers += event.answer
            if answers:
                await stream.write(bytes(answers))
        self._hold_against(bytes(seen), target)
        stream.close()
        return passed(f"prompt {_tail(seen)!r}", {"banner": shown(seen)})

    def _hold_against(self, text: bytes, target: Target) -> None:
        if self.banner is not None and not self.banner.search(text):
            raise ExpectationFailed(f"banner does not match before the prompt: {shown(text, 120)!r}")
        if self.expect_hostname:
            if target.hostname is None:
                raise LocalFault("expect_hostname needs the hostname of the virtual service: set hostname there")
            name = re.escape(target.hostname.rstrip(".").encode())
            label = re.escape(target.hostname.partition(".")[0].encode())
            # The whole name, or its first label alone: "rs1.example.org" must not pass for "shop.example.org".
            if not re.search(rb"(?i)(?<![\w.-])(?:%b|%b(?!\.?[\w-]))(?![\w-])" % (name, label), text):
                raise ExpectationFailed(f"the name shown is not {target.hostname}: {shown(text, 120)!r}")


def _tail(text: bytes | bytearray) -> str:
    """Return the last line that holds something: what a user would be looking at."""
    lines = bytes(text[-400:]).strip().splitlines()
    return shown(lines[-1], 80) if lines else ""
