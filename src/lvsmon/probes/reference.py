"""Third parties that a realserver is held against: a zone's primaries, a time server.

They are asked once for all realservers. What goes wrong with them is never a realserver's fault: it ends in UNKNOWN.
"""

import ipaddress
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.probes.base import Context

_T = TypeVar("_T")

_SHARE: Final = 0.9
"""Share of the time left that waiting for a third party may take: the rest is for saying that it was silent."""

_ASKING: Final = 0.8
"""Share of that for asking, so that its silence is known, and told to other runs, before the waiting ends."""

_FAIR: Final = 0.5
"""Share of a run's time that a third party must have had, before its silence is told to other runs as well."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a third party answers."""

    address: str
    port: int

    @classmethod
    def read(cls, setting: str, text: str, usual: int) -> "Server":
        """Return what "192.0.2.1", "2001:db8::1", "192.0.2.1:5353" or "[2001:db8::1]:5353" names; raise ValueError.

        ``usual`` is the port where none is written.
        """
        host, port = text, str(usual)
        if text.startswith("["):
            host, _, rest = text[1:].partition("]")
            port = rest.removeprefix(":") if rest else port
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(
                f'{setting}: {text!r} is no address (a probe does not look up names): write "192.0.2.1", or with a port'
                ' "192.0.2.1:5353", "[2001:db8::1]:5353"'
            ) from None
        if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
            raise ValueError(f"{setting}: {text!r}: write a port from 1 to 65535 after the colon")
        return cls(str(address), int(port))

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why there is nothing to compare with: an answer too, told to all runs that want one as fresh."""

    detail: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What is asked of whom, and since when this run has been under way (seconds, monotonic)."""

    key: Hashable
    who: str
    started: float

    async def ask(
        self, ctx: Context, since: float, ask: Callable[[float], Coroutine[Any, Any, _T | Unknown]]
    ) -> tuple[_T, float]:
        """Return the answer, asked at ``since`` or later by this run or another, and when it was asked.

        ``ask`` is told how many seconds it has. Raise `LocalFault` (reason ``reference``) where there is no answer.
        """
        patience = (ctx.deadline.at - ctx.clock.monotonic()) * _SHARE
        fair = patience >= (ctx.deadline.at - self.started) * _FAIR

        async def once() -> _T | Unknown:
            found = await ask(patience * _ASKING)
            if isinstance(found, Unknown) and not fair:
                raise LocalFault(found.detail, Reason.REFERENCE)
            return found

        found = await ctx.net.within(
            patience, ctx.shared.once(self.key, since, ctx.clock.monotonic, once, ctx.net.event)
        )
        if found is None:
            raise LocalFault(f"no answer in time from {self.who}", Reason.REFERENCE)
        answer, asked_at = found
        if isinstance(answer, Unknown):
            raise LocalFault(answer.detail, Reason.REFERENCE)
        return answer, asked_at
