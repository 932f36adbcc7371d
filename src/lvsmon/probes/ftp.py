"""ftp: a file server that lets a user in and sends its listing, in passive and in active mode (RFC 959)."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Annotated, ClassVar, Final, Literal

from lvsmon.errors import ConnectFailed, ExpectationFailed, PeerClosed, ProtocolViolation, Rejected, clip
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Pattern, Secret, Size, Written
from lvsmon.model.settings import shown as written
from lvsmon.probes.base import Context, passed
from lvsmon.probes.bodies import BodyText, check_digest
from lvsmon.probes.ftp_transfer import Control, Mode, Ports, Way, quoted, refusal, transfer
from lvsmon.probes.talk import READ, refuse_vacuous, shown
from lvsmon.wire.ftp import MAX_ENTRY, MAX_REPLY, EntryReader, Listing, Reply

ANONYMOUS: Final = frozenset({"anonymous", "ftp"})
ANONYMOUS_PASSWORD: Final = "lvsmon@lvsmon.invalid"  # noqa: S105  RFC 1635: an address to write to; some servers check
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PORTS: Final = re.compile(r"(\d{1,5})-(\d{1,5})", re.ASCII)
_MAX: Final = 1 << 30


def read_ports(value: object) -> Ports:
    """Return the two ports of "40000-40999"; raise ValueError saying what to write."""
    if isinstance(value, str) and (found := _PORTS.fullmatch(value)):
        first, last = int(found[1]), int(found[2])
        if 1024 <= first <= last <= 65535:
            return first, last
    raise ValueError(f'write two ports from 1024 to 65535, the lower first, as "40000-40999", not {written(value)}')


def write_ports(ports: Ports) -> str:
    """Return what `read_ports` would read back."""
    return f"{ports[0]}-{ports[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FtpProbe:
    """Log in and get a listing, whole, in each mode that clients use."""

    kind: ClassVar[str] = "ftp"
    default_port: ClassVar[int] = 21
    needs_hostname: ClassVar[bool] = False
    uses_hostname: ClassVar[bool] = False

    user: str = "anonymous"
    """User to log in as."""
    password: Secret | None = None
    """Password of the user; anonymous ones need none: an electronic address is given, as custom has it."""
    account: Secret | None = None
    """Account, for servers that ask for one (332)."""
    login: Literal["required", "optional", "none"] = "required"
    """Whether the login must succeed; "optional" passes where it is refused, with nothing listed; "none" tries none."""
    expect_banner: Pattern | None = None
    """Regular expression that must match in the text of the greeting (its lines without the 220)."""
    directory: str | None = None
    """Directory to change to (CWD) before anything is listed."""
    modes: tuple[Mode, ...] = ("passive", "active")
    """Modes in which the listing must come: "passive", where clients connect for it, and "active"."""
    listing: Listing = "LIST"
    """Command that lists: LIST as people see it, NLST for names alone, MLSD for facts (RFC 3659)."""
    expect: Pattern | None = None
    """Regular expression that must match in at least one entry of the listing."""
    min_entries: int = 0
    """Entries that there must be at least; with expect, those in which it matches. An empty listing passes with 0."""
    max_listing: Size = 1 << 20
    """Bytes of a listing that are read; a longer one fails."""
    file: str | None = None
    """Path of a file to fetch (RETR), in the first of the modes."""
    file_expect: Pattern | None = None
    """Regular expression that must match in the file."""
    file_digest: str | None = None
    """Digest that the file must have: "sha256:..." or "md5:...", in hexadecimal."""
    max_file: Size = 1 << 20
    """Bytes of the file that are read; a longer one fails."""
    extended: bool = False
    """Over IPv4 too, ask by EPSV and EPRT first, as newer clients do; over IPv6 there is nothing else."""
    active_ports: Annotated[Ports, Written(read_ports, "40000-40999", write_ports)] | None = None
    """Ports of the director for active mode, such as "40000-40999"; if not given, any that is free."""
    pasv_address: Literal["warn", "fail", "ignore"] = "warn"
    """What to do where the answer to PASV names an address that is neither the VIP's nor the realserver's."""
    pasv_accept: tuple[str, ...] = ()
    """Further addresses that the answer to PASV may name, such as the one outside of a NAT in front of the VIP."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that no server takes, that contradict each other or decide nothing."""
        if not self.user:
            raise ValueError("user: write a name, or leave user out to be anonymous")
        for setting, text in (("user", self.user), ("directory", self.directory), ("file", self.file)):
            if text is not None and _CONTROL.search(text):
                raise ValueError(f"{setting}: no control characters, such as line ends, can be sent: {written(text)}")
        for setting, secret in (("password", self.password), ("account", self.account)):
            if secret is not None and _CONTROL.search(secret.reveal()):
                raise ValueError(f"{setting}: no control characters, such as line ends, can be sent in it")
        if "" in (self.directory, self.file):
            raise ValueError("directory and file: write a path, or leave them out")
        if not self.modes or len(set(self.modes)) < len(self.modes):
            raise ValueError('modes: write each mode once, at least one: ["passive", "active"]')
        if not 0 <= self.min_entries <= _MAX:
            raise ValueError("min_entries: write a number of entries, or 0")
        for setting, size in (("max_listing", self.max_listing), ("max_file", self.max_file)):
            if not 1 <= size <= _MAX:
                raise ValueError(f"{setting}: write a size from 1B to 1024MiB")
        if self.file is None and (self.file_expect is not None or self.file_digest is not None):
            raise ValueError("file_expect and file_digest have no effect without file")
        check_digest("file_digest", self.file_digest)
        self._check_login()
        refuse_vacuous("expect_banner", self.expect_banner)
        refuse_vacuous("expect", self.expect)
        refuse_vacuous("file_expect", self.file_expect)
        self._check_addresses()

    def _check_login(self) -> None:
        needing = (self.directory, self.file, self.expect, self.min_entries or None)
        if self.login != "required" and any(setting is not None for setting in needing):
            raise ValueError('directory, file, expect and min_entries need login = "required"')
        if self.login == "none" and (self.password is not None or self.account is not None):
            raise ValueError('password and account have no effect with login = "none"')

    def _check_addresses(self) -> None:
        for address in self.pasv_accept:
            try:
                plain = ip_address(address).version == 4
            except ValueError:
                plain = False
            if not plain:
                raise ValueError(f"pasv_accept: write IPv4 addresses, not {written(address)}")
        if self.pasv_accept and not self.uses_vip:
            raise ValueError('pasv_accept has no effect without passive mode, nor with pasv_address = "ignore"')
        if self.active_ports is not None and "active" not in self.modes:
            raise ValueError("active_ports has no effect without active mode")

    @property
    def uses_vip(self) -> bool:
        """Whether what a server says is held against the VIP."""
        return self.login != "none" and "passive" in self.modes and self.pasv_address != "ignore"

    @property
    def memory_bound(self) -> int:
        return 4 * MAX_REPLY + MAX_ENTRY + 8 * READ + (3 * self.max_file if self.file_expect is not None else 0)

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        control = Control(await ctx.net.connect(target.address, target.port), target, ctx)
        greeting = await self._greeting(control)
        facts: dict[str, FactValue] = {"banner": shown(greeting.text)}
        if self.login == "none" or not await self._is_let_in(control):
            await _quit(control)
            control.stream.close()
            how = "no login was tried" if self.login == "none" else f"it lets no {self.user} in"
            return passed(f"{shown(str(greeting).encode(), 120)} ({how})", facts)
        if self.directory is not None:
            await control.demand("CWD", self.directory)
        warnings: list[str] = []
        for mode in self.modes:
            named, facts[f"entries_{mode}"] = await self._list(control, mode)
            self._judge_address(named, target, facts, warnings)
        if self.file is not None:
            named = await self._fetch(control, self.file, facts)
            self._judge_address(named, target, facts, warnings)
        await _quit(control)
        control.stream.close()
        if warnings:
            return Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=clip(warnings[0]), facts=facts)
        return passed(self._told(facts), facts)

    async def _greeting(self, control: Control) -> Reply:
        greeting = await control.answer("the greeting")
        if greeting.code == 120:  # "ready in some minutes" (section 4.2): it may be ready before our deadline
            greeting = await control.answer("the greeting after 120")
        if greeting.code >= 400:
            raise Rejected(f"the greeting is a refusal: {quoted(greeting)}", refusal(greeting))
        if greeting.code != 220:
            raise ProtocolViolation(f"the greeting is not 220: {quoted(greeting)}")
        if self.expect_banner is not None and not self.expect_banner.search(greeting.text):
            raise ExpectationFailed(f"expect_banner does not match in the greeting: {shown(greeting.text, 120)!r}")
        return greeting

    async def _is_let_in(self, control: Control) -> bool:
        try:
            await self._log_in(control)
        except Rejected as error:
            if self.login == "required" or error.reason is not Reason.AUTHENTICATION:
                raise
            return False
        return True

    async def _log_in(self, control: Control) -> None:
        """Say who we are, and as much more as is asked for: the state diagram of section 6."""
        said = "USER"
        reply = await control.say("USER", self.user)
        if reply.code == 331:
            said = "PASS"
            reply = await control.say("PASS", self._answer_to(reply, "password", self.password))
        if reply.code == 332:
            said = "ACCT"
            reply = await control.say("ACCT", self._answer_to(reply, "account", self.account))
        if reply.code >= 400:
            raise Rejected(f"the login as {self.user} is refused: {quoted(reply)}", refusal(reply))
        if reply.code not in ({230, 232} if said == "USER" else {202, 230, 232}):
            raise ProtocolViolation(f"the answer to {said} is no login: {quoted(reply)}")

    def _answer_to(self, reply: Reply, what: str, secret: Secret | None) -> str:
        if secret is not None:
            return secret.reveal()
        if what == "password" and self.user.lower() in ANONYMOUS:
            return ANONYMOUS_PASSWORD
        text = f"the login as {self.user} needs the {what}, which is not set: {quoted(reply)}"
        raise Rejected(text, Reason.AUTHENTICATION)

    async def _list(self, control: Control, mode: Mode) -> tuple[str | None, int]:
        """Get the listing; return the address that a 227 named and the number of entries that count."""
        await control.demand("TYPE", "A")
        reader = EntryReader(self.listing)
        size = found = 0

        def drain() -> None:
            nonlocal found
            while (entry := reader.next_event()) is not None:
                found += self.expect is None or bool(self.expect.search(entry))

        def take(data: bytes) -> None:
            nonlocal size
            size += len(data)
            if size > self.max_listing:
                raise ExpectationFailed(f"the listing is longer than max_listing ({self.max_listing} bytes)")
            reader.feed(data)
            drain()

        named = await transfer(control, self._way(mode), self.listing, "", take)
        reader.feed_eof()
        drain()
        wanted = max(self.min_entries, 0 if self.expect is None else 1)
        if found < wanted:
            matching = " in which expect matches" if self.expect is not None else ""
            raise ExpectationFailed(f"{mode} mode: the listing has {found} entries{matching}, not {wanted}")
        return named, found

    async def _fetch(self, control: Control, path: str, facts: dict[str, FactValue]) -> str | None:
        """Get the file and hold it against what is expected; return the address that a 227 named."""
        await control.demand("TYPE", "I")
        algorithm, _, digest = (self.file_digest or "sha256:").partition(":")
        body = BodyText(self.max_file, keep=self.file_expect is not None, algorithm=algorithm, coding=None)

        def take(data: bytes) -> None:
            body.add(data)
            if body.full:
                raise ExpectationFailed(f"the file is longer than max_file ({self.max_file} bytes)")

        named = await transfer(control, self._way(self.modes[0]), "RETR", path, take)
        facts["file_size"] = body.size
        if digest and body.digest != digest:
            raise ExpectationFailed(f"the digest of the file is {algorithm}:{body.digest}, not {self.file_digest}")
        if self.file_expect is not None and not self.file_expect.search(body.text):
            raise ExpectationFailed(f"file_expect does not match in the file, which begins {shown(body.text, 120)!r}")
        return named

    def _way(self, mode: Mode) -> Way:
        return Way(mode, self.extended, self.active_ports)

    def _judge_address(
        self, named: str | None, target: Target, facts: dict[str, FactValue], warnings: list[str]
    ) -> None:
        """Hold the address that a 227 named against those at which clients of the VIP reach the realserver."""
        if named is None or self.pasv_address == "ignore":
            return
        facts["pasv_address"] = named
        if named in {target.address, target.vip, *self.pasv_accept}:
            return
        text = _unreachable(named, target)
        if self.pasv_address == "fail":
            raise ExpectationFailed(text)
        warnings.append(text)

    def _told(self, facts: dict[str, FactValue]) -> str:
        counted = " and ".join(f"{facts[f'entries_{mode}']} in {mode} mode" for mode in self.modes)
        file = f", a file of {facts['file_size']} bytes" if self.file is not None else ""
        return f"entries listed: {counted}{file}"


def _unreachable(named: str, target: Target) -> str:
    address = IPv4Address(named)
    if address.is_unspecified:
        sort = "no address at all"
    elif address.is_loopback:
        sort = "the client's own host"
    elif address.is_private:
        sort = "a private address of some other host"
    else:
        sort = "another host's address"
    right = f"{target.vip} (the VIP) or {target.address}" if target.vip else target.address
    return f"the answer to PASV sends clients to {named}, {sort}, for their data: right would be {right}"


async def _quit(control: Control) -> None:
    """Say QUIT and hear the 221, so that the server logs an orderly end; one that hangs up instead has served."""
    try:
        await control.say("QUIT")
    except (PeerClosed, ConnectFailed, Rejected):
        return
