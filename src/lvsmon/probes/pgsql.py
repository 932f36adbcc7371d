"""pgsql: a PostgreSQL server that takes connections, or logs in and answers a query, in the role wanted."""

import secrets
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, PeerClosed, ProtocolViolation, Rejected, TlsFailed
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.database import MAX_ANSWER, NOBODY, QuerySettings
from lvsmon.probes.talk import next_event, shown
from lvsmon.wire import pgsql
from lvsmon.wire.scram import Scram

_CLEARTEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 3, 5, 10, 11, 12
_METHODS: Final = {2: "kerberos", _CLEARTEXT: "password", _MD5: "md5", 7: "gss", 9: "sspi", _SASL: "scram-sha-256"}
_MECHANISM: Final = b"SCRAM-SHA-256"
_WHO: Final = frozenset({"28000", "28P01", "3D000", "42501"})
"""SQLSTATEs of a server that serves, but not this user."""

_CAUSES: Final = {
    "53300": "it has too many connections",
    "57P03": "it takes no connections now",
    "57P01": "it is being shut down",
    "57P02": "it is recovering from a crash",
}
_STATE: Final = """SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END,
CASE WHEN NOT pg_is_in_recovery() THEN NULL
WHEN EXISTS (SELECT 1 FROM pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END"""
"""Role and lag: a replica that has replayed all it received is not behind, if it receives at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PgsqlProbe(QuerySettings):
    """Connect as far as the demand for a password; with a user, log in and ask what is wanted."""

    kind: ClassVar[str] = "pgsql"
    default_port: ClassVar[int] = 5432
    needs_hostname: ClassVar[bool] = False

    database: str | None = None
    """Database to connect to; without, the one named as the user."""
    role: Literal["any", "primary", "replica"] = "any"
    """Role that the server must have: a replica is in recovery and takes no writes."""
    tls: Literal["none", "starttls"] = "none"
    """"starttls": ask for TLS (SSLRequest), which must be offered, with the settings of kind tls."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        QuerySettings.__post_init__(self)
        self.refuse_without_user("role", given=self.role != "any")
        if self.role == "primary" and self.limits_lag:
            raise ValueError("lag_warn and lag_fail: a primary is never behind; leave them out with role = primary")

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream, session = await self.open(target, ctx, _ask_for_tls)
        return self.graded(await self._exchange(stream), session)

    async def _exchange(self, stream: Stream) -> Outcome:
        talk = _Talk(stream)
        await stream.write(pgsql.startup(self.user or NOBODY, self.database))
        if self.user is None:
            return await self._greet(talk)
        facts: dict[str, FactValue] = {"auth": await self._log_in(talk, self.user)}
        facts |= await talk.ready()
        lag: float | None = None
        if self.role != "any" or self.limits_lag:
            role, lag = await self._state(talk)
            facts["role"] = role
            if self.role not in {"any", role}:
                raise ExpectationFailed(f"it is a {role}, wanted is a {self.role}", facts=facts)
            if role == "replica" and lag is None and self.lag_fail:
                raise ExpectationFailed("it receives nothing from its primary: its lag is not known", facts=facts)
        if self.query is not None:
            self.hold_against_value(await talk.ask(self.query))
        await stream.write(pgsql.TERMINATE)
        stream.close()
        outcome = passed("logged in" if self.query is None else "logged in, the query is answered", facts)
        return outcome if lag is None else self.held_against_lag(outcome, lag)

    async def _greet(self, talk: "_Talk") -> Outcome:
        """Return PASS where the server comes as far as wanting to know who we are, or says that we are nobody."""
        first = await talk.hear()
        if first.kind == "E":
            refusal = pgsql.complaint(first.body)
            if refusal.sqlstate not in _WHO:
                raise _rejected(refusal)
            auth = "refused"
        else:
            auth = _METHODS.get(_method(first), "trust" if _method(first) == 0 else "other")
            if auth == "trust":
                ended = await talk.hear_until_ready()
                auth = "refused" if ended is not None else auth
                await talk.stream.write(pgsql.TERMINATE)
        talk.stream.close()
        return passed("takes connections", {"auth": auth})

    async def _log_in(self, talk: "_Talk", user: str) -> str:
        """Answer what is asked until we are in; return how."""
        asked = _method(await talk.accepted())
        if asked == 0:
            return "trust"
        how = _METHODS.get(asked, "another method")
        if asked not in {_CLEARTEXT, _MD5, _SASL}:
            raise Rejected(f"it wants a login by {how}, which this probe does not do", Reason.AUTHENTICATION)
        if self.password is None:
            raise Rejected(f"it wants a password ({how}): set password_file", Reason.AUTHENTICATION)
        secret = self.password.reveal()
        if asked == _SASL:
            await _scram(talk, secret)
        elif asked == _MD5:
            await talk.stream.write(pgsql.password(pgsql.md5(user, secret, talk.last.body[4:8])))
        else:
            await talk.stream.write(pgsql.password(secret.encode()))
        if _method(await talk.accepted()) != 0:
            raise ProtocolViolation("it goes on asking after the password")
        return how

    async def _state(self, talk: "_Talk") -> tuple[str, float | None]:
        columns = await talk.ask(_STATE)
        try:
            role, behind = (None if column is None else column.decode("ascii") for column in columns or ())
            lag = None if behind is None else float(behind)
        except ValueError:
            raise ProtocolViolation(f"the answer about its role is {columns!r:.80}") from None
        if role not in {"primary", "replica"} or (lag is not None and not isfinite(lag)):
            raise ProtocolViolation(f"the answer about its role is {columns!r:.80}")
        return role, None if lag is None else max(0.0, lag)


class _Talk:
    """A conversation after the startup message."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.last = pgsql.Message("", b"")
        self._reader = pgsql.MessageReader()
        self._heard = 0

    async def hear(self) -> pgsql.Message:
        """Return the next message that is no notice."""
        while True:
            message: pgsql.Message = await next_event(self.stream, self._reader)
            self._heard += 5 + len(message.body)
            if self._heard > MAX_ANSWER:
                raise ProtocolViolation(f"it says more than {MAX_ANSWER} bytes")
            if message.kind not in {"N", "v"}:
                self.last = message
                return message

    async def accepted(self) -> pgsql.Message:
        """Return the next message; raise `Rejected` where it is an error."""
        message = await self.hear()
        if message.kind == "E":
            raise _rejected(pgsql.complaint(message.body))
        return message

    async def hear_until_ready(self) -> pgsql.Complaint | None:
        """Hear the rest of the start; return the complaint where this user is not wanted, raise where nobody is."""
        while (message := await self.hear()).kind in {"S", "K"}:
            pass
        if message.kind == "E":
            refusal = pgsql.complaint(message.body)
            if refusal.sqlstate not in _WHO:
                raise _rejected(refusal)
            return refusal
        if message.kind != "Z":
            raise ProtocolViolation(f"a message {message.kind!r} where the server should be ready")
        return None

    async def ready(self) -> dict[str, FactValue]:
        """Hear the rest of the start; return the server's version as a fact."""
        facts: dict[str, FactValue] = {}
        while (message := await self.accepted()).kind in {"S", "K"}:
            name, _, rest = message.body.partition(b"\0")
            if message.kind == "S" and name == b"server_version":
                facts["version"] = shown(rest.rstrip(b"\0"))
        if message.kind != "Z":
            raise ProtocolViolation(f"a message {message.kind!r} where the server should be ready")
        return facts

    async def ask(self, sql: str) -> list[bytes | None] | None:
        """Run ``sql``; return its first row, None for none; raise `Rejected` where the server does not."""
        await self.stream.write(pgsql.query(sql))
        first: list[bytes | None] | None = None
        done = False
        while (message := await self.hear()).kind != "Z":
            if message.kind == "E":
                raise Rejected(f"the query fails: {_told(pgsql.complaint(message.body))}")
            if message.kind == "D":
                columns = pgsql.row(message.body)
                first = columns if first is None else first
            elif message.kind in {"C", "I"}:
                done = True
            elif message.kind not in {"T", "S"}:
                raise ProtocolViolation(f"a message {message.kind!r} in the answer to a query")
        if not done:
            raise ProtocolViolation("it ends the answer to a query without having run it")
        return first


async def _ask_for_tls(stream: Stream) -> None:
    """Say SSLRequest; read no more than the one byte of the answer: what follows it is TLS, or forged."""
    await stream.write(pgsql.SSL_REQUEST)
    answer = await stream.read(1)
    if not answer:
        raise PeerClosed("the realserver closed the connection instead of saying whether it speaks TLS")
    if answer == b"N":
        raise TlsFailed("it does not offer TLS")
    if answer != b"S":
        raise ProtocolViolation(f"not an answer of PostgreSQL to the wish for TLS: {answer!r}")


async def _scram(talk: _Talk, secret: str) -> None:
    if _MECHANISM not in talk.last.body[4:].split(b"\0"):
        raise ProtocolViolation(f"it offers logins, but not by SCRAM-SHA-256: {talk.last.body[4:84]!r}")
    login = Scram(secret, secrets.token_urlsafe(18))
    await talk.stream.write(pgsql.sasl_initial(_MECHANISM, login.first))
    asked = await talk.accepted()
    if _method(asked) != _SASL_CONTINUE:
        raise ProtocolViolation("it does not go on with the login by SCRAM-SHA-256")
    await talk.stream.write(pgsql.message(b"p", login.answer(asked.body[4:])))
    asked = await talk.accepted()
    if _method(asked) != _SASL_FINAL:
        raise ProtocolViolation("it does not end the login by SCRAM-SHA-256")
    login.verify(asked.body[4:])


def _method(message: pgsql.Message) -> int:
    """Return which authentication a message asks for, 0 for none."""
    if message.kind != "R" or len(message.body) < 4:
        raise ProtocolViolation(f"a message {message.kind!r} where the server should ask who we are")
    return int.from_bytes(message.body[:4])


def _rejected(refusal: pgsql.Complaint) -> Rejected:
    reason = Reason.AUTHENTICATION if refusal.sqlstate in _WHO else Reason.REJECTED
    cause = f"{_CAUSES[refusal.sqlstate]}: " if refusal.sqlstate in _CAUSES else ""
    return Rejected(cause + _told(refusal), reason)


def _told(refusal: pgsql.Complaint) -> str:
    return shown(str(refusal).encode())
