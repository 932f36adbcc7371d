"""``[director]``: what is there once."""

from typing import Literal

from lvsmon.config.schema.base import Section
from lvsmon.config.values import Folder, Reconcile


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
