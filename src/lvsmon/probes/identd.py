"""identd: a server that says who owns a connection, or that nobody does (RFC 1413)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.errors import ExpectationFailed, ProtocolViolation, Rejected
from lvsmon.model import FactValue, Outcome, Target
from lvsmon.model.settings import Pattern
from lvsmon.probes.base import Context, passed
from lvsmon.probes.talk import next_event, refuse_vacuous, shown
from lvsmon.wire.ident import IdentReader, NoOwner, Owner, question

_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentdProbe:
    """Ask for the owner of a connection; that there is no such connection is an answer, too."""

    kind: ClassVar[str] = "identd"
    default_port: ClassVar[int] = 113
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 131072

    server_port: int = 113
    """Port on the realserver of the connection asked for; by default identd's own."""
    client_port: int = 1
    """Port on the director of the connection asked for; there is none from port 1, which no owner shows."""
    owner: Pattern | None = None
    """Regular expression that must match in the user named: for servers that name the same one for everybody."""

    def __post_init__(self) -> None:
        """Raise ValueError for ports that there are not, and for settings that decide nothing."""
        for setting, port in (("server_port", self.server_port), ("client_port", self.client_port)):
            if not 1 <= port <= _MAX_PORT:
                raise ValueError(f"{setting}: write a port from 1 to {_MAX_PORT}")
        refuse_vacuous("owner", self.owner)

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        ports = self.server_port, self.client_port
        stream = await ctx.net.connect(target.address, target.port)
        await stream.write(question(*ports))
        answer: Owner | NoOwner = await next_event(stream, IdentReader())
        stream.close()
        if answer.ports != ports:
            raise ProtocolViolation(f"it was asked for ports {ports[0]}, {ports[1]} and speaks of {answer.ports}")
        if isinstance(answer, Owner):
            name = shown(answer.user)
            if self.owner is not None and not self.owner.search(answer.user):
                raise ExpectationFailed(f"owner does not match in the user named: {name!r}")
            facts: dict[str, FactValue] = {"owner": name, "system": shown(answer.system)}
            return passed(f"the owner is {shown(answer.user, 80)!r}", facts)
        if self.owner is not None:
            raise ExpectationFailed(f"no owner is named: {answer.error[:80]}")
        if answer.error == "INVALID-PORT":
            raise Rejected("it takes the ports for invalid (INVALID-PORT)")
        return passed(f"it answers {answer.error[:80]}", {"error": answer.error[:80]})
