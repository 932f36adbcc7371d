"""The configuration as it is written: every section with its keys, their types and what they are for.

The docstrings under the keys are what `lvsmon config schema` and the reference show. A key that is None was not
written; `lvsmon.config.cascade` fills it in. A probe's own settings come from its kind (`lvsmon.config.kinds`).
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lvsmon.config.values import (
    Address,
    Count,
    Folder,
    Hostname,
    Interval,
    Name,
    Persistence,
    Port,
    PortOrAll,
    RealserverName,
    Reconcile,
    Threshold,
    Timeout,
    Weight,
)
from lvsmon.model.settings import shown

SchedulerName: TypeAlias = Literal[
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"
]
FlagName: TypeAlias = Literal["sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3", "ops"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DirectorSection(Section):
    """The director itself; in the main file only."""

    backend: Literal["netlink", "pyroute2", "memory"] = "netlink"
    """How the IPVS table is reached; "memory" is a table of lvsmon's own, for trying things out."""

    reconcile_interval: Reconcile = 10.0
    """How often the kernel's table is compared with the desired one, besides at every transition."""

    state_directory: Folder = "/var/lib/lvsmon"
    """Where health and counters outlive the process."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe events that are logged."""


class TunnelSection(Section):
    """How tunnelled packets are wrapped."""

    type: Literal["ipip", "gue", "gre"] = "ipip"
    """The encapsulation; what the realservers must be set up to unwrap."""

    port: Port | None = None
    """The UDP port of "gue", which needs one; the others have none."""

    checksum: Literal["none", "full", "remote"] = "none"
    """The checksum of the outer packet: "full" with "gue" and "gre", "remote" with "gue" only."""


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


class ProbeSection(ProbeTiming):
    """What every probe has besides its kind's own settings."""

    kind: str
    """What is probed: the protocol."""

    port: Port | None = None
    """The port to probe, where it is not the destination's."""


class Cascading(ProbeTiming):
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


class DefaultsSection(Cascading):
    """Defaults: of the main file for everything, of a drop-in file for the virtual services in it."""

    scheduler: SchedulerName | None = None
    """The scheduler of virtual services that name none."""


class RealserverSection(Cascading):
    """A realserver, declared once and used by many virtual services; what it sets goes before theirs."""

    name: RealserverName
    """What virtual services, logs and metrics call it."""

    address: Address
    """Its IP address; host names are refused."""


class EntrySection(Cascading):
    """A realserver in one virtual service, with what is different there."""

    name: RealserverName
    """The name of a declared realserver."""


class SorrySection(Section):
    """The sorry server; it takes no defaults but the port, the forwarding method and the tunnel."""

    name: RealserverName | None = None
    """The name of a declared realserver; either this or an address."""

    address: Address | None = None
    """Its IP address, where it is not declared."""

    port: PortOrAll | None = None
    """Its port, with "masq"."""

    forward: Literal["masq", "route", "tunnel"] | None = None
    """Its forwarding method."""

    weight: Annotated[int, Field(ge=1, le=65535)] = 1
    """Its weight."""

    tunnel: TunnelSection | None = None
    """How packets to it are wrapped."""


def _entry(value: object) -> object:
    if not isinstance(value, str | dict):
        raise ValueError(f"write a realserver's name or a table, not {shown(value)}")  # noqa: TRY004  pydantic's way
    return {"name": value} if isinstance(value, str) else value


def _sorry(value: object) -> object:
    if not isinstance(value, str | dict):
        raise ValueError(f"write a realserver's name, an IP address or a table, not {shown(value)}")  # noqa: TRY004
    if isinstance(value, dict):
        return value
    literal = value[:1].isdigit() and value.count(".") == 3
    return {"address" if literal or ":" in value else "name": value}


class VirtualSection(Cascading):
    """A virtual service: a VIP with port and protocol, or a firewall mark."""

    name: Name
    """What logs, metrics and commands call it."""

    vip: Address | None = None
    """The address that clients connect to; either this or fwmark."""

    protocol: Literal["tcp", "udp", "sctp"] | None = Field(default=None, json_schema_extra={"default": "tcp"})
    """The transport protocol, with a vip."""

    fwmark: Annotated[int, Field(ge=1, le=2**32 - 1)] | None = None
    """The firewall mark that gathers the packets; either this or vip."""

    family: Literal["inet", "inet6"] | None = Field(default=None, json_schema_extra={"default": "inet"})
    """The address family of a fwmark: IPv4 or IPv6."""

    hostname: Hostname | None = None
    """The name that clients use: probes ask for it and hold what they get against it."""

    scheduler: SchedulerName | None = None
    """Which destination gets a new connection, by IPVS's name."""

    flags: list[FlagName] = []
    """Scheduler flags by ipvsadm's names, and "ops" (one-packet scheduling of UDP)."""

    persistence: Persistence | None = None
    """How long a client stays with its realserver; off where it is not written."""

    persistence_prefix: Annotated[int, Field(ge=1, le=128)] | None = None
    """The prefix length of the networks that count as one client; the whole address where it is not written."""

    persistence_engine: Literal["sip"] | None = None
    """What tells clients apart instead of their address: "sip" takes the Call-ID."""

    realservers: list[Annotated[EntrySection, BeforeValidator(_entry, json_schema_input_type=str | EntrySection)]] = (
        Field(min_length=1, examples=[["rs1", "rs2"]])
    )
    """Its realservers: names, or tables with a name and what is different here."""

    sorry: Annotated[SorrySection, BeforeValidator(_sorry, json_schema_input_type=str | SorrySection)] | None = None
    """Serves while no destination does: a realserver's name, an IP address, or a table."""

    probe: list[dict[str, Any]] = []
    """What is probed on each destination; all probes must pass."""
