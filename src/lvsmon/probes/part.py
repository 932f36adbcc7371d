"""What is probed: a whole configuration's worth, or the part of it that one process has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lvsmon.probes.base import ProbeSpec
from lvsmon.probes.content import ContentProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A probe that is not run: its outcome is what ``run``, a probe that is, tells compared with others of its kind.

    ``names`` maps every run that is compared, ``run`` among them, to the realserver's name; ``reference`` is one of
    them, None where the majority is right. ``fresh`` is for how many seconds what a run has told may be compared.
    """

    rule: ContentProbe
    run: str
    names: Mapping[str, str]
    reference: str | None
    fresh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Probes by id, of which ``agreements`` are made of what others tell.

    ``runs_per_realserver`` is how many of them run at once at one address, at most.
    """

    probes: Mapping[str, ProbeSpec] = field(default_factory=dict)
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    runs_per_realserver: int = 64

    @property
    def runs(self) -> dict[str, ProbeSpec]:
        """The probes that are run."""
        return {name: spec for name, spec in self.probes.items() if name not in self.agreements}
