"""What a probe is.

A kind is a frozen dataclass whose fields are its settings, with ``async def check``. It opens, exchanges through a
codec, raises on a mismatch and returns PASS with facts. It sets no timeout, reads no clock, writes no log and imports
no event loop: the runner does all that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from lvsmon.model import Damping, FactValue, Outcome, Reason, Target, Verdict
from lvsmon.net.base import Connector


@dataclass(frozen=True, slots=True)
class Deadline:
    """An absolute time on the engine's monotonic clock, in seconds."""

    at: float


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a run may use; nothing global."""

    net: Connector
    deadline: Deadline


class Probe(Protocol):
    """A kind with its settings.

    ``uses_hostname`` says whether the outcome depends on the name that clients use; a kind that says False is run once
    for virtual services that differ only in their names.
    """

    kind: ClassVar[str]
    uses_hostname: ClassVar[bool]

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        """Probe ``target`` once.

        Raise `ProbeFailed` where it is the realserver's fault and `LocalFault` where it is ours.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """One scheduled probe of one realserver: its identity is its whole definition.

    Times are in seconds. ``id`` is readable and ends in a digest of everything else, so counters survive a reload that
    does not change it and equal definitions are run once.
    """

    id: str
    probe: Probe
    target: Target
    interval: float
    timeout: float
    damping: Damping


def passed(detail: str = "", facts: Mapping[str, FactValue] | None = None) -> Outcome:
    """Return the PASS outcome that a kind ends with."""
    return Outcome(verdict=Verdict.PASS, reason=Reason.OK, detail=detail, facts=facts or {})
