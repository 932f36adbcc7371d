"""agent: a program on the realserver says in one line how it is and what weight it wants (HAProxy's agent-check)."""

from dataclasses import dataclass
from typing import ClassVar, Final

from lvsmon.model import Outcome, Target
from lvsmon.model.settings import Text
from lvsmon.probes.base import Context
from lvsmon.probes.reports import outcome_of
from lvsmon.probes.talk import next_event
from lvsmon.wire.agent import AgentReader

_MAX_SEND: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProbe:
    """Connect to the agent and read its line: up, down, drain, maint, ready, stopped, failed, a weight."""

    kind: ClassVar[str] = "agent"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = 131072

    send: Text = b""
    r"""Text to send once connected, for agents that serve several (HAProxy's agent-send), with escapes such as \n."""

    def __post_init__(self) -> None:
        """Raise ValueError for a text that no agent takes."""
        if len(self.send) > _MAX_SEND:
            raise ValueError(f"send: write at most {_MAX_SEND} bytes")

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        if self.send:
            await stream.write(self.send)
        report = await next_event(stream, AgentReader())
        stream.close()
        return outcome_of(report, "the agent")
