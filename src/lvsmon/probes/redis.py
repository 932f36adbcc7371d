"""redis: a server that answers commands, in the role wanted, linked to its master, with the value wanted."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target, Verdict
from lvsmon.model.settings import Secret, Text
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.replication import LagSettings
from lvsmon.probes.talk import next_event, shown
from lvsmon.wire import redis

_AUTHENTICATION: Final = frozenset({"NOAUTH", "WRONGPASS", "NOPERM"})
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_CAUSES: Final = {
    "LOADING": "it is still loading its data",
    "MASTERDOWN": "its link to the master is down and it serves no stale data",
    "NOAUTH": "it wants a password: set password_file",
    "WRONGPASS": "it does not take the password",
    "NOPERM": "the user may not do that",
    "DENIED": "it is in protected mode, which lets only its own host in",
    "MISCONF": "it cannot save its data to disk and takes no writes",
    "BUSY": "a script keeps it busy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisProbe(LagSettings, OptionalTls):
    """Log in where told, say PING, look at the replication, and read a key where told."""

    kind: ClassVar[str] = "redis"
    default_port: ClassVar[int] = 6379
    needs_hostname: ClassVar[bool] = False

    username: str | None = None
    """User to log in as, for servers with ACLs; without, the password is that of the default user."""
    password: Secret | None = None
    """Password to log in with; never shown."""
    login: Literal["required", "optional"] = "required"
    """"optional" passes a server that says only that it wants a password; for looking at a port without having one."""
    role: Literal["any", "master", "replica"] = "any"
    """Role that the server must have."""
    link: Literal["fail", "warn", "ignore"] = "fail"
    """Verdict for a replica whose link to its master is down, so that what it serves is stale."""
    key: Text = b""
    r"""Key that must exist and hold a string, with escapes (\r \n \t \0 \xNN \\)."""
    value: Text | None = None
    """What the key must hold, exactly."""
    tls: Literal["none", "implicit"] = "none"
    """"implicit": TLS from the first byte, with the settings of kind tls."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        LagSettings.__post_init__(self)
        OptionalTls.__post_init__(self)
        if self.username is not None and self.password is None:
            raise ValueError("username: give password_file too")
        if self.username == "":
            raise ValueError("username: write a name, or leave it out for the default user")
        if self.value is not None and not self.key:
            raise ValueError("value: is what key must hold: give key too")
        if self.role == "master" and self.limits_lag:
            raise ValueError("lag_warn and lag_fail: a master is never behind; leave them out with role = master")
        asks_more = self.password is not None or self.role != "any" or self.key or self.limits_lag
        if self.login == "optional" and asks_more:
            raise ValueError(
                'login: "optional" lets nothing else be asked: leave it out, or password, role, key, lag_…'
            )

    @property
    def memory_bound(self) -> int:
        return 524288 + self.tls_memory

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream, session = await self.open(target, ctx)
        return self.graded(await self._exchange(stream), session)

    async def _exchange(self, stream: Stream) -> Outcome:
        reader = redis.ReplyReader()
        if self.password is not None:
            user = () if self.username is None else (self.username.encode(),)
            answer = await _ask(stream, reader, b"AUTH", *user, self.password.reveal().encode())
            _demand_ok(answer)
        answer = await _ask(stream, reader, b"PING")
        if self.login == "optional" and isinstance(answer, redis.Refusal) and answer.code == "NOAUTH":
            stream.close()
            return passed("answers, and wants a password", {"wants_password": True})
        if _value(answer, "PING") != redis.Status(b"PONG"):
            raise ProtocolViolation(f"the answer to PING is not PONG: {_told(answer)}")
        outcome = passed("answers PING")
        if self.role != "any" or self.link != "ignore" or self.limits_lag:
            outcome = self._judge(await _ask(stream, reader, b"INFO", b"replication"))
        if self.key:
            self._compare(await _ask(stream, reader, b"GET", self.key))
        stream.close()
        return outcome

    def _judge(self, answer: redis.Reply) -> Outcome:
        """Return what INFO replication comes to; raise where it is not as wanted."""
        info = _value(answer, "INFO replication")
        if not isinstance(info, redis.Bulk) or info.data is None:
            raise ProtocolViolation("the answer to INFO is no text")
        fields = redis.fields(info.data)
        role = {"master": "master", "slave": "replica", "replica": "replica"}.get(fields.get("role", ""))
        if role is None:
            raise ProtocolViolation(f"INFO replication tells no role: {shown(info.data, 80)!r}")
        facts: dict[str, FactValue] = {"role": role}
        if self.role not in {"any", role}:
            raise ExpectationFailed(f"it is a {role}, wanted is a {self.role}", facts=facts)
        if role == "master":
            facts["replicas"] = _number(fields, "connected_slaves")
            return passed("answers PING, a master", facts)
        return self._judge_replica(fields, facts)

    def _judge_replica(self, fields: dict[str, str], facts: dict[str, FactValue]) -> Outcome:
        master = shown(f"{fields.get('master_host', '?')}:{fields.get('master_port', '?')}".encode(), 100)
        up = fields.get("master_link_status") == "up"
        facts |= {"master": master, "master_link": "up" if up else "down"}
        if up:
            outcome = passed(f"answers PING, a replica of {master}", facts)
            return self.held_against_lag(outcome, _number(fields, "master_last_io_seconds_ago"))
        detail = f"its link to the master {master} is down"
        since = _number(fields, "master_link_down_since_seconds")
        if since >= 0:
            detail += f" since {since} s"
            facts["master_link_down"] = since
        if fields.get("master_sync_in_progress") == "1":
            detail += ", it is copying the master's data"
        if self.link == "fail":
            raise ExpectationFailed(detail, facts=facts)
        outcome = passed(detail, facts)
        if self.limits_lag and since >= 0:
            outcome = self.held_against_lag(outcome, since)
        elif self.lag_fail:
            raise ExpectationFailed(f"{detail}: nobody knows how far it is behind", facts=facts)
        if self.link == "warn":
            outcome = replace(outcome, verdict=Verdict.WARN, reason=Reason.DEGRADED)
        return outcome

    def _compare(self, answer: redis.Reply) -> None:
        found = _value(answer, "GET")
        if not isinstance(found, redis.Bulk):
            raise ProtocolViolation(f"the answer to GET is no value: {_told(found)}")
        if found.data is None:
            raise ExpectationFailed(f"there is no key {shown(self.key, 80)!r}")
        if self.value is not None and found.data != self.value:
            raise ExpectationFailed(f"key {shown(self.key, 80)!r} holds {shown(found.data, 80)!r}, another value")


async def _ask(stream: Stream, reader: redis.ReplyReader, *words: bytes) -> redis.Reply:
    await stream.write(redis.command(*words))
    answer: redis.Reply = await next_event(stream, reader)
    if reader.pending:
        raise ProtocolViolation(f"it says more than it was asked: {reader.pending[:80]!r}")
    return answer


def _value(answer: redis.Reply, to: str) -> redis.Reply:
    """Return ``answer``; raise `Rejected` where it is an error."""
    if isinstance(answer, redis.Refusal):
        reason = Reason.AUTHENTICATION if answer.code in _AUTHENTICATION else Reason.REJECTED
        cause = f"{_CAUSES[answer.code]}: " if answer.code in _CAUSES else f"the answer to {to} is an error: "
        raise Rejected(cause + shown(answer.text), reason)
    return answer


def _demand_ok(answer: redis.Reply) -> None:
    """Raise where the answer to AUTH is not OK."""
    if isinstance(answer, redis.Refusal) and answer.code in {"ERR", "WRONGPASS", ""}:
        raise Rejected(f"the login is refused: {shown(answer.text)}", Reason.AUTHENTICATION)
    if _value(answer, "AUTH") != redis.Status(b"OK"):
        raise ProtocolViolation(f"the answer to AUTH is not OK: {_told(answer)}")


def _number(fields: dict[str, str], name: str) -> int:
    """Return a field's number; -1, which Redis itself says for "never", where it is missing."""
    value = fields.get(name, "-1")
    if not _NUMBER.fullmatch(value):
        raise ProtocolViolation(f"INFO replication: {name} is no number: {value[:40]!r}")
    return int(value)


def _told(answer: redis.Reply) -> str:
    """Return ``answer`` as a detail quotes it."""
    match answer:
        case redis.Number(value):
            return str(value)
        case redis.Bulk(data):
            return "nothing" if data is None else repr(shown(data, 80))
        case redis.Status(text) | redis.Refusal(text):
            return repr(shown(text, 80))
