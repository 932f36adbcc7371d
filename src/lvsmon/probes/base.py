"""What a probe is.

A kind is a frozen dataclass whose fields are its settings, with ``async def check``. It opens, exchanges through a
codec, raises on a mismatch and returns PASS with facts. It sets no timeout, reads no clock but the context's, writes no
log and imports no event loop: the runner does all that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from lvsmon.model import NO_FACTS, Damping, FactValue, Outcome, Reason, Target, Through, Verdict
from lvsmon.net.base import Connector
from lvsmon.net.clock import Clock, SystemClock
from lvsmon.net.shared import Shared


@dataclass(frozen=True, slots=True)
class Deadline:
    """An absolute time on the engine's monotonic clock, in seconds."""

    at: float


RUN_ONCE: Final = 60.0
"""Seconds that stand for the interval of a probe that is run once: longer than a one-shot round takes."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a run may use; nothing global.

    ``shared`` is common to all runs of the process. ``interval`` is the seconds to the next run of the same probe, a
    minute where there is none: an answer of a third party that is no older is fresh enough to be shared.
    """

    net: Connector
    deadline: Deadline
    clock: Clock = field(default_factory=SystemClock)
    shared: Shared = field(default_factory=Shared)
    interval: float = RUN_ONCE


class Probe(Protocol):
    """A kind with its settings. What is told below may depend on the settings, so ask the instance.

    A kind that does not speak TCP says so in a class variable ``transport`` ("udp", ...; "any" for more than one):
    the configuration refuses to aim a probe at a virtual service of another protocol. One that has no use for a port
    says ``uses_port = False``: it is aimed at port 0, once for all virtual services of a realserver. One that can do
    without a port, and tells it where there is one, says ``needs_port = False``. One whose protocol
    has a usual port says so in ``default_port``, a class variable or a property: it is probed by hand where nobody
    names another. One that wants to know the VIP even where there is a hostname has a class variable ``uses_vip``,
    and ``needs_vip`` where it cannot do without. One that holds a certificate against what clients connect by, a
    hostname or else the VIP, says so in ``needs_name``: it cannot be aimed where there is neither. One that wants to
    know what the configuration calls the realserver has ``uses_realserver``. One that reaches it by other means than
    streams and datagrams says ``only_rip = True``: it cannot go through the VIP. One that learns what should be the
    same on all realservers names that fact in ``comparable``, a class variable or a property: kind content compares
    it.
    """

    kind: ClassVar[str]

    @property
    def uses_hostname(self) -> bool:
        """Whether the outcome depends on the name or the VIP that clients use.

        A probe that says False is run once for virtual services that differ only in those.
        """
        ...

    @property
    def needs_hostname(self) -> bool:
        """Whether it cannot be run for a virtual service that has no name; implies `uses_hostname`."""
        ...

    @property
    def memory_bound(self) -> int:
        """Bytes that one run may hold at most, whatever the realserver sends."""
        ...

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
    fast_interval: float | None = None
    """While something changes; None is ``interval``."""
    down_interval: float | None = None
    """While it is DOWN and nothing passes; None is ``interval``."""
    confirm: int = 0
    """Runs that follow at once upon the first failure of a probe that was passing."""
    confirm_interval: float = 0.05
    """From the end of a failed run to the run that confirms it."""
    tripwire: bool = False
    """Whether an idle connection is held beside the runs, whose end makes the probe run at once."""


def passed(detail: str = "", facts: Mapping[str, FactValue] | None = None) -> Outcome:
    """Return the PASS outcome that a kind ends with."""
    return Outcome(verdict=Verdict.PASS, reason=Reason.OK, detail=detail, facts=facts or NO_FACTS)


def needs_port(probe: Probe) -> bool:
    """Whether ``probe``, as it is set, cannot be aimed without a port."""
    return bool(getattr(probe, "needs_port", getattr(probe, "uses_port", True)))


def aim(
    probe: Probe,
    address: str,
    port: int,
    *,
    hostname: str | None = None,
    vip: str | None = None,
    vport: int | None = None,
    realserver: str | None = None,
    through: Through | None = None,
) -> Target:
    """Return the target of ``probe`` on one realserver: with the clients' names, and the port, only where it uses them.

    Raise ValueError, with a sentence for the configuration's author, where the probe needs a name and there is none;
    it begins with ``setting:`` where one is to be set.
    """
    if probe.needs_hostname and hostname is None:
        raise ValueError("expect_hostname needs the hostname of the virtual service: set hostname there")
    if getattr(probe, "needs_vip", False) and vip is None:
        raise ValueError("{vip} and {vport} are of a virtual service that has a vip: this one has a fwmark")
    if getattr(probe, "needs_name", False) and hostname is None and vip is None:
        raise ValueError(
            "tls_name: missing: a fwmark has no VIP, and this virtual service no hostname, to hold the certificate"
            " against; write tls_name here, or hostname there"
        )
    if not getattr(probe, "uses_port", True):
        port = 0
    named = hostname if probe.uses_hostname else None
    wants_vip = getattr(probe, "uses_vip", False) or (probe.uses_hostname and named is None)
    return Target(
        address=address,
        port=port,
        hostname=named,
        vip=vip if wants_vip else None,
        vport=vport if probe.uses_hostname else None,
        realserver=realserver if getattr(probe, "uses_realserver", False) else None,
        through=through,
    )
