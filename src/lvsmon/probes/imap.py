"""imap: a mail server in which people read their mail (RFC 9051, RFC 3501)."""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.probes.base import Context, passed
from lvsmon.probes.dialogue import DialogueSettings, Talk
from lvsmon.probes.talk import shown
from lvsmon.wire.imap import ImapReader, Response

_CAPABILITY: Final = re.compile(r"[!-~]{1,64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_EXISTS: Final = re.compile(rb"(\d{1,10}) EXISTS\Z", re.IGNORECASE)
_NOT_ASCII: Final = re.compile(r"&|[^ -~]+")
_MAX_MAILBOX: Final = 255
_OUT_OF_ORDER: Final = frozenset({"UNAVAILABLE", "SERVERBUG", "LIMIT", "INUSE", "CONTACTADMIN"})
"""Response codes by which a refused login does not speak of user and password (RFC 5530)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapProbe(DialogueSettings):
    """Wait for the greeting, ask what is offered, do TLS, log in and open a mailbox if so set, and LOGOUT."""

    kind: ClassVar[str] = "imap"
    comparable: ClassVar[str] = "banner"
    needs_hostname: ClassVar[bool] = False

    capabilities: tuple[str, ...] = ()
    """Capabilities that must be offered (in TLS and after the login, if there are), such as "IDLE" or "AUTH=PLAIN"."""
    mailbox: str | None = None
    """Mailbox that must open after the login, such as "INBOX"."""
    open_by: Literal["EXAMINE", "SELECT"] = "EXAMINE"
    """EXAMINE, which changes nothing in the mailbox, or SELECT, which needs it to be writable."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        DialogueSettings.__post_init__(self)
        for capability in self.capabilities:
            if not _CAPABILITY.fullmatch(capability):
                raise ValueError(f'capabilities: write names such as "IDLE": {capability!r}')
        if self.mailbox is not None:
            if not self.mailbox or len(self.mailbox) > _MAX_MAILBOX or _CONTROL.search(self.mailbox):
                raise ValueError(f"mailbox: write 1 to {_MAX_MAILBOX} characters, no control characters")
            if self.username is None:
                raise ValueError("mailbox: a mailbox can be opened only with username and password")
        elif self.open_by != "EXAMINE":
            raise ValueError("open_by: has no effect without mailbox")

    @property
    def default_port(self) -> int:
        return 993 if self.tls == "implicit" else 143

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        talk = ImapTalk(self, target, ctx)
        session = await talk.open(self)
        await talk.learn_capabilities()
        if self.username is not None and self.password is not None:
            await talk.log_in(self.username, self.password.reveal())
            if self.capabilities:
                await talk.learn_capabilities()
        talk.demand_capabilities()
        if self.mailbox is not None:
            await talk.open_mailbox(self.mailbox)
        return self.graded(await talk.goodbye("LOGOUT", talk.outcome()), session)


class ImapTalk(Talk[Response]):
    """One conversation: what is offered, what the mailbox holds, and the number of commands so far."""

    def __init__(self, settings: ImapProbe, target: Target, ctx: Context) -> None:
        super().__init__(target, ctx)
        self._settings = settings
        self._greeting = Response("*", "", b"")
        self._capabilities: tuple[str, ...] = ()
        self._messages: int | None = None
        self._commands = 0
        self._leaving = False

    def make_reader(self) -> ImapReader:
        return ImapReader()

    async def greet(self) -> None:
        self._greeting = greeting = await self.hear()
        if greeting.tag != "*" or greeting.status not in {"OK", "PREAUTH", "BYE"}:
            raise ProtocolViolation(f"not a greeting of IMAP: {shown(str(greeting).encode(), 120)!r}")
        if greeting.status == "BYE":
            raise Rejected(f"the greeting is a refusal: {shown(str(greeting).encode(), 200)}")
        self._settings.demand_banner(greeting.text)
        if greeting.status == "PREAUTH" and (self._settings.username is not None or self._settings.tls == "starttls"):
            raise ExpectationFailed(
                "the greeting is PREAUTH: whoever connects is logged in already, so neither TLS nor a login can follow"
            )

    async def command(self, line: str) -> Response:
        """Say ``line`` and return the response that ends it; what is said untagged in between is taken in."""
        self.keep_step()
        self._commands += 1
        tag = f"a{self._commands}"
        self.ctx.net.awaiting(f"the answer to {line.partition(' ')[0]}")
        await self.stream.write(f"{tag} {line}\r\n".encode())
        while (response := await self.hear()).tag == "*":
            self._take_in(response)
        if response.tag != tag:
            what = "asks for more" if response.tag == "+" else f"answers {response.tag[:40]!r}"
            raise ProtocolViolation(f"it {what}, but the command was {tag!r}")
        self._take_code(response)
        return response

    def keep_step(self) -> None:
        """Take in what is said untagged between commands; raise `ProtocolViolation` for anything else."""
        while (early := self.reader.next_event()) is not None:
            if early.tag != "*":
                raise ProtocolViolation(f"it answers before it is asked: {shown(str(early).encode(), 80)!r}")
            self._take_in(early)

    def _take_in(self, response: Response) -> None:
        if response.status == "BYE" and not self._leaving:
            raise Rejected(f"it ends the conversation: {shown(str(response).encode(), 200)}")
        self._take_code(response)
        word, _, rest = response.text.partition(b" ")
        if not response.status and word.upper() == b"CAPABILITY":
            self._take_capabilities(rest)
        elif not response.status and (exists := _EXISTS.fullmatch(response.text)):
            self._messages = int(exists[1])

    def _take_code(self, response: Response) -> None:
        if response.code == "CAPABILITY" and response.status in {"OK", "PREAUTH"}:
            self._take_capabilities(response.argument)

    def _take_capabilities(self, words: bytes) -> None:
        self._capabilities = tuple(words.decode("ascii", "backslashreplace").upper().split())

    async def learn_capabilities(self) -> None:
        """Ask for them; raise `ProtocolViolation` where IMAP itself is not among them."""
        self._take_capabilities(b"")
        demand(await self.command("CAPABILITY"), "the answer to CAPABILITY")
        if not any(word.startswith("IMAP4") for word in self._capabilities):
            raise ProtocolViolation(f"no version of IMAP is among its capabilities: {self._offered()}")

    def _offered(self) -> str:
        return shown(f"offered are {' '.join(self._capabilities) or 'none'}".encode(), 200)

    def demand_capabilities(self) -> None:
        """Raise `ExpectationFailed` where one that must be offered is not."""
        for name in self._settings.capabilities:
            if name.upper() not in self._capabilities:
                raise ExpectationFailed(f"{name} is not offered: {self._offered()}")

    async def start_tls(self) -> None:
        await self.learn_capabilities()
        if "STARTTLS" not in self._capabilities:
            raise ExpectationFailed(f"STARTTLS is not offered: {self._offered()}")
        demand(await self.command("STARTTLS"), "the answer to STARTTLS")

    async def log_in(self, username: str, password: str) -> None:
        """Raise `Rejected` where the login is refused, with the reason by which it is."""
        if "LOGINDISABLED" in self._capabilities:
            wanted = "it takes no password here (LOGINDISABLED)" + ("" if self._settings.tls != "none" else ": set tls")
            raise Rejected(wanted, Reason.AUTHENTICATION)
        answer = await self.command(f"LOGIN {quoted(username)} {quoted(password)}")
        said = shown(str(answer).encode(), 200)
        if answer.status == "NO" and answer.code in _OUT_OF_ORDER:
            raise Rejected(f"it cannot log anybody in now, whatever the password: {said}")
        if answer.status == "NO":
            raise Rejected(f"the login is refused: {said}", Reason.AUTHENTICATION)
        demand(answer, "the answer to LOGIN")

    async def open_mailbox(self, name: str) -> None:
        """Raise `Rejected` where it cannot be opened, `ExpectationFailed` where it is read-only though selected."""
        self._messages = None
        how = self._settings.open_by
        answer = await self.command(f"{how} {quoted(mailbox_name(name))}")
        demand(answer, f"the answer to {how} {name}")
        if self._messages is None:
            raise ProtocolViolation(f"the answer to {how} does not tell how many messages there are")
        if how == "SELECT" and answer.code == "READ-ONLY":
            raise ExpectationFailed(f"{name} can be read, but not be written to")

    async def part(self, command: str) -> Response:
        """Say LOGOUT, to which BYE is no surprise."""
        self._leaving = True
        return await self.command(command)

    def outcome(self) -> Outcome:
        greeting = self._greeting
        capabilities = " ".join(self._capabilities)
        facts: dict[str, FactValue] = {"banner": shown(greeting.text), "capabilities": shown(capabilities.encode())}
        detail = shown(str(greeting).encode(), 120)
        if greeting.status == "PREAUTH":
            facts["preauth"] = True
        if self._settings.mailbox is not None and self._messages is not None:  # EXISTS may come unasked, too
            facts["messages"] = self._messages
            detail = f"logged in, {self._messages} messages in {self._settings.mailbox}"
        elif self._settings.username is not None:
            detail = "logged in"
        return passed(detail, facts)


def quoted(text: str) -> str:
    """Return ``text`` as a quoted string (RFC 9051 section 4.3)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox_name(name: str) -> str:
    """Return ``name`` in modified UTF-7 (RFC 3501 section 5.1.3), which servers of both revisions take."""

    def encode(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        return "&" + b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"

    return _NOT_ASCII.sub(encode, name)


def demand(response: Response, what: str) -> None:
    """Raise `Rejected` where ``response`` is NO or BAD."""
    if response.status != "OK":
        raise Rejected(f"{what} is a refusal: {shown(str(response).encode(), 200)}")
