"""What the supervisor says to a worker.

It is pickled: whoever sends it is who started the worker and gave it all it has. Nothing that a worker says is ever
read this way.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from lvsmon.model import ProbeState
from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.part import Agreement, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """The first thing, before it gives up its privileges. ``user`` None stays who it is."""

    user: str | None
    descriptors: int
    log_level: int
    remembered: Mapping[str, ProbeState] = field(default_factory=dict)
    """Who was how before: see `Board`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Go on with a part of which only what ``came`` is told, and what is ``gone``: to read all of ten thousand probes
    anew takes a fraction of a second in which nothing else runs.

    ``known`` is how probes are that another worker had until now; ``number`` is answered.
    """

    number: int
    came: Mapping[str, ProbeSpec]
    gone: frozenset[str]
    agreements: Mapping[str, Agreement]
    runs_per_realserver: int
    known: Mapping[str, ProbeState] = field(default_factory=dict)

    @classmethod
    def between(cls, number: int, before: Part, after: Part, known: Mapping[str, ProbeState]) -> "Update":
        """Return what makes ``after`` of ``before``: the same id is the same definition."""
        return cls(
            number=number,
            came={probe: spec for probe, spec in after.probes.items() if probe not in before.probes},
            gone=frozenset(before.probes.keys() - after.probes.keys()),
            agreements=after.agreements,
            runs_per_realserver=after.runs_per_realserver,
            known=known,
        )

    def applied(self, part: Part) -> Part:
        """Return what it makes of ``part``."""
        kept = {probe: spec for probe, spec in part.probes.items() if probe not in self.gone}
        return Part(
            probes={**kept, **self.came}, agreements=self.agreements, runs_per_realserver=self.runs_per_realserver
        )


@dataclass(frozen=True, slots=True)
class Watch:
    probes: frozenset[str]


@dataclass(frozen=True, slots=True)
class LookAt:
    number: int
    probes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunNow:
    number: int
    probe: str


Order: TypeAlias = Begin | Update | Watch | LookAt | RunNow


def encode(order: Order) -> bytes:
    return pickle.dumps(order, pickle.HIGHEST_PROTOCOL)


def decode(frame: bytes) -> Order:
    return cast("Order", pickle.loads(frame))  # noqa: S301  from who started this process
