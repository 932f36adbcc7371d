"""Who is told of what, and how often: one ``[[alert]]`` of the configuration. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from lvsmon.alerts.condition import Condition, Severity
from lvsmon.alerts.period import Period


class GroupBy(StrEnum):
    """What is told together, in one message and one thread."""

    DESTINATION = "destination"
    VIRTUAL = "virtual"
    REALSERVER = "realserver"
    DIRECTOR = "director"


class Resolve(StrEnum):
    """Whether the end of trouble is told."""

    NO = "no"
    TOLD = "told"
    """If its beginning was told."""
    ALWAYS = "always"
    """Also where nothing was told, such as what was over before ``after``: mon's no_comp_alerts."""


@dataclass(frozen=True, slots=True)
class After:
    """How long trouble must last: so many failures in a row, or so many seconds.

    With ``within`` so many failures in that many seconds, in a row or not.
    """

    failures: int = 0
    seconds: float = 0.0
    within: float = 0.0

    @property
    def most(self) -> int | None:
        """How many failures in a row make a difference; None for all of them."""
        return None if self.within else self.failures


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` messages in ``window`` seconds; what is more is summed up in one."""

    count: int
    window: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Times in seconds; ``every`` None never repeats, ``most`` None has no end. The end of what lasted less than
    ``resolve_after`` is not told.

    Empty ``severities``, ``virtuals``, ``realservers`` and ``tags`` take everything. ``digest`` are the minutes of the
    day at which everything is told at once; empty tells at once. With ``stop`` what this route takes is shown to no
    route after it.
    """

    name: str
    to: tuple[str, ...]
    severities: frozenset[Severity] = frozenset()
    virtuals: frozenset[str] = frozenset()
    realservers: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    when: Period | None = None
    unless: Period | None = None
    zone: tzinfo = UTC
    after: After = After()
    every: float | None = None
    most: int | None = None
    resolve: Resolve = Resolve.TOLD
    resolve_after: float = 0.0
    acknowledgements: bool = True
    group_by: GroupBy = GroupBy.VIRTUAL
    group_wait: float = 10.0
    digest: tuple[int, ...] = ()
    limit: Limit | None = Limit(60, 3600.0)
    stop: bool = False
    subject: str = ""
    text: str = ""
    html: str = ""
    """Templates; "" is the default text, and no HTML."""

    def takes(self, condition: Condition) -> bool:
        """Say whether this is a route for ``condition``."""
        subject = condition.subject
        return (
            (not self.severities or condition.severity in self.severities)
            and (not self.virtuals or subject.virtual in self.virtuals)
            and (not self.realservers or subject.realserver in self.realservers)
            and (not self.tags or bool(self.tags & condition.tags))
        )

    def is_open(self, now: float) -> bool:
        """Say whether people want to be told at ``now``, in wall-clock seconds."""
        if self.when is None and self.unless is None:
            return True
        moment = datetime.fromtimestamp(now, self.zone)
        inside = self.when is None or self.when.contains(moment)
        return inside and (self.unless is None or not self.unless.contains(moment))

    def is_ripe(self, condition: Condition, now: float, *, enough: bool = False) -> bool:
        """Say whether ``condition`` has lasted long enough. What counts no failures is ripe by time alone.

        ``enough`` says whether there were as many failures as are wanted within a time.
        """
        failures = condition.facts.get("failures")
        if isinstance(failures, int) and (failures < self.after.failures if not self.after.within else not enough):
            return False
        return now >= condition.since + self.after.seconds

    def group_of(self, condition: Condition) -> str:
        """Return the name of the group that ``condition`` is told with; severities of the director stand alone."""
        subject = condition.subject
        if self.group_by is GroupBy.DIRECTOR:
            return ""
        if not subject.virtual and not subject.realserver:
            return f"{condition.severity} {subject.about}".strip()
        if self.group_by is GroupBy.DESTINATION:
            return f"{subject.virtual} {subject.realserver} {subject.destination} {subject.about}".strip()
        if self.group_by is GroupBy.REALSERVER and subject.realserver:
            return f"realserver {subject.realserver}"
        return subject.virtual


def choose(routes: Iterable[Route], condition: Condition) -> Sequence[Route]:
    """Return the routes that ``condition`` is shown to, in their order."""
    chosen = []
    for route in routes:
        if route.takes(condition):
            chosen.append(route)
            if route.stop:
                break
    return chosen
