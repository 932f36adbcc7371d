"""``[[realserver]]`` and ``[[virtual]]`` with what stands in them."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from lvsmon.config.schema.base import Section
from lvsmon.config.schema.cascade import Cascading, Probing, SchedulerName, TunnelSection
from lvsmon.config.values import (
    Address,
    Count,
    Depends,
    Floor,
    Hostname,
    Name,
    Persistence,
    Port,
    PortOrAll,
    Quorum,
    RealserverName,
)
from lvsmon.model.settings import shown

FlagName: TypeAlias = Literal["sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3", "ops"]


class ProbeSection(Probing):
    """What every probe has besides its kind's own settings."""

    listed: ClassVar[str] = "`lvsmon config schema`"
    """What tells which settings there are."""

    kind: str
    """What is probed: the protocol."""

    port: Port | None = None
    """The port to probe, where it is not the destination's."""

    votes: Count | None = Field(default=None, json_schema_extra={"default": 1})
    """How much this probe counts where the virtual service says combine = "weighted"."""

    tripwire: bool = False
    """Holds an idle TCP connection to the realserver's port besides: when it ends, the probe runs at once."""


class RealserverSection(Cascading):
    """A realserver, declared once and used by many virtual services; what it sets goes before theirs."""

    name: RealserverName
    """What virtual services, logs and metrics call it."""

    address: Address
    """Its IP address; host names are refused."""

    depends: Depends | None = None
    """What it depends on: names of hosts and virtual services joined by and, or, not; "ping/SELF" is itself there."""

    tags: list[Name] = Field(default=[])
    """Words that maintenance windows and alerts name it by, with others: a rack, a room, a release."""


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

    below: Quorum | None = Field(default=None, json_schema_extra={"default": 1})
    """It is in while fewer destinations serve, or a smaller share of their weight; the healthy go on beside it."""

    hysteresis: Quorum | None = Field(default=None, json_schema_extra={"default": 0})
    """How much more than that must serve before it is out again; written as ``below`` is."""


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

    flags: list[FlagName] = Field(default=[])
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

    manage: Literal["full", "weights", "observe"] | None = None
    """What is written: all of it, only weights of what is there, or nothing."""

    on_drift: Literal["mend", "report"] | None = None
    """What somebody else changed is put right, or told of and left until something of our own changes."""

    depends: Depends | None = None
    """What its destinations depend on; while that is down, nothing that their probes say is counted."""

    floor: Floor | None = None
    """Below so many destinations, or such a share of their weight, health is ignored: the best failing stay in."""

    tags: list[Name] = Field(default=[])
    """Words that alerts name it by, with others: a customer, a team, a rank."""

    combine: Literal["all", "any", "weighted"] | None = Field(default=None, json_schema_extra={"default": "all"})
    """Which probes must pass: all of them, any one, or so many that their votes are enough."""

    needed: Count | None = None
    """The votes needed with combine = "weighted"."""

    probe: list[dict[str, Any]] = Field(default=[])
    """What is probed on each destination."""
