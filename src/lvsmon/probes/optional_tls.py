"""TLS from the start, on request or not at all: the one setting by which every kind says so that may do without."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Literal, get_args

from lvsmon.model import Outcome, Target
from lvsmon.net.base import Stream
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.base import Context
from lvsmon.probes.secure import MEMORY, TlsSettings, open_tls


@dataclass(frozen=True, kw_only=True)
class OptionalTls(TlsSettings):
    """Settings of a kind that speaks TLS where told. Without slots, as `TlsSettings`.

    A kind whose protocol has only one of the two ways declares ``tls`` anew, with that one.
    """

    tls: Literal["none", "starttls", "implicit"] = "none"
    """"none", "starttls" (the realserver must offer it), or "implicit": TLS from the first byte."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings of TLS that contradict each other or that nothing uses."""
        TlsSettings.__post_init__(self)
        if not self.speaks_tls:
            self.refuse_tls_settings(self.ways_to_tls)

    @property
    def ways_to_tls(self) -> str:
        """What to write, for messages."""
        ways = get_args(next(field.type for field in fields(self) if field.name == "tls"))
        return " or ".join(f'tls = "{way}"' for way in ways if way != "none")

    @property
    def speaks_tls(self) -> bool:
        return self.tls != "none"

    @property
    def uses_hostname(self) -> bool:
        return self.speaks_tls and self.tls_uses_hostname

    @property
    def tls_memory(self) -> int:
        """Bytes that TLS adds to a run."""
        return MEMORY if self.speaks_tls else 0

    async def open(
        self, target: Target, ctx: Context, prepare: Callable[[Stream], Awaitable[None]] | None = None
    ) -> tuple[Stream, TlsSession | None]:
        """Connect, in TLS where told; ``prepare`` asks for it where it does not begin with the first byte."""
        if not self.speaks_tls:
            return await ctx.net.connect(target.address, target.port), None
        return await open_tls(self, target, ctx, prepare=None if self.tls == "implicit" else prepare)

    def graded(self, outcome: Outcome, session: TlsSession | None) -> Outcome:
        """Return ``outcome`` with what TLS adds to it, if there was TLS."""
        return outcome if session is None else super().graded(outcome, session)
