"""memcached: a cache that tells its version and, where wanted, holds a value."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Reason, Target
from lvsmon.model.settings import Secret, Text
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.optional_tls import OptionalTls
from lvsmon.probes.talk import next_event, shown
from lvsmon.wire import memcached
from lvsmon.wire.memcached import Line, Value

_KEY: Final = re.compile(rb"[^\x00-\x20\x7f]{1,250}")
_NUMBER: Final = re.compile(rb"[0-9]{1,18}")
_MAX_STATS: Final = 1000
"""Lines of an answer to stats: there are some 80."""

_FACTS: Final = frozenset(
    {"uptime", "curr_connections", "max_connections", "curr_items", "bytes", "limit_maxbytes", "evictions"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemcachedProbe(OptionalTls):
    """Log in where told, ask for the version, read a key and the statistics where told."""

    kind: ClassVar[str] = "memcached"
    comparable: ClassVar[str] = "version"
    default_port: ClassVar[int] = 11211
    needs_hostname: ClassVar[bool] = False

    username: str | None = None
    """User to log in as, for servers started with an auth file (-Y)."""
    password: Secret | None = None
    """Password to log in with; never shown."""
    login: Literal["required", "optional"] = "required"
    """"optional" passes a server that says only that it wants a login; for looking at a port without having one."""
    key: Text = b""
    r"""Key that must exist, with escapes (\xNN \\); 1 to 250 bytes without blanks."""
    value: Text | None = None
    """What the key must hold, exactly."""
    stats: bool = False
    """Ask for the statistics too, and show some of them as facts."""
    tls: Literal["none", "implicit"] = "none"
    """"implicit": TLS from the first byte, with the settings of kind tls."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        OptionalTls.__post_init__(self)
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: give both or none")
        if self.username is not None and not _KEY.fullmatch(self.username.encode()):
            raise ValueError("username: write a name without blanks")
        if self.key and not _KEY.fullmatch(self.key):
            raise ValueError("key: write 1 to 250 bytes without blanks and control characters")
        if self.value is not None and not self.key:
            raise ValueError("value: is what key must hold: give key too")
        if self.login == "optional" and (self.username is not None or self.key or self.stats):
            raise ValueError('login: "optional" lets nothing else be asked: leave it out, or username, key and stats')

    @property
    def memory_bound(self) -> int:
        return 524288 + self.tls_memory

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream, session = await self.open(target, ctx)
        return self.graded(await self._exchange(stream), session)

    async def _exchange(self, stream: Stream) -> Outcome:
        reader = memcached.AnswerReader()
        if self.username is not None and self.password is not None:
            await self._log_in(stream, reader, f"{self.username} {self.password.reveal()}".encode())
        await stream.write(b"version\r\n")
        answer: memcached.Answer = await next_event(stream, reader)
        if self.login == "optional" and _wants_login(answer):
            stream.close()
            return passed("answers, and wants a login", {"wants_login": True})
        version = _expected(answer, "VERSION")
        if not version.text.strip():
            raise ProtocolViolation("the answer to version names none")
        facts: dict[str, FactValue] = {"version": shown(version.text)}
        _demand_end(reader)
        if self.key:
            await self._compare(stream, reader)
        if self.stats:
            facts |= await _statistics(stream, reader)
        await stream.write(b"quit\r\n")
        stream.close()
        return passed(f"version {shown(version.text, 80)}", facts)

    async def _log_in(self, stream: Stream, reader: memcached.AnswerReader, credentials: bytes) -> None:
        """Say who we are by the first ``set``, whose key means nothing (protocol.txt, "Authentication")."""
        await stream.write(b"set auth 0 0 %d\r\n%b\r\n" % (len(credentials), credentials))
        answer: memcached.Answer = await next_event(stream, reader)
        if isinstance(answer, Line) and answer.word == "CLIENT_ERROR":
            raise Rejected(f"the login is refused: {shown(answer.text)}", Reason.AUTHENTICATION)
        if _accepted(answer, "the login") != Line("STORED", b""):
            raise ProtocolViolation(f"the answer to the login is not STORED: {_told(answer)}")
        _demand_end(reader)

    async def _compare(self, stream: Stream, reader: memcached.AnswerReader) -> None:
        await stream.write(b"get %b\r\n" % self.key)
        answer = _accepted(await next_event(stream, reader), "get")
        if answer == Line("END", b""):
            raise ExpectationFailed(f"there is no key {shown(self.key, 80)!r}")
        if not isinstance(answer, Value) or answer.key != self.key:
            raise ProtocolViolation(f"the answer to get is no value of the key: {_told(answer)}")
        await _line(stream, reader, "END")
        _demand_end(reader)
        if self.value is not None and answer.data != self.value:
            raise ExpectationFailed(f"key {shown(self.key, 80)!r} holds {shown(answer.data, 80)!r}, another value")


async def _statistics(stream: Stream, reader: memcached.AnswerReader) -> dict[str, FactValue]:
    await stream.write(b"stats\r\n")
    found: dict[str, FactValue] = {}
    for _ in range(_MAX_STATS):
        answer = _accepted(await next_event(stream, reader), "stats")
        if answer == Line("END", b""):
            _demand_end(reader)
            return found
        if not isinstance(answer, Line) or answer.word != "STAT":
            raise ProtocolViolation(f"the answer to stats is no statistic: {_told(answer)}")
        name, _, value = answer.text.partition(b" ")
        if (known := name.decode("ascii", "replace")) in _FACTS and _NUMBER.fullmatch(value):
            found[known] = int(value)
    raise ProtocolViolation(f"more than {_MAX_STATS} statistics")


async def _line(stream: Stream, reader: memcached.AnswerReader, word: str) -> Line:
    answer: memcached.Answer = await next_event(stream, reader)
    return _expected(answer, word)


def _expected(answer: memcached.Answer, word: str) -> Line:
    answer = _accepted(answer, word.lower())
    if not isinstance(answer, Line) or answer.word != word:
        raise ProtocolViolation(f"{_told(answer)} where {word} was due")
    return answer


def _wants_login(answer: memcached.Answer) -> bool:
    return isinstance(answer, Line) and answer.is_error and b"unauthenticated" in answer.text


def _accepted(answer: memcached.Answer, to: str) -> memcached.Answer:
    """Return ``answer``; raise `Rejected` where it is an error."""
    if isinstance(answer, Line) and answer.is_error:
        if _wants_login(answer):
            raise Rejected("it wants a login: set username and password_file", Reason.AUTHENTICATION)
        raise Rejected(f"the answer to {to} is an error: {_told(answer)}")
    return answer


def _demand_end(reader: memcached.AnswerReader) -> None:
    if reader.pending:
        raise ProtocolViolation(f"it says more than it was asked: {reader.pending[:80]!r}")


def _told(answer: memcached.Answer) -> str:
    """Return ``answer`` as a detail quotes it."""
    if isinstance(answer, Value):
        return f"a value of {shown(answer.key, 80)!r}"
    return f"{answer.word} {shown(answer.text, 200)}".rstrip()
