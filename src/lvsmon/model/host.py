"""What is probed or told of beside destinations: hosts, groups of virtual services, the brake."""

from dataclasses import dataclass

from lvsmon.model.expression import Expression
from lvsmon.model.policy import Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Something that others depend on: a gateway, a router, a reference. All ``probes`` must pass."""

    name: str
    address: str
    probes: tuple[str, ...]
    depends: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Virtual services, by name, whose destinations on one realserver stand and fall together.

    DOWN in one of the ``leads`` is DOWN in all ``virtuals``.
    """

    name: str
    virtuals: frozenset[str]
    leads: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """When removals are suspended: more than ``failing`` of all realservers fell within ``window`` seconds.

    Until one of the hosts in ``self_test`` answers. If none did when it began, another ``grace`` seconds: the probes
    must have had the time to see for themselves.
    """

    failing: Amount
    window: float
    self_test: tuple[str, ...]
    grace: float
