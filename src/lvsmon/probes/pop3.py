"""pop3: a mail server from which people fetch their mail (RFC 1939, RFC 2449, RFC 2595)."""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.probes.base import Context, passed
from lvsmon.probes.dialogue import DialogueSettings, Talk
from lvsmon.probes.talk import shown
from lvsmon.wire.pop3 import Answer, Pop3Reader

_CAPABILITY: Final = re.compile(r"[!-~]{1,64}")
_TIMESTAMP: Final = re.compile(rb"<[!-;=?-~]+@[!-;=?-~]+>")
_STAT: Final = re.compile(rb"(\d{1,10}) (\d{1,20})(?: .*)?", re.DOTALL)
_BUSY: Final = {
    "IN-USE": "the login is good, but another session holds the mailbox: give each realserver's probe one of its own",
    "LOGIN-DELAY": "it wants more time between logins of one user: probe less often",
}
"""Response codes that say nothing against the realserver, and what to do about them (RFC 2449 section 8.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop3Probe(DialogueSettings):
    """Wait for the greeting, ask what is offered, do TLS, log in and count the mail if so set, and QUIT."""

    kind: ClassVar[str] = "pop3"
    comparable: ClassVar[str] = "banner"
    needs_hostname: ClassVar[bool] = False

    capabilities: tuple[str, ...] = ()
    """Capabilities that must be offered (in TLS, if there is TLS), such as "UIDL" or "SASL"."""
    apop: bool = False
    """Log in by APOP, which does not send the password, instead of USER and PASS."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        DialogueSettings.__post_init__(self)
        for capability in self.capabilities:
            if not _CAPABILITY.fullmatch(capability):
                raise ValueError(f'capabilities: write names such as "UIDL": {capability!r}')
        if self.username is not None and self.apop and " " in self.username:
            raise ValueError("username: APOP cannot carry a space in it (RFC 1939 section 7)")
        if self.apop and self.username is None:
            raise ValueError("apop: has no effect without username and password")

    @property
    def default_port(self) -> int:
        return 995 if self.tls == "implicit" else 110

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        talk = Pop3Talk(self, target, ctx)
        session = await talk.open(self)
        await talk.learn_capabilities()
        talk.demand_capabilities()
        outcome = talk.outcome()
        if self.username is not None and self.password is not None:
            outcome = await talk.log_in(self.username, self.password.reveal(), outcome)
        return self.graded(await talk.goodbye("QUIT", outcome), session)


class Pop3Talk(Talk[Answer]):
    """One conversation: the greeting and what is offered; None where the server does not tell."""

    reader: Pop3Reader

    def __init__(self, settings: Pop3Probe, target: Target, ctx: Context) -> None:
        super().__init__(target, ctx)
        self._settings = settings
        self._greeting = b""
        self._capabilities: tuple[str, ...] | None = None

    def make_reader(self) -> Pop3Reader:
        return Pop3Reader()

    async def greet(self) -> None:
        answer = await self.hear()
        demand(answer, "the greeting")
        self._greeting = answer.text
        self._settings.demand_banner(answer.text)

    async def learn_capabilities(self) -> None:
        """Ask for them: -ERR is the answer of servers older than RFC 2449."""
        await self.say("CAPA")
        self.reader.expect_listing()
        answer = await self.hear()
        self._capabilities = None
        if answer.ok:
            self._capabilities = tuple(line.decode("ascii", "backslashreplace").upper() for line in answer.lines)

    def _offers(self, name: str) -> bool:
        wanted = name.upper()
        return any(wanted == offered.partition(" ")[0] for offered in self._capabilities or ())

    def _offered(self) -> str:
        if self._capabilities is None:
            return "it does not know CAPA"
        return shown(f"offered are {', '.join(self._capabilities)}".encode(), 200)

    def demand_capabilities(self) -> None:
        """Raise `ExpectationFailed` where one that must be offered is not."""
        for name in self._settings.capabilities:
            if not self._offers(name):
                raise ExpectationFailed(f"{name} is not offered: {self._offered()}")

    async def start_tls(self) -> None:
        await self.learn_capabilities()
        if self._capabilities is not None and not self._offers("STLS"):
            raise ExpectationFailed(f"STLS is not offered: {self._offered()}")
        demand(await self.ask("STLS"), "the answer to STLS")

    def outcome(self) -> Outcome:
        facts: dict[str, FactValue] = {"banner": shown(self._greeting)}
        if self._capabilities:
            facts["capabilities"] = shown(", ".join(self._capabilities).encode())
        return passed(f"+OK {shown(self._greeting, 120)}".rstrip(), facts)

    async def log_in(self, username: str, password: str, outcome: Outcome) -> Outcome:
        """Log in and count the mail; return ``outcome`` with what was found."""
        answer = await (self._by_apop if self._settings.apop else self._by_user)(username, password)
        if not answer.ok:
            return replace(_busy_or_raise(answer), facts=outcome.facts)
        answer = await self.ask("STAT")
        demand(answer, "the answer to STAT")
        found = _STAT.fullmatch(answer.text)
        if found is None:
            raise ProtocolViolation(f"the answer to STAT has no two numbers: {shown(str(answer).encode(), 120)}")
        facts = {**outcome.facts, "messages": int(found[1]), "octets": int(found[2])}
        return passed(f"logged in, {int(found[1])} messages", facts)

    async def _by_user(self, username: str, password: str) -> Answer:
        answer = await self.ask(f"USER {username}")
        return await self.ask(f"PASS {password}") if answer.ok else answer

    async def _by_apop(self, username: str, password: str) -> Answer:
        found = _TIMESTAMP.search(self._greeting)
        if found is None:
            raise ExpectationFailed(
                f"APOP is not offered: the greeting has no timestamp: {shown(self._greeting, 120)!r}"
            )
        digest = hashlib.md5(found[0] + password.encode(), usedforsecurity=False).hexdigest()
        return await self.ask(f"APOP {username} {digest}")


def _busy_or_raise(answer: Answer) -> Outcome:
    """Return WARN where a refused login says nothing against the realserver; raise `Rejected` otherwise."""
    said = shown(str(answer).encode(), 200)
    if (advice := _BUSY.get(answer.code)) is not None:
        return Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=f"{advice}: {said}")
    if answer.code.startswith("SYS/"):
        how_long = "for now" if answer.code == "SYS/TEMP" else "until somebody repairs it"
        raise Rejected(f"its mail system is out of order {how_long}, whatever the password: {said}")
    raise Rejected(f"the login is refused: {said}", Reason.AUTHENTICATION)


def demand(answer: Answer, what: str) -> None:
    """Raise `Rejected` where ``answer`` is -ERR."""
    if not answer.ok:
        raise Rejected(f"{what} is a refusal: {shown(str(answer).encode(), 200)}")
