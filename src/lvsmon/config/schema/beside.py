"""``[[host]]``, ``[[group]]`` and ``[brake]``: what is told of beside virtual services."""

from typing import Any

from pydantic import Field

from lvsmon.config.schema.base import Section
from lvsmon.config.schema.cascade import ProbeTiming
from lvsmon.config.values import Address, Depends, Failing, Name, Window


class HostSection(ProbeTiming):
    """Something that others depend on, and no realserver: a gateway, a router, a reference."""

    name: Name
    """What ``depends`` and ``self_test`` call it; no virtual service has the same name."""

    address: Address
    """Its IP address; host names are refused."""

    depends: Depends | None = None
    """What it depends on in turn: names of hosts and virtual services joined by and, or, not."""

    probe: list[dict[str, Any]] = Field(default=[])
    """What is probed on it; all probes must pass."""


class GroupSection(Section):
    """Virtual services whose destinations on one realserver stand and fall together."""

    name: Name
    """What logs and explanations call it."""

    virtuals: list[Name] | None = None
    """The virtual services, by name; all of them where it is not written."""

    leads: list[Name] | None = None
    """Those of them whose failure takes the others down; any of them where it is not written."""


class BrakeSection(Section):
    """Suspends removals while so many realservers fail at once that it may be the director that is cut off."""

    failing: Failing
    """More than so many realservers, or such a share of all of them, within the window."""

    window: Window = 30.0
    """Within what time."""

    self_test: list[Name] = Field(min_length=1, examples=[["gateway"]])
    """Hosts; while none of them answers, nobody is taken out."""
