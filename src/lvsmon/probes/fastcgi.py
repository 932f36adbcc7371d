"""fastcgi: an application server such as php-fpm, asked as a web server asks it (FastCGI 1.0)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from lvsmon.errors import LocalFault, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Target
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.bodies import BodyText
from lvsmon.probes.gateway import GatewaySettings
from lvsmon.probes.talk import READ, next_event, shown
from lvsmon.wire import fastcgi
from lvsmon.wire.cgi import MAX_HEAD, Answer, CgiReader, Data
from lvsmon.wire.fastcgi import Ending, Record, RecordReader, Type

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_MAX_ERRORS: Final = 1024
"""Bytes kept of what an application says on its standard error."""

_ENDINGS: Final[Mapping[int, str]] = {
    Ending.CANT_MPX_CONN: "the application takes one request at a time on a connection (FCGI_CANT_MPX_CONN)",
    Ending.OVERLOADED: "the application is overloaded (FCGI_OVERLOADED)",
    Ending.UNKNOWN_ROLE: "the application is no responder (FCGI_UNKNOWN_ROLE)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FastcgiProbe(GatewaySettings):
    """Ask an application server for its limits, or for a path as a web server would; the answer decides."""

    kind: ClassVar[str] = "fastcgi"
    default_port: ClassVar[int] = 9000
    needs_hostname: ClassVar[bool] = False

    script: str | None = None
    """File that is to run (SCRIPT_FILENAME); if not given, the path, as php-fpm's ping and status pages want it."""
    params: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Further parameters of the request, or others in place of the probe's own."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that ask for nothing, contradict each other or decide nothing."""
        GatewaySettings.__post_init__(self)
        if self.path is None and (self.script is not None or self.params):
            raise ValueError("path: without one nothing is asked for; write a path, or leave script and params out")
        if self.script == "":
            raise ValueError("script: write a path on the realserver, or leave script out")
        for name, value in self.params.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"params: write names in capitals, as HTTP_COOKIE, not {name!r}")
            if "\0" in value:
                raise ValueError(f"params: {name} has a NUL in it, which no application can take")
        if "\0" in (self.script or ""):
            raise ValueError("script: it has a NUL in it, which no file name has")

    @property
    def memory_bound(self) -> int:
        return 4 * fastcgi.MAX_RECORD + 8 * MAX_HEAD + 8 * READ + self.body_bound

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        reader = RecordReader()
        outcome = await (self._look(stream, reader) if self.path is None else self._ask(stream, reader, target))
        stream.close()
        return outcome

    async def _look(self, stream: Stream, reader: RecordReader) -> Outcome:
        """Ask what every application answers."""
        await stream.write(fastcgi.get_values())
        answer = await next_event(stream, reader)
        if answer.request != 0 or answer.type not in {Type.GET_VALUES_RESULT, Type.UNKNOWN_TYPE}:
            raise ProtocolViolation(f"not an answer to GET_VALUES: a record of type {answer.type}")
        if answer.type == Type.UNKNOWN_TYPE:
            return passed("it speaks FastCGI, and does not tell its limits")
        facts: dict[str, FactValue] = {
            name.decode("ascii", "replace").removeprefix("FCGI_").lower(): shown(value, 20)
            for name, value in fastcgi.pairs(answer.content).items()
            if name in {b"FCGI_MAX_CONNS", b"FCGI_MAX_REQS", b"FCGI_MPXS_CONNS"}
        }
        return passed("it answers GET_VALUES", facts)

    async def _ask(self, stream: Stream, reader: RecordReader, target: Target) -> Outcome:
        await stream.write(fastcgi.responder(self.parameters(target).items()))
        said = bytearray()
        pieces = CgiReader()
        answer: Answer | None = None
        body: BodyText | None = None
        while body is None or not body.full:
            event = await next_event(stream, reader)
            if event.request != fastcgi.REQUEST:
                raise ProtocolViolation(f"a record of request {event.request}: there is only request 1")
            if event.type == Type.STDERR:
                said += event.content[: _MAX_ERRORS - len(said)]
            elif event.type == Type.END_REQUEST:
                self._judge_end(event, said)
                pieces.feed_eof()
                break
            elif event.type == Type.STDOUT:
                pieces.feed(event.content)
            else:
                raise ProtocolViolation(f"a record of type {event.type} in an answer")
            for piece in _events(pieces):
                if isinstance(piece, Answer):
                    answer = piece
                    self._judge(answer, said)
                    body = self.body(answer)
                elif body is not None:
                    body.add(piece.data)
        if answer is None or body is None:
            raise TypeError(answer)  # `feed_eof` has seen to it
        outcome = self.judge_body(answer, body)
        return replace(outcome, facts={**outcome.facts, "stderr": shown(said)}) if said else outcome

    def parameters(self, target: Target) -> dict[str, str]:
        """Return the parameters of the request (RFC 3875 section 4.1)."""
        if self.path is None:
            raise LocalFault("there is no path to ask for")
        script, _, query = self.path.partition("?")
        name = self.name(target)
        port = target.vport or target.port
        return {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_SOFTWARE": "lvsmon",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": name,
            "SERVER_PORT": str(port),
            "REQUEST_METHOD": self.method,
            "REQUEST_URI": self.path,
            "DOCUMENT_URI": script,
            "SCRIPT_NAME": script,
            "SCRIPT_FILENAME": self.script or script,
            "QUERY_STRING": query,
            "CONTENT_TYPE": "",
            "CONTENT_LENGTH": "",
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "0",
            "REDIRECT_STATUS": "200",  # php-cgi refuses to run without it
            "HTTP_HOST": name,
            "HTTP_USER_AGENT": "lvsmon",
            **self.params,
        }

    def _judge(self, answer: Answer, said: bytearray) -> None:
        """Raise where the status is not as wanted, with what the application said of it."""
        try:
            self.judge_status(answer)
        except Rejected as error:
            raise (Rejected(f"{error}; it says {shown(said, 120)!r}", error.reason) if said else error) from None

    @staticmethod
    def _judge_end(event: Record, said: bytearray) -> None:
        _, how = fastcgi.ending(event.content)
        if how != Ending.COMPLETE:
            why = _ENDINGS.get(how, f"the application ended the request with {how}")
            raise Rejected(f"{why}: {shown(said, 120)!r}" if said else why)


def _events(reader: CgiReader) -> Iterator[Answer | Data]:
    while (event := reader.next_event()) is not None:
        yield event
