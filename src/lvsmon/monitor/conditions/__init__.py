"""What is wrong now, as conditions: of destinations, of hosts, of what was decided loudly, of the director itself."""

from collections.abc import Collection, Iterable

from lvsmon.alerts.condition import Condition, Subject
from lvsmon.model import Health
from lvsmon.monitor.conditions import destinations, director, drifts, hosts, notices
from lvsmon.monitor.snapshot import Snapshot


def conditions(
    snapshot: Snapshot, own: Iterable[Condition] = (), quiet: Collection[tuple[str, str]] = ()
) -> tuple[Condition, ...]:
    """Return everything that is wrong, worst first; ``own`` is what the daemon knows of itself (`director`).

    One thing gives one condition: who is cut off by a dependency, and who is held by the brake, gives none. Nor does
    what is as planned: destinations that an operator or a maintenance window took out, and those in ``quiet``, as
    (virtual service, realserver).
    """
    found = [
        *own,
        *director.of_kernel(snapshot),
        *notices.conditions(snapshot),
        *drifts.conditions(snapshot),
        *hosts.conditions(snapshot),
        *destinations.conditions(snapshot, quiet),
    ]
    unique = {one.id: one for one in found}
    return tuple(sorted(unique.values(), key=lambda one: (-one.severity.rank, one.subject)))


def unjudged(snapshot: Snapshot) -> frozenset[Subject]:
    """Return of what nobody can say now whether it is well: not decided yet, cut off, held by the brake.

    Its incidents are not over.
    """
    found = set()
    for virtual in snapshot.plan.virtuals:
        for destination in virtual.destinations:
            choice = snapshot.decided.choices.get((virtual.key, destination.key))
            if choice is None or choice.health is Health.UNKNOWN:
                found |= {destinations.subject_of(virtual, destination), Subject(virtual.name)}
    return frozenset(found | hosts.unjudged(snapshot))
