"""How many failures there were lately, for routes that want so many within a time (``after = "3 in 30m"``). Pure.

Passes between them do not matter, so what is counted outlives the incident. The failures that made a destination DOWN
count as of that moment: the conditions do not tell of those before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from lvsmon.alerts.condition import Condition, ConditionId, Severity, Subject
from lvsmon.alerts.incidents import Incidents
from lvsmon.alerts.route import Route

MOST_KEPT: Final = 1000
"""Moments that are kept of one condition: the most failures that a route may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Failures of one condition: at which wall-clock times how many ``came``, and how many in a row there are now.

    ``ripe`` names the routes that had as many as they want: until it is over, however long ago that was.
    """

    severity: Severity
    subject: Subject
    came: tuple[tuple[float, int], ...] = ()
    in_a_row: int = 0
    ripe: frozenset[str] = field(default_factory=frozenset)

    def lately(self, seconds: float, now: float) -> int:
        """Return how many came within so many seconds before ``now``."""
        return sum(count for at, count in self.came if at >= now - seconds)


FailingById: TypeAlias = Mapping[ConditionId, Failing]


def count(known: FailingById, incidents: Incidents, routes: Sequence[Route], now: float) -> dict[ConditionId, Failing]:
    """Return what is counted after a look at ``now``; nothing where no route asks for it."""
    asking = [route for route in routes if route.after.within]
    longest = max((route.after.within for route in asking), default=0.0)
    counted = {}
    for key in {**known, **incidents} if asking else ():
        incident = incidents.get(key)
        before = known.get(key) or Failing(severity=key[0], subject=key[1])
        after = _over(before) if incident is None else _grown(before, incident.condition, now)
        kept = tuple(one for one in after.came if now - longest <= one[0] <= now)[-MOST_KEPT:]
        after = replace(after, came=kept)
        if incident is not None:
            enough = {one.name for one in asking if after.lately(one.after.within, now) >= one.after.failures}
            after = replace(after, ripe=after.ripe | enough)
        if after.came or after.in_a_row:
            counted[key] = before if after == before else after
    return counted


def _over(before: Failing) -> Failing:
    return replace(before, in_a_row=0, ripe=frozenset())


def _grown(before: Failing, condition: Condition, now: float) -> Failing:
    failures = condition.facts.get("failures")
    if not isinstance(failures, int):
        return before
    new = failures - before.in_a_row if failures >= before.in_a_row else failures  # after a pass it begins anew
    at = now if before.in_a_row else condition.since
    came = (*before.came, (at, new)) if new else before.came
    return replace(before, came=came, in_a_row=failures)
