"""SMTP as a client speaks it up to the message itself (RFC 5321, 3207, 4954); LMTP differs in one command."""

import re
from base64 import b64encode
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from lvsmon.errors import ConnectFailed, ExpectationFailed, PeerClosed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Duration
from lvsmon.probes.base import Context, passed
from lvsmon.probes.dialogue import DialogueSettings, Talk, demand_name
from lvsmon.probes.talk import shown
from lvsmon.wire.smtp import Reply, SmtpReader

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f.:IPv]+\]")
_KEYWORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_MECHANISM: Final = re.compile(r"[A-Z0-9_-]{1,20}")
_MAILBOX: Final = re.compile(r"[!-;=?-~]{1,254}")  # printable ASCII but < > and space: nothing that ends the path
_NO_SERVICE: Final = frozenset({521, 554})
"""Refusals that mean the client, not the command (RFC 7504, RFC 5321 section 3.1)."""

_RECIPIENT_TAKEN: Final = frozenset({250, 251, 252})
"""252: it takes the message without having looked whether there is such a mailbox; senders go on at any 2xx."""
_NOTICEABLE: Final = 1.0
"""Seconds from which a detail tells how long the greeting took."""


@dataclass(frozen=True, kw_only=True)
class SmtpSettings(DialogueSettings):
    """Settings of smtp, submission and lmtp."""

    helo: str = "localhost.localdomain"
    """Name to greet with; set it to the director's own name where servers look it up."""
    expect_hostname: bool = False
    """The greeting's first word must be the name that clients use (the virtual service's hostname)."""
    slow_banner: Duration = 5.0
    """WARN where the whole greeting takes longer than this, as ident or DNS lookups make it; "0s" for never."""
    extensions: tuple[str, ...] = ()
    """Extensions that must be offered (in TLS, if there is TLS), such as "SIZE" or "8BITMIME"."""
    auth: tuple[str, ...] = ()
    """SASL mechanisms that must be offered, such as "PLAIN"; "ANY" is met by any."""
    mail_from: str | None = None
    """Sender to name in MAIL FROM, "" for the null sender; taken back by RSET, so nothing is sent."""
    rcpt_to: str | None = None
    """Recipient that must be accepted in RCPT TO; taken back by RSET, so nothing is sent."""

    def __post_init__(self) -> None:
        """Raise ValueError for what no server takes and for settings that decide nothing."""
        DialogueSettings.__post_init__(self)
        if not _NAME.fullmatch(self.helo) or len(self.helo) > 255:
            raise ValueError('helo: write a host name such as "director.example.org", or an address as "[192.0.2.1]"')
        for keyword in self.extensions:
            if not _KEYWORD.fullmatch(keyword) or keyword.upper() == "AUTH":
                raise ValueError(
                    f'extensions: write keywords such as "SIZE"; for AUTH use the setting auth: {keyword!r}'
                )
        for mechanism in self.auth:
            if not _MECHANISM.fullmatch(mechanism):
                raise ValueError(f'auth: write mechanisms in capitals, such as "PLAIN", or "ANY": {mechanism!r}')
        for setting, address in (("mail_from", self.mail_from or None), ("rcpt_to", self.rcpt_to)):
            if address is not None and not _MAILBOX.fullmatch(address):
                raise ValueError(f'{setting}: write an address in ASCII such as "probe@example.org", not {address!r}')

    @property
    def uses_hostname(self) -> bool:
        return self.expect_hostname or (self.speaks_tls and self.tls_uses_hostname)

    @property
    def needs_hostname(self) -> bool:
        return self.expect_hostname

    @property
    def hellos(self) -> tuple[str, ...]:
        """The commands to say hello with: the second where the first is refused."""
        raise NotImplementedError

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        talk = SmtpTalk(self, target, ctx)
        session = await talk.open(self)
        await talk.hello()
        talk.demand_offers()
        if self.username is not None and self.password is not None:
            await talk.log_in(self.username, self.password.reveal())
        await talk.try_envelope()
        return self.graded(await talk.goodbye("QUIT", talk.outcome()), session)


class SmtpTalk(Talk[Reply]):
    """One conversation: the greeting, what is offered, and how long the greeting took."""

    def __init__(self, settings: SmtpSettings, target: Target, ctx: Context) -> None:
        super().__init__(target, ctx)
        self._settings = settings
        self._greeting = Reply(0, ())
        self._greeted_after = 0.0
        self._offers: dict[str, str] = {}

    def make_reader(self) -> SmtpReader:
        return SmtpReader()

    async def greet(self) -> None:
        began = self.ctx.clock.monotonic()
        self._greeting = await self.hear()
        self._greeted_after = self.ctx.clock.monotonic() - began
        demand(self._greeting, {220}, "the greeting")
        self._settings.demand_banner(self._greeting.text)
        if self._settings.expect_hostname:
            words = self._greeting.lines[0].split()
            demand_name(words[0].decode("utf-8", "backslashreplace") if words else "", self.target)

    async def hello(self) -> None:
        """Say hello as the settings have it, and learn what is offered."""
        first, *fallbacks = self._settings.hellos
        answer = await self.ask(f"{first} {self._settings.helo}")
        for other in fallbacks:
            if answer.code >= 500 and answer.code not in _NO_SERVICE:  # old servers refuse EHLO with any code
                with suppress(PeerClosed, ConnectFailed):  # it meant the client, and has said why
                    answer = await self.ask(f"{other} {self._settings.helo}")
        demand(answer, {250}, f"the answer to {first}")
        self._offers = _offers(answer)

    async def start_tls(self) -> None:
        await self.hello()
        if "STARTTLS" not in self._offers:
            raise ExpectationFailed(f"STARTTLS is not offered: {self._offered()}")
        demand(await self.ask("STARTTLS"), {220}, "the answer to STARTTLS")

    def demand_offers(self) -> None:
        """Raise `ExpectationFailed` where an extension or a mechanism that must be offered is not."""
        for keyword in self._settings.extensions:
            if keyword.upper() not in self._offers:
                raise ExpectationFailed(f"{keyword} is not offered: {self._offered()}")
        mechanisms = self._mechanisms()
        for mechanism in self._settings.auth:
            if not (mechanisms if mechanism == "ANY" else mechanism in mechanisms):
                offered = f"offered are {' '.join(mechanisms)}" if mechanisms else "no AUTH is offered at all"
                raise ExpectationFailed(f"AUTH {mechanism} is not offered: {shown(offered.encode(), 120)}")

    def _offered(self) -> str:
        offered = f"offered are {' '.join(self._offers)}" if self._offers else "no extension is offered at all"
        return shown(offered.encode(), 200)

    def _mechanisms(self) -> list[str]:
        return self._offers.get("AUTH", "").upper().split()

    async def log_in(self, username: str, password: str) -> None:
        """Do AUTH PLAIN, or LOGIN where that alone is offered; raise `Rejected` where it is refused."""
        mechanisms = self._mechanisms()
        if "PLAIN" in mechanisms:
            answer = await self.ask(f"AUTH PLAIN {_base64(f'{chr(0)}{username}{chr(0)}{password}')}")
        elif "LOGIN" in mechanisms:
            demand(await self.ask("AUTH LOGIN"), {334}, "the answer to AUTH LOGIN")
            demand(await self.ask(_base64(username), "the user name"), {334}, "the answer to the user name")
            answer = await self.ask(_base64(password), "the password")
        else:
            offered = f"offered are {' '.join(mechanisms)}" if mechanisms else "no AUTH is offered at all"
            raise ExpectationFailed(f"neither AUTH PLAIN nor LOGIN is offered: {shown(offered.encode(), 120)}")
        if answer.code == 535:
            raise Rejected(f"the login is refused: {shown(str(answer).encode(), 200)}", Reason.AUTHENTICATION)
        demand(answer, {235}, "the answer to the login")

    async def try_envelope(self) -> None:
        """Name sender and recipient and take them back; raise `Rejected` where one is refused."""
        sender, recipient = self._settings.mail_from, self._settings.rcpt_to
        if sender is None and recipient is None:
            return
        demand(await self.ask(f"MAIL FROM:<{sender or ''}>"), {250}, f"the answer to MAIL FROM:<{sender or ''}>")
        if recipient is not None:
            demand(await self.ask(f"RCPT TO:<{recipient}>"), _RECIPIENT_TAKEN, f"the answer to RCPT TO:<{recipient}>")
        demand(await self.ask("RSET"), {250}, "the answer to RSET")

    def outcome(self) -> Outcome:
        """Return PASS, or WARN for a slow greeting."""
        took, limit = self._greeted_after, self._settings.slow_banner
        facts: dict[str, FactValue] = {"banner": shown(self._greeting.text), "banner_seconds": round(took, 3)}
        if self._offers:
            facts["extensions"] = shown(" ".join(self._offers).encode())
        if mechanisms := self._mechanisms():
            facts["auth"] = shown(" ".join(mechanisms).encode())
        detail = shown(str(self._greeting).encode(), 120)
        if took >= _NOTICEABLE:
            detail += f", a slow banner: it took {took:.1f} s"
        outcome = passed(detail, facts)
        if limit and took > limit:
            return replace(outcome, verdict=Verdict.WARN, reason=Reason.DEGRADED)
        return outcome


def _offers(answer: Reply) -> dict[str, str]:
    """Return the extensions of an EHLO answer: keyword in capitals -> parameters (RFC 5321 section 4.1.1.1).

    "AUTH=LOGIN" is how servers wrote it before RFC 2554, and some still write it beside the other.
    """
    found: dict[str, str] = {}
    for line in answer.lines[1:]:
        keyword, _, parameters = line.decode("ascii", "backslashreplace").strip().partition(" ")
        if keyword.upper().startswith("AUTH="):
            keyword, parameters = "AUTH", f"{keyword[5:]} {parameters}"
        if keyword:
            key = keyword.upper()
            found[key] = f"{found[key]} {parameters}" if key in found else parameters
    return found


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def demand(reply: Reply, codes: AbstractSet[int], what: str) -> None:
    """Raise `Rejected` where ``reply`` is a refusal, `ProtocolViolation` where it is another code than wanted."""
    if reply.code >= 400:
        raise Rejected(f"{what} is a refusal: {shown(str(reply).encode(), 200)}")
    if reply.code not in codes:
        wanted = " or ".join(map(str, sorted(codes)))
        raise ProtocolViolation(f"{what} is not {wanted}: {shown(str(reply).encode(), 200)}")
