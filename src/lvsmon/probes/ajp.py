"""ajp: a servlet container such as Tomcat, asked as a web server in front of it asks (AJP13)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed, LocalFault, ProtocolViolation, Rejected
from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Secret
from lvsmon.net.base import Stream
from lvsmon.probes.base import Context, passed
from lvsmon.probes.bodies import BodyText
from lvsmon.probes.gateway import GatewaySettings
from lvsmon.probes.talk import READ, next_event
from lvsmon.wire import ajp
from lvsmon.wire.cgi import Answer, Data

_MAX_ASKED: Final = 10
"""How often a container may ask for the body of a request that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AjpProbe(GatewaySettings):
    """Ask a container whether it answers (CPing), and for a path as a web server would; the answer decides."""

    kind: ClassVar[str] = "ajp"
    default_port: ClassVar[int] = 8009
    needs_hostname: ClassVar[bool] = False

    cping: bool = True
    """Ask by CPing first; false for containers that do not know it."""
    secret: Secret | None = None
    """What the container wants to be told (its secret, once requiredSecret); CPing needs none."""
    over_tls: bool = False
    """Say that the client has come by TLS, for applications that redirect to https those who have not."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that ask for nothing, contradict each other or decide nothing."""
        GatewaySettings.__post_init__(self)
        if self.path is None and (self.secret is not None or self.over_tls):
            raise ValueError("path: without one there is no request to tell it in; leave secret and over_tls out")
        if self.path is None and not self.cping:
            raise ValueError("cping: without a path nothing else is asked; leave it on, or write a path")
        if self.path is not None:
            try:
                self.request(Target(address="0.0.0.0", port=self.default_port)).encode()
            except ValueError as error:
                raise ValueError(f"path: {error}") from None

    @property
    def memory_bound(self) -> int:
        return 6 * ajp.MAX_PACKET + 8 * READ + self.body_bound

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        reader = ajp.PacketReader()
        outcome = passed("it answers CPing")
        if self.cping:
            await stream.write(ajp.cping())
            answer: ajp.Event = await next_event(stream, reader)
            if not isinstance(answer, ajp.Pong):
                raise ProtocolViolation(f"not an answer to CPing: {_named(answer)}")
        if self.path is not None:
            outcome = await self._ask(stream, reader, target)
        stream.close()
        return outcome

    async def _ask(self, stream: Stream, reader: ajp.PacketReader, target: Target) -> Outcome:
        await stream.write(self.request(target).encode())
        answer = await self._hear(stream, reader)
        if not isinstance(answer, Answer):
            raise ProtocolViolation(f"not the head of an answer: {_named(answer)}")
        self._judge(answer)
        body: BodyText = self.body(answer)
        while not body.full:
            event = await self._hear(stream, reader)
            if isinstance(event, ajp.End):
                break
            if not isinstance(event, Data):
                raise ProtocolViolation(f"not a part of an answer: {_named(event)}")
            body.add(event.data)
        return self.judge_body(answer, body)

    async def _hear(self, stream: Stream, reader: ajp.PacketReader) -> ajp.Event:
        """Return the next event; whoever asks for a body is told that there is none."""
        for _ in range(_MAX_ASKED):
            event: ajp.Event = await next_event(stream, reader)
            if not isinstance(event, ajp.WantsBody):
                return event
            await stream.write(ajp.NO_BODY)
        raise ProtocolViolation("the container asks again and again for a body that there is not")

    def request(self, target: Target) -> ajp.Request:
        """Return the request that ``target`` gets."""
        if self.path is None:
            raise LocalFault("there is no path to ask for")
        path, mark, query = self.path.partition("?")
        name = self.name(target)
        return ajp.Request(
            method=self.method,
            path=path,
            query=query if mark else None,
            server_name=name,
            server_port=target.vport or target.port,
            headers=(("host", name), ("accept", "*/*"), ("user-agent", "lvsmon")),
            over_tls=self.over_tls,
            secret=None if self.secret is None else self.secret.reveal(),
        )

    def _judge(self, answer: Answer) -> None:
        try:
            self.judge_status(answer)
        except (ExpectationFailed, Rejected) as error:
            if answer.status != 403:
                raise
            hint = "another secret" if self.secret is not None else "a secret"
            raise Rejected(f"{error}; it may want {hint}", error.reason) from None


def _named(event: ajp.Event) -> str:
    """Return what came, in words."""
    names = {
        ajp.Pong: "CPong",
        Answer: "the head of an answer",
        Data: "a piece of a body",
        ajp.WantsBody: "a question for a body",
        ajp.End: "the end of an answer",
    }
    return names[type(event)]
