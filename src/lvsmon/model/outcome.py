"""What one run of a probe aims at and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from lvsmon.model.through import Through
from lvsmon.model.weight import Weight

FactValue: TypeAlias = str | int | float | bool

NO_FACTS: Final[Mapping[str, FactValue]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a probe goes: one port of one realserver, under the name that clients of the VIP use.

    ``vip`` and ``vport`` are where those clients connect to: what they put in ``Host:`` where the virtual service
    has no name or an unusual port. All three are None for probes that use none of them, so that virtual services
    which differ only in them share their runs; `lvsmon.probes.base.aim` sees to it. ``realserver`` is what the
    configuration calls it, None where a probe does not want to know or there is none. ``through`` is how its packets
    go where that is the way of the clients' own; then ``address`` is the VIP, unless their packets too are sent to the
    realserver's address.
    """

    address: str
    port: int
    hostname: str | None = None
    vip: str | None = None
    vport: int | None = None
    realserver: str | None = None
    through: Through | None = None

    @property
    def host(self) -> str:
        """The address of the realserver itself, whatever the probe's packets are addressed to."""
        return self.address if self.through is None else self.through.rip

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}" + ("" if self.host == self.address else f"@{self.host}")


class Verdict(StrEnum):
    """Whose news it is: PASS and WARN serve, FAIL is the realserver's fault, UNKNOWN is ours."""

    PASS = "PASS"  # noqa: S105  a verdict, no password
    WARN = "WARN"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"

    @property
    def serves(self) -> bool:
        return self is Verdict.PASS or self is Verdict.WARN


class Reason(StrEnum):
    """Why a run ended as it did: a closed list, so that metrics and alerts can be counted by it."""

    # PASS, WARN
    OK = "ok"
    DEGRADED = "degraded"
    # FAIL: the realserver's
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    CLOSED = "closed"
    DEADLINE = "deadline"
    PROTOCOL = "protocol"
    REJECTED = "rejected"
    EXPECTATION = "expectation"
    DIFFERS = "differs"
    TLS = "tls"
    CERTIFICATE = "certificate"
    AUTHENTICATION = "authentication"
    # UNKNOWN: ours
    LOCAL_RESOURCES = "local_resources"
    LOCAL_PERMISSION = "local_permission"
    LOCAL_NETWORK = "local_network"
    LOCAL_FAULT = "local_fault"
    REFERENCE = "reference"
    UNDECIDED = "undecided"
    MISSING_PROGRAM = "missing_program"
    STARVED = "starved"
    PROBE_BUG = "probe_bug"


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds spent in each phase of a run; None for a phase that was not reached or not needed."""

    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one run.

    ``detail`` is a sentence for people, of at most `MAX_DETAIL` characters of raw text: it may quote the
    realserver, so every edge (log, terminal, mail, page) escapes it for itself. ``facts`` are typed and bounded
    (banner, serial, ...). ``weight`` is what the realserver asks for, from kinds that learn it; it counts where the
    verdict is PASS or WARN.
    """

    verdict: Verdict
    reason: Reason
    detail: str = ""
    facts: Mapping[str, FactValue] = field(default_factory=lambda: NO_FACTS)
    phases: Phases = Phases()
    weight: Weight | None = None

    @property
    def answered(self) -> bool:
        """Whether the realserver answered as it should: it passed, or nobody could tell what to compare it with."""
        verdict = self.verdict
        return verdict is Verdict.PASS or verdict is Verdict.WARN or self.reason is Reason.UNDECIDED
