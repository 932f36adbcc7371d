"""What somebody else changed in the kernel's table, and lvsmon has put right."""

from collections.abc import Iterator

from lvsmon.alerts.condition import Condition, Severity, Subject
from lvsmon.model import OnDrift
from lvsmon.monitor.snapshot import Snapshot


def conditions(snapshot: Snapshot) -> Iterator[Condition]:
    """Yield one condition for each virtual service; those that only report have `notices` for what still differs."""
    for virtual in snapshot.plan.virtuals:
        mended = snapshot.mended.get(virtual.key)
        if mended is None or virtual.on_drift is not OnDrift.MEND:
            continue
        changes = "a change" if mended.count == 1 else f"{mended.count} changes"
        more = [f"{mended.count} changes in all"] if mended.count > len(mended.what) else []
        yield Condition(
            severity=Severity.DRIFT,
            subject=Subject(virtual.name, about="put right"),
            summary=f"{virtual.name}: somebody else made {changes} in the kernel's table; put right",
            since=mended.since,
            done=(*more, *(f"put right: {what}" for what in mended.what)),
            tags=virtual.tags,
        )
