"""ftp: a file server that lets a user in and sends its listing, in passive and in active mode (RFC 959)."""

import hashlib
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Annotated, ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, Rejected, clip
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Pattern, Secret, Size, Written
from lvsmon.model.settings import shown as written
from lvsmon.probes.base import Context, passed
from lvsmon.probes.bodies import BodyText, check_digest, without
from lvsmon.probes.ftp_control import Control
from lvsmon.probes.ftp_login import log_in
from lvsmon.probes.ftp_transfer import Mode, Ports, Transferred, Way, transfer
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.talk import READ, refuse_vacuous, shown
from lvsmon.wire.ftp import MAX_ENTRY, MAX_REPLY, EntryReader, Listing

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PORTS: Final = re.compile(r"(\d{1,5})-(\d{1,5})", re.ASCII)
_MAX: Final = 1 << 30
_NUMBERS: Final = 1 << 256


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
class FtpProbe(OptionalTls):
    """Log in and get a listing, whole, in each mode that clients use."""

    kind: ClassVar[str] = "ftp"
    needs_hostname: ClassVar[bool] = False

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
    digest_ignore: tuple[Pattern, ...] = ()
    """Regular expressions for what may differ in an entry: the listing's digest is made without what they match."""
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

    protect_data: bool = True
    """With tls, secure data connections too (PROT P), and demand it; false leaves them in clear text (PROT C)."""
    reuse_session: bool = True
    """Offer the control connection's TLS session for data connections, as most clients do and some servers demand."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that no server takes, that contradict each other or decide nothing."""
        OptionalTls.__post_init__(self)
        if self.tls == "none" and not (self.protect_data and self.reuse_session):
            raise ValueError("protect_data and reuse_session have no effect without tls")
        if not self.protect_data and not self.reuse_session:
            raise ValueError("reuse_session has no effect with protect_data = false")
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
        for pattern in self.digest_ignore:
            refuse_vacuous("digest_ignore", pattern)
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
    def default_port(self) -> int:
        return 990 if self.tls == "implicit" else 21

    @property
    def comparable(self) -> str:
        """The fact that should be the same on all realservers."""
        return "banner" if self.login == "none" else "listing_digest"

    @property
    def uses_vip(self) -> bool:
        """Whether what a server says is held against the VIP."""
        return self.login != "none" and "passive" in self.modes and self.pasv_address != "ignore"

    @property
    def memory_bound(self) -> int:
        file = 3 * self.max_file if self.file_expect is not None else 0
        return 4 * MAX_REPLY + MAX_ENTRY + 8 * READ + file + 2 * self.tls_memory

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        control = Control(self, self.expect_banner, target, ctx)
        session = await control.open(self)
        facts: dict[str, FactValue] = {"banner": shown(control.greeting)}
        if self.login == "none" or not await self._is_let_in(control):
            how = "no login was tried" if self.login == "none" else f"it lets no {self.user} in"
            outcome = passed(f"220 {shown(control.greeting, 116)} ({how})", facts)
            return self.graded(await control.goodbye("QUIT", outcome), session)
        if session is not None:
            await control.protect(data=self.protect_data)
        if self.directory is not None:
            await control.demand("CWD", self.directory)
        warnings: list[str] = []
        for mode in self.modes:
            transferred, facts[f"entries_{mode}"], facts["listing_digest"] = await self._list(control, mode)
            self._judge_transfer(transferred, target, facts, warnings)
        if self.file is not None:
            transferred = await self._fetch(control, self.file, facts)
            self._judge_transfer(transferred, target, facts, warnings)
        if warnings:
            outcome = Outcome(verdict=Verdict.WARN, reason=Reason.DEGRADED, detail=clip(warnings[0]), facts=facts)
        else:
            outcome = passed(self._told(facts), facts)
        return self.graded(await control.goodbye("QUIT", outcome), session)

    async def _is_let_in(self, control: Control) -> bool:
        try:
            await log_in(control, self.user, self.password, self.account)
        except Rejected as error:
            if self.login == "required" or error.reason is not Reason.AUTHENTICATION:
                raise
            return False
        return True

    async def _list(self, control: Control, mode: Mode) -> tuple[Transferred, int, str]:
        """Get the listing; return how it came, the number of entries that count, and a digest."""
        await control.demand("TYPE", "A")
        reader = EntryReader(self.listing)
        size = found = total = 0

        def drain() -> None:
            nonlocal found, total
            while (entry := reader.next_event()) is not None:
                total += self._number(entry)
                found += self.expect is None or bool(self.expect.search(entry))

        def take(data: bytes) -> None:
            nonlocal size
            size += len(data)
            if size > self.max_listing:
                raise ExpectationFailed(f"the listing is longer than max_listing ({self.max_listing} bytes)")
            reader.feed(data)
            drain()

        transferred = await transfer(control, self._way(mode), self.listing, "", take)
        reader.feed_eof()
        drain()
        wanted = max(self.min_entries, 0 if self.expect is None else 1)
        if found < wanted:
            matching = " in which expect matches" if self.expect is not None else ""
            raise ExpectationFailed(f"{mode} mode: the listing has {found} entries{matching}, not {wanted}")
        return transferred, found, f"{total % _NUMBERS:064x}"[:16]

    def _number(self, entry: bytes) -> int:
        """Return a number that stands for ``entry``: their sum depends on all entries, and not on their order."""
        return int.from_bytes(hashlib.sha256(without(entry, self.digest_ignore)).digest())

    async def _fetch(self, control: Control, path: str, facts: dict[str, FactValue]) -> Transferred:
        """Get the file, hold it against what is expected, and return how it came."""
        await control.demand("TYPE", "I")
        algorithm, _, digest = (self.file_digest or "sha256:").partition(":")
        body = BodyText(self.max_file, keep=self.file_expect is not None, algorithm=algorithm, coding=None)

        def take(data: bytes) -> None:
            body.add(data)
            if body.full:
                raise ExpectationFailed(f"the file is longer than max_file ({self.max_file} bytes)")

        transferred = await transfer(control, self._way(self.modes[0]), "RETR", path, take)
        facts["file_size"] = body.size
        if digest and body.digest != digest:
            raise ExpectationFailed(f"the digest of the file is {algorithm}:{body.digest}, not {self.file_digest}")
        if self.file_expect is not None and not self.file_expect.search(body.text):
            raise ExpectationFailed(f"file_expect does not match in the file, which begins {shown(body.text, 120)!r}")
        return transferred

    def _way(self, mode: Mode) -> Way:
        return Way(mode, self.extended, self.active_ports, self.reuse_session)

    def _judge_transfer(
        self, transferred: Transferred, target: Target, facts: dict[str, FactValue], warnings: list[str]
    ) -> None:
        """Hold the address that a 227 named against those at which clients of the VIP reach the realserver."""
        if transferred.resumed is not None:
            facts["tls_data_resumed"] = transferred.resumed
        named = transferred.named
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
