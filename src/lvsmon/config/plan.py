"""What a loaded configuration comes to: every default filled in, every probe once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lvsmon.alerts.setup import Setup
from lvsmon.model import Brake, Group, Host, VirtualService
from lvsmon.model.history import DEFAULT_RETENTION, Retention
from lvsmon.model.window import Window
from lvsmon.places import DEFAULT_SOCKET
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.part import Agreement, Part


class Backend(StrEnum):
    """How the IPVS table is reached."""

    NETLINK = "netlink"
    PYROUTE2 = "pyroute2"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Where commands reach the daemon, and which groups may ask and change things besides root and its own user."""

    socket: Path = DEFAULT_SOCKET
    read_group: str | None = None
    write_group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The effective configuration. Times in seconds.

    ``probes`` maps each probe's id to its definition: destinations name their probes by id, so that one definition on
    one realserver is run once for every virtual service that wants it. ``agreements`` says of some of them how their
    outcomes are made without a run.
    """

    virtuals: tuple[VirtualService, ...]
    probes: Mapping[str, ProbeSpec]
    hosts: tuple[Host, ...] = ()
    groups: tuple[Group, ...] = ()
    brake: Brake | None = None
    sysctls: Mapping[str, int] = field(default_factory=dict)
    """Kernel settings net.ipv4.vs.* to set, by their last name."""
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    backend: Backend = Backend.NETLINK
    reconcile_interval: float = 10.0
    runs_per_realserver: int = 64
    workers: int | None = 0
    """Processes that probe; None is as many as are useful, 0 is none but the daemon."""
    worker_user: str = "nobody"
    state_directory: Path = Path("/var/lib/lvsmon")
    log_level: str = "info"
    windows: tuple[Window, ...] = ()
    retention: Retention = DEFAULT_RETENTION
    control: ControlSettings = ControlSettings()
    alerting: Setup = field(default_factory=Setup)

    @property
    def part(self) -> Part:
        """Everything that is probed."""
        return Part(probes=self.probes, agreements=self.agreements, runs_per_realserver=self.runs_per_realserver)
