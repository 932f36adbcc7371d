"""nntp: a news server that greets, tells what it can do and, if asked, has a newsgroup (RFC 3977, 4642, 4643)."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.probes.base import Context, passed
from lvsmon.probes.dialogue import DialogueSettings, Talk
from lvsmon.probes.talk import shown
from lvsmon.wire.nntp import Answer, NntpReader

_GROUP: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")
_COUNTS: Final = re.compile(rb"(\d{1,16}) (\d{1,16}) (\d{1,16})(?: .*)?", re.DOTALL)
_READY: Final = frozenset({200, 201})
_NOT_KNOWN: Final = frozenset({500, 501, 502, 503})
_LOGIN_WANTED: Final = frozenset({480, 481, 482, 483})


@dataclass(frozen=True, slots=True, kw_only=True)
class NntpProbe(DialogueSettings):
    """Wait for the greeting, ask what it can do, do TLS, log in and enter a newsgroup if so set, and QUIT."""

    kind: ClassVar[str] = "nntp"
    comparable: ClassVar[str] = "banner"
    needs_hostname: ClassVar[bool] = False

    mode_reader: bool = False
    """Say MODE READER, which servers that also exchange news with others want of people's news programs."""
    posting: bool = False
    """The realserver must allow posting: 200, not 201."""
    group: str | None = None
    """Newsgroup that must be there, such as "news.announce.important"."""
    min_articles: int = 0
    """Articles that group must hold at least."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        DialogueSettings.__post_init__(self)
        if self.group is not None and not _GROUP.fullmatch(self.group):
            raise ValueError(f'group: write the name of a newsgroup such as "news.announce.important": {self.group!r}')
        if self.min_articles < 0:
            raise ValueError("min_articles: write a number of articles, or 0")
        if self.min_articles and self.group is None:
            raise ValueError("min_articles: has no effect without group")

    @property
    def default_port(self) -> int:
        return 563 if self.tls == "implicit" else 119

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        talk = NntpTalk(self, target, ctx)
        session = await talk.open(self)
        if self.mode_reader:
            await talk.become_reader()
        await talk.learn_capabilities()
        if self.username is not None and self.password is not None:
            await talk.log_in(self.username, self.password.reveal())
        talk.demand_posting()
        if self.group is not None:
            await talk.enter_group(self.group)
        return self.graded(await talk.goodbye("QUIT", talk.outcome()), session)


class NntpTalk(Talk[Answer]):
    """One conversation: the greeting, whether posting is allowed, and what the group holds."""

    reader: NntpReader

    def __init__(self, settings: NntpProbe, target: Target, ctx: Context) -> None:
        super().__init__(target, ctx)
        self._settings = settings
        self._greeting = Answer(0, b"")
        self._posting = False
        self._capabilities: tuple[str, ...] | None = None
        self._facts: dict[str, FactValue] = {}

    def make_reader(self) -> NntpReader:
        return NntpReader()

    async def greet(self) -> None:
        self._greeting = await self.hear()
        demand(self._greeting, _READY, "the greeting")
        self._posting = self._greeting.code == 200
        self._settings.demand_banner(self._greeting.text)

    async def become_reader(self) -> None:
        answer = await self.ask("MODE READER")
        demand(answer, _READY, "the answer to MODE READER")
        self._posting = answer.code == 200

    async def learn_capabilities(self) -> None:
        """Ask for them: "unknown" is the answer of servers older than RFC 3977, and shows that they serve."""
        await self.say("CAPABILITIES")
        self.reader.expect_block(101)
        answer = await self.hear()
        self._capabilities = None
        if answer.code not in _NOT_KNOWN and answer.code not in _LOGIN_WANTED:
            demand(answer, {101}, "the answer to CAPABILITIES")
            self._capabilities = tuple(line.decode("ascii", "backslashreplace").upper() for line in answer.lines)

    async def start_tls(self) -> None:
        await self.learn_capabilities()
        if self._capabilities is not None and "STARTTLS" not in self._capabilities:
            offered = shown(f"offered are {', '.join(self._capabilities)}".encode())
            raise ExpectationFailed(f"STARTTLS is not offered: {offered}")
        demand(await self.ask("STARTTLS"), {382}, "the answer to STARTTLS")

    async def log_in(self, username: str, password: str) -> None:
        answer = await self.ask(f"AUTHINFO USER {username}")
        if answer.code == 381:
            answer = await self.ask(f"AUTHINFO PASS {password}")
        demand(answer, {281}, "the answer to the login")

    def demand_posting(self) -> None:
        if self._settings.posting and not self._posting:
            raise ExpectationFailed("posting is not allowed: it answers 201, not 200")

    async def enter_group(self, name: str) -> None:
        """Raise `ExpectationFailed` where the group is not there or holds too little."""
        answer = await self.ask(f"GROUP {name}")
        if answer.code == 411:
            raise ExpectationFailed(f"there is no newsgroup {name}: {shown(str(answer).encode(), 120)}")
        demand(answer, {211}, f"the answer to GROUP {name}")
        counts = _COUNTS.fullmatch(answer.text)
        if counts is None:
            raise ProtocolViolation(f"the answer to GROUP has no three numbers: {shown(str(answer).encode(), 120)}")
        articles = int(counts[1])
        self._facts |= {"articles": articles, "highest": int(counts[3])}
        if articles < self._settings.min_articles:
            raise ExpectationFailed(f"{name} holds {articles} articles, fewer than {self._settings.min_articles}")

    def outcome(self) -> Outcome:
        facts: dict[str, FactValue] = {"banner": shown(self._greeting.text), "posting": self._posting, **self._facts}
        if self._capabilities:
            facts["capabilities"] = shown(", ".join(self._capabilities).encode())
        return passed(shown(str(self._greeting).encode(), 120), facts)


def demand(answer: Answer, codes: AbstractSet[int], what: str) -> None:
    """Raise `Rejected` where ``answer`` is a refusal, `ProtocolViolation` where it is another code than wanted."""
    said = shown(str(answer).encode(), 200)
    if answer.code in _LOGIN_WANTED:
        raise Rejected(f"{what} is a refusal: {said}", Reason.AUTHENTICATION)
    if answer.code >= 400:
        raise Rejected(f"{what} is a refusal: {said}")
    if answer.code not in codes:
        wanted = " or ".join(map(str, sorted(codes)))
        raise ProtocolViolation(f"{what} is not {wanted}: {said}")
