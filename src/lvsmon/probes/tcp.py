"""tcp: the port accepts connections."""

from dataclasses import dataclass
from typing import ClassVar

from lvsmon.model import Outcome, Target
from lvsmon.probes.base import Context, passed


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """Connect; that is all so far."""

    kind: ClassVar[str] = "tcp"
    uses_hostname: ClassVar[bool] = False

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        stream = await ctx.net.connect(target.address, target.port)
        stream.close()
        return passed("connected")
