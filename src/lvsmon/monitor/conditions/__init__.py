"""What is wrong now, as conditions: of destinations, of hosts, of what was decided loudly, of the director itself."""

from collections.abc import Iterable

from lvsmon.alerts.condition import Condition
from lvsmon.monitor.conditions import destinations, director, hosts, notices
from lvsmon.monitor.snapshot import Snapshot


def conditions(snapshot: Snapshot, own: Iterable[Condition] = ()) -> tuple[Condition, ...]:
    """Return everything that is wrong, worst first; ``own`` is what the daemon knows of itself (`director`).

    One thing gives one condition: who is cut off by a dependency, and who is held by the brake, gives none.
    """
    found = [
        *own,
        *director.of_kernel(snapshot),
        *notices.conditions(snapshot),
        *hosts.conditions(snapshot),
        *destinations.conditions(snapshot),
    ]
    unique = {one.id: one for one in found}
    return tuple(sorted(unique.values(), key=lambda one: (-one.severity.rank, one.subject)))
