"""What a decision is made from, what it comes to, and what it leaves for the next one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lvsmon.model import (
    Brake,
    Choice,
    DestinationId,
    DestinationSettings,
    Group,
    Host,
    Notice,
    ProbeState,
    Table,
    VirtualEntry,
    VirtualKey,
    VirtualService,
    VirtualSettings,
    Wish,
)
from lvsmon.pool.brake_memory import Braking
from lvsmon.pool.penalty import Penalty

_BRAKE_OFF: Final = Braking()


@dataclass(frozen=True, slots=True)
class Memory:
    """What rules remember from one decision to the next, each in a field of its own.

    It begins empty with each process: nothing here may be needed to keep the table right.
    """

    penalties: Mapping[DestinationId, Penalty] = field(default_factory=dict)
    """Of destinations that may flap."""

    rising: Mapping[DestinationId, float] = field(default_factory=dict)
    """Since when destinations serve, of those with a slow start."""

    braking: Braking = _BRAKE_OFF
    """How many fell when, and whether the brake is on."""

    sorry: frozenset[VirtualKey] = frozenset()
    """Where the sorry server is in."""

    wanted: Mapping[DestinationId, DestinationSettings | None] = field(default_factory=dict)
    """What was wished for where drift is only reported; None for absent."""

    wanted_virtuals: Mapping[VirtualKey, VirtualSettings] = field(default_factory=dict)
    """The same of virtual services."""

    cut_off: Mapping[DestinationId, float | None] = field(default_factory=dict)
    """Destinations whose parent is down (None), or was until then: what their probes said before does not count."""

    returning: Mapping[DestinationId, float | None] = field(default_factory=dict)
    """Destinations that a wish holds out (None), or held out until then: these need a pass that is newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that counts. ``now`` is in seconds of a clock that nobody sets: for durations only.

    ``today`` is in wall-clock seconds: only for what people set by date. ``wishes`` are those in force. ``observed`` is
    what the kernel has now, foreign entries too.
    """

    virtuals: tuple[VirtualService, ...]
    states: Mapping[str, ProbeState]
    observed: Table = field(default_factory=dict)
    wishes: tuple[Wish, ...] = ()
    hosts: tuple[Host, ...] = ()
    groups: tuple[Group, ...] = ()
    brake: Brake | None = None
    now: float = 0.0
    today: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The desired table with the reasons for it.

    ``again`` is when the decision changes though nothing else does (a ramp's next step, a penalty's end), by the clock
    of `Situation.now`; None for never. ``awaited`` are the probes whose next outcome may change it, though their health
    does not.
    """

    table: Mapping[VirtualKey, VirtualEntry]
    choices: Mapping[DestinationId, Choice] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    memory: Memory = Memory()
    again: float | None = None
    awaited: frozenset[str] = frozenset()
