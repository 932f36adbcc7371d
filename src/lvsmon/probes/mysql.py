"""mysql: a MySQL or MariaDB server that takes logins, or logs in and answers a query, with the state wanted."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from lvsmon.errors import ExpectationFailed, LocalFault, PeerClosed, ProtocolViolation, Rejected, TlsFailed
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.database import MAX_ANSWER, NOBODY, QuerySettings
from lvsmon.probes.secure import open_tls
from lvsmon.probes.talk import shown
from lvsmon.wire import mysql

_MAX_SWITCHES: Final = 4
_WHO: Final = frozenset({1044, 1045, 1049, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 4151})
"""Errors of a server that serves, but not this user, from this host, with this password."""

_SYNTAX: Final = 1064
_CAUSES: Final = {
    1040: "it has too many connections",
    1053: "it is shutting down",
    1203: "the user has too many connections",
    1226: "the user has used up a limit",
}
_BLOCKED: Final = 1129
"""It takes nothing more from this host, after max_connect_errors broken connections: clients are other hosts."""

_OK, _SWITCH, _ERROR = 0x00, 0xFE, 0xFF
_FAST, _FULL, _KEY = b"\1\3", b"\1\4", b"\1-----BEGIN "
_Row: TypeAlias = list[tuple[str, bytes | None]]
"""Columns by name: a name may come twice."""

_LAG: Final = ("Seconds_Behind_Source", "Seconds_Behind_Master")


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlProbe(QuerySettings):
    """Connect and be refused as nobody; with a user, log in and ask what is wanted."""

    kind: ClassVar[str] = "mysql"
    default_port: ClassVar[int] = 3306
    needs_hostname: ClassVar[bool] = False

    read_only: bool | None = None
    """What the server's global read_only must be."""
    get_server_public_key: bool = False
    """Where the server wants the whole password outside of TLS: ask it for its RSA key, and send it so encrypted."""
    tls: Literal["none", "starttls"] = "none"
    """"starttls": ask for TLS, which must be offered, with the settings of kind tls."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        QuerySettings.__post_init__(self)
        self.refuse_without_user("read_only", given=self.read_only is not None)
        if self.get_server_public_key and self.password is None:
            raise ValueError("get_server_public_key: there is no password to encrypt; leave it out, or give one")
        if self.get_server_public_key and self.tls == "starttls":
            raise ValueError('get_server_public_key: has no effect with tls = "starttls", which encrypts everything')

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        if not self.speaks_tls:
            stream = await ctx.net.connect(target.address, target.port)
            return await self._exchange(_Talk(stream), await _greeted(stream))
        greetings: list[mysql.Greeting] = []

        async def prepare(stream: Stream) -> None:
            said = await _greeted(stream)
            if isinstance(said, mysql.Complaint):
                raise _rejected(said)
            if not said.offers_tls:
                raise TlsFailed("it does not offer TLS")
            greetings[:] = [said]
            await stream.write(mysql.tls_request(self.database))

        stream, session = await open_tls(self, target, ctx, prepare=prepare)
        return self.graded(await self._exchange(_Talk(stream), greetings[0]), session)

    async def _exchange(self, talk: "_Talk", said: mysql.Greeting | mysql.Complaint) -> Outcome:
        facts: dict[str, FactValue] = {}
        refusal = said if isinstance(said, mysql.Complaint) else None
        if isinstance(said, mysql.Greeting):
            facts["version"] = shown(said.version.encode())
            refusal = await self._log_in(talk, said)
        if refusal is not None:
            if self.user is not None or refusal.code not in _WHO:
                raise _rejected(refusal)
            talk.stream.close()
            return passed("takes logins", facts)
        outcome = passed("takes logins" if self.user is None else "logged in", facts)
        if self.read_only is not None:
            self._judge_read_only(await talk.ask("SELECT @@global.read_only"))
        if self.query is not None:
            row = await talk.ask(self.query)
            self.hold_against_value(None if row is None else [value for _, value in row])
        if self.limits_lag:
            outcome = self.held_against_lag(outcome, await _lag(talk))
        await talk.stream.write(mysql.QUIT)
        talk.stream.close()
        return outcome

    async def _log_in(self, talk: "_Talk", said: mysql.Greeting) -> mysql.Complaint | None:
        """Log in; return None once we are in, or what the server says against it."""
        secret = "" if self.password is None else self.password.reveal()
        plugin, salt = said.plugin, said.salt
        proof = mysql.proof(plugin, secret, salt)
        await talk.stream.write(mysql.login(self.user or NOBODY, self.database, proof, plugin, tls=self.speaks_tls))
        for _ in range(_MAX_SWITCHES):
            packet = await talk.hear()
            first = packet.body[0]
            if first == _OK:
                return None
            if first == _ERROR:
                return mysql.complaint(packet.body)
            if first == _SWITCH:
                plugin, salt = mysql.switch(packet.body)
                await talk.stream.write(mysql.packet(packet.sequence + 1, self._switched(plugin, secret, salt)))
            elif packet.body == _FULL and plugin == mysql.SHA2:
                await talk.stream.write(mysql.packet(packet.sequence + 1, self._in_full(secret)))
            elif packet.body.startswith(_KEY) and self.get_server_public_key:
                sealed = mysql.sealed(secret, salt, packet.body[1:])
                await talk.stream.write(mysql.packet(packet.sequence + 1, sealed))
            elif packet.body != _FAST:
                raise ProtocolViolation(f"not an answer to a login: {packet.body[:40]!r}")
        raise ProtocolViolation("it goes on asking in the login")

    def _switched(self, plugin: str, secret: str, salt: bytes) -> bytes:
        if secret and plugin not in {mysql.NATIVE, mysql.SHA2}:
            raise Rejected(
                f"it wants a login by {shown(plugin.encode(), 60)}, which this probe does not do", Reason.AUTHENTICATION
            )
        return mysql.proof(plugin, secret, salt)

    def _in_full(self, secret: str) -> bytes:
        """Return the password itself, which the server wants once after its start; outside of TLS, ask for its key."""
        if self.speaks_tls:
            return secret.encode() + b"\0"
        if self.get_server_public_key:
            return mysql.ASK_KEY
        raise Rejected(
            'it wants the whole password, as it does until the user has logged in once: set tls = "starttls", or'
            " get_server_public_key",
            Reason.AUTHENTICATION,
        )

    def _judge_read_only(self, found: _Row | None) -> None:
        state = found[0][1] if found else None
        if state not in {b"0", b"1"}:
            raise ProtocolViolation(f"the answer about read_only is {state!r:.80}")
        if (state == b"1") is not self.read_only:
            raise ExpectationFailed(f"it is {'read-only' if state == b'1' else 'writable'}, which is not wanted")


class _Talk:
    """A conversation: never reads beyond a packet."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._reader = mysql.PacketReader()
        self._heard = 0

    async def hear(self) -> mysql.Packet:
        while (packet := self._reader.next_event()) is None:
            data = await self.stream.read(self._reader.missing)
            if not data:
                raise PeerClosed(f"the realserver closed the connection {self._reader.where}")
            self._reader.feed(data)
        self._heard += 4 + len(packet.body)
        if self._heard > MAX_ANSWER:
            raise ProtocolViolation(f"it says more than {MAX_ANSWER} bytes")
        if not packet.body:
            raise ProtocolViolation("an empty packet")
        return packet

    async def ask(self, sql: str) -> _Row | None:
        """Run ``sql``; return its first row by column, None for none; raise `Rejected` where the server does not."""
        await self.stream.write(mysql.query(sql))
        head = (await self._accepted()).body
        if head[0] == _OK:
            return None
        count = mysql.Cursor(head).number(1)
        if len(head) != 1 or not 0 < count < 0xFB:
            raise ProtocolViolation(f"not an answer to a query: {head[:40]!r}")
        names = [mysql.column_name((await self._accepted()).body) for _ in range(count)]
        if not _is_end((await self._accepted()).body):
            raise ProtocolViolation("more columns than were announced")
        first: _Row | None = None
        while not _is_end(body := (await self._accepted()).body):
            found = mysql.row(body, count)
            first = list(zip(names, found, strict=True)) if first is None else first
        return first

    async def _accepted(self) -> mysql.Packet:
        packet = await self.hear()
        if packet.body[0] == _ERROR:
            raise _QueryFailed(mysql.complaint(packet.body))
        return packet


class _QueryFailed(Rejected):
    def __init__(self, refusal: mysql.Complaint) -> None:
        super().__init__(f"the query fails: {shown(str(refusal).encode())}")
        self.code = refusal.code


async def _greeted(stream: Stream) -> mysql.Greeting | mysql.Complaint:
    """Return the greeting, or the error that a server says instead of it."""
    body = (await _Talk(stream).hear()).body
    return mysql.complaint(body) if body[0] == _ERROR else mysql.greeting(body)


async def _lag(talk: _Talk) -> float:
    """Return how many seconds the replica is behind; raise where it is none, or its replication stands still."""
    try:
        found = await talk.ask("SHOW REPLICA STATUS")
    except _QueryFailed as failed:
        if failed.code != _SYNTAX:
            raise
        found = await talk.ask("SHOW SLAVE STATUS")  # before MySQL 8.0.22 and MariaDB 10.5
    if found is None:
        raise ExpectationFailed("it is no replica")
    state = dict(found)
    behind = next((state[name] for name in _LAG if name in state), None)
    if behind is None:
        errors = (state.get(name) or b"" for name in ("Last_SQL_Error", "Last_IO_Error"))
        raise ExpectationFailed(
            "its replication stands still: " + (shown(b"; ".join(errors).strip(b"; ")) or "stopped")
        )
    if not (behind.isdigit() and len(behind) <= 12):
        raise ProtocolViolation(f"a lag that is no number: {behind[:40]!r}")
    return float(behind)


def _is_end(body: bytes) -> bool:
    return body[0] == _SWITCH and len(body) < 9


def _rejected(refusal: mysql.Complaint) -> Rejected | LocalFault:
    if refusal.code == _BLOCKED:
        return LocalFault(
            "the realserver has blocked the director after too many broken connections (max_connect_errors): "
            f"run FLUSH HOSTS there: {shown(str(refusal).encode())}",
            Reason.LOCAL_PERMISSION,
        )
    reason = Reason.AUTHENTICATION if refusal.code in _WHO else Reason.REJECTED
    cause = f"{_CAUSES[refusal.code]}: " if refusal.code in _CAUSES else ""
    return Rejected(cause + shown(str(refusal).encode()), reason)
