"""What may be written at every level, from ``[defaults]`` down to one destination or probe."""

from typing import Literal, TypeAlias

from lvsmon.config.schema.base import Section
from lvsmon.config.values import (
    Confirmations,
    Confirming,
    Count,
    Decay,
    Floor,
    Interval,
    Port,
    PortOrAll,
    Ramp,
    Share,
    Threshold,
    Timeout,
    Weight,
)

SchedulerName: TypeAlias = Literal[
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"
]


class TunnelSection(Section):
    """How tunnelled packets are wrapped."""

    type: Literal["ipip", "gue", "gre"] = "ipip"
    """The encapsulation; what the realservers must be set up to unwrap."""

    port: Port | None = None
    """The UDP port of "gue", which needs one; the others have none."""

    checksum: Literal["none", "full", "remote"] = "none"
    """The checksum of the outer packet: "full" with "gue" and "gre", "remote" with "gue" only."""


class FlapSection(Section):
    """When a destination comes and goes too often, and for how long it is then held DOWN."""

    forgiven: Count = 2
    """How many falls in a short time are forgiven; the next one holds it DOWN."""

    half_life: Decay = 300.0
    """In what time half of the falls are forgotten."""

    max_hold: Decay = 1800.0
    """How long it is held DOWN at most after its last fall; longer than the half-life."""


class ProbeTiming(Section):
    """When a probe runs and how many outcomes make a change."""

    interval: Interval | None = None
    """From the start of a run to the start of the next."""

    timeout: Timeout | None = None
    """How long one whole run may take, connecting and closing included; never longer than the interval."""

    rise: Count | None = None
    """How many passes in a row make a realserver UP."""

    fall: Count | None = None
    """How many failures in a row make it DOWN."""

    fast_interval: Interval | None = None
    """The interval while something changes: from the first failure to DOWN and from the first pass to UP."""

    down_interval: Interval | None = None
    """The interval while it is DOWN and nothing passes."""

    confirm: Confirmations | None = None
    """How many runs follow at once upon the first failure of a probe that was passing; they count towards fall."""

    confirm_interval: Confirming | None = None
    """From the end of a failed run to the run that confirms it."""


class Probing(ProbeTiming):
    """What may be written of a probe of destinations, beside it or above it."""

    vantage: Literal["rip", "vip"] | None = None
    """Where its packets go: to the realserver's own address, or the way of the VIP's clients to that realserver."""


class Cascading(Probing):
    """What may be written at every level: the nearest one to the destination (or to its probe) wins."""

    weight: Weight | None = None
    """The share of new connections while healthy; 0 takes none."""

    forward: Literal["masq", "route", "tunnel"] | None = None
    """The forwarding method: "masq" (LVS-NAT), "route" (LVS-DR) or "tunnel" (LVS-Tun)."""

    on_failure: Literal["quiesce", "remove"] | None = None
    """What happens to a destination that is DOWN: weight 0, or out of the table."""

    port: PortOrAll | None = None
    """The port of the virtual service, and of its destinations where "masq" may send them to another."""

    upper_threshold: Threshold | None = None
    """No new connections above so many; 0 is no limit."""

    lower_threshold: Threshold | None = None
    """New connections again below so many; 0 leaves it to the kernel (three quarters of the upper one)."""

    tunnel: TunnelSection | None = None
    """How tunnelled packets are wrapped; taken whole, not key by key."""

    initial: Literal["adopt", "up", "down"] | None = None
    """What counts until the probes have decided: the weight that the kernel has, UP, or DOWN."""

    warn_share: Share | None = None
    """How much of its weight a destination keeps in WARN."""

    slow_start: Ramp | None = None
    """How long the weight of a destination that comes back takes to grow to the whole; "0s" is at once."""

    flap: FlapSection | None = None
    """Holds a destination DOWN that comes and goes; off where it is not written; taken whole, not key by key."""


class DefaultsSection(Cascading):
    """Defaults: of the main file for everything, of a drop-in file for the virtual services in it."""

    scheduler: SchedulerName | None = None
    """The scheduler of virtual services that name none."""

    floor: Floor | None = None
    """The floor of virtual services that name none."""

    manage: Literal["full", "weights", "observe"] | None = None
    """What is written of virtual services that do not say so themselves."""

    on_drift: Literal["mend", "report"] | None = None
    """What becomes of others' changes in virtual services that do not say so themselves."""
