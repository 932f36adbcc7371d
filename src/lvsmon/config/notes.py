"""What may be meant and is worth a second look: notes, where an error would be too much."""

from lvsmon.config.loading import Loaded
from lvsmon.model.settings import shown


def notes(loaded: Loaded) -> list[str]:
    """Return a sentence for each thing that works, but hardly as its author thinks."""
    found = []
    used = set()
    for virtual in loaded.plan.virtuals:
        used |= {one.realserver.name for one in virtual.destinations}
        if virtual.sorry is not None:
            used.add(virtual.sorry.realserver.name)
        if not any(one.probes for one in virtual.destinations):
            found.append(f"virtual service {shown(virtual.name)} has no probe: its realservers count as UP always")
        if all(one.settings.weight == 0 for one in virtual.destinations):
            found.append(f"virtual service {shown(virtual.name)} has weight 0 everywhere: no realserver serves it")
    for _, realserver in loaded.sections.realservers:
        if realserver.name not in used:
            found.append(f"realserver {shown(realserver.name)} is used by no virtual service")
    return found


def summary(loaded: Loaded) -> str:
    """Return one line that says what was loaded."""
    plan, drop_ins = loaded.plan, len(loaded.sources) - 1
    where = loaded.sources[0].name + (f" and {_count(drop_ins, 'drop-in file')}" if drop_ins else "")
    destinations = sum(len(virtual.destinations) for virtual in plan.virtuals)
    return (
        f"{where}: {_count(len(plan.virtuals), 'virtual service')}, {_count(destinations, 'destination')} on"
        f" {_count(len(loaded.sections.realservers), 'realserver')}, {_count(len(plan.probes), 'probe')}"
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
