"""``[director]``, ``[history]`` and ``[control]``: what is there once."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from lvsmon.config.schema.base import Section
from lvsmon.config.values import Folder, Keep, Reconcile, Rows, Runs, SocketPath, UnixGroup, UnixUser, Workers
from lvsmon.places import DEFAULT_SOCKET

Switch: TypeAlias = Annotated[int, Field(ge=0, le=1)]


class SysctlSection(Section):
    """Kernel settings net.ipv4.vs.* that lvsmon sets and keeps set; what is not written is left alone."""

    expire_nodest_conn: Switch | None = None
    """1 ends the connections of a removed destination at their next packet; 0 drops their packets silently."""

    expire_quiescent_template: Switch | None = None
    """1 lets clients that persistence ties to a quiesced destination go elsewhere."""

    conn_reuse_mode: Annotated[int, Field(ge=0, le=3)] | None = None
    """1 schedules anew a client that uses its port again; 0 sends it where it was."""


class DirectorSection(Section):
    """The director itself; in the main file only."""

    backend: Literal["netlink", "pyroute2", "memory"] = "netlink"
    """How the IPVS table is reached; "memory" is a table of lvsmon's own, for trying things out."""

    reconcile_interval: Reconcile = 10.0
    """How often the kernel's table is compared with the desired one, besides at every transition."""

    runs_per_realserver: Runs = 64
    """How many probes of one realserver (one address) run at once at most; the others wait their turn."""

    workers: Workers = "auto"
    """How many processes without privileges probe; 0 probes in the daemon itself, with all that it may."""

    worker_user: UnixUser = "nobody"
    """The user that they run as, where the daemon may change users (root)."""

    state_directory: Folder = "/var/lib/lvsmon"
    """Where health and counters outlive the process."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe events that are logged."""

    sysctl: SysctlSection | None = None
    """Kernel settings to set; none where it is not written."""


class HistorySection(Section):
    """How long the past is kept; in the main file only."""

    keep: Keep = 90 * 86400.0
    """How long what happened is remembered."""

    rows: Rows = 200_000
    """How many entries of each kind are remembered at most; the oldest go first."""


class ControlSection(Section):
    """How commands such as `lvsmon status` reach the daemon; in the main file only."""

    socket: SocketPath = str(DEFAULT_SOCKET)
    """Where the daemon listens."""

    read_group: UnixGroup | None = None
    """The group whose members may look at everything, besides root and the daemon's own user."""

    write_group: UnixGroup | None = None
    """The group whose members may look and change: reload, pause, probe at once."""
