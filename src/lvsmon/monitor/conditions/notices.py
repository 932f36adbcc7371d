"""What was decided loudly: the brake, floors, sorry servers, flapping, drift."""

from collections.abc import Iterator
from typing import Final

from lvsmon.alerts.condition import Condition, Severity, Subject
from lvsmon.model import Notice, NoticeKind, VirtualService
from lvsmon.monitor.snapshot import Snapshot

_SEVERITY: Final = {
    NoticeKind.BRAKE: Severity.BRAKE,
    NoticeKind.FLAPPING: Severity.FLAPPING,
    NoticeKind.FLOOR: Severity.FLOOR,
    NoticeKind.SORRY: Severity.SORRY,
    NoticeKind.DRIFT: Severity.DRIFT,
    NoticeKind.MISSING: Severity.DRIFT,
}
"""What is not here is said in the log only."""


def conditions(snapshot: Snapshot) -> Iterator[Condition]:
    virtuals = {virtual.key: virtual for virtual in snapshot.plan.virtuals}
    for notice in snapshot.decided.notices:
        if notice.kind in _SEVERITY:
            yield _condition(notice, None if notice.subject is None else virtuals.get(notice.subject))


def _condition(notice: Notice, virtual: VirtualService | None) -> Condition:
    name = "" if virtual is None else virtual.name
    key = notice.about if notice.kind is NoticeKind.FLAPPING else ""
    realservers = {} if virtual is None else {str(one.key): one.realserver for one in virtual.destinations}
    tags = frozenset[str]() if virtual is None else virtual.tags
    about = f"{notice.kind} {notice.about}".strip() if notice.kind is NoticeKind.MISSING else notice.about
    return Condition(
        severity=_SEVERITY[notice.kind],
        subject=Subject(
            virtual=name,
            realserver=realservers[key].name if key in realservers else "",
            destination=key,
            about="" if key else about,
        ),
        summary=f"{name}: {notice.text}" if name else notice.text,
        tags=tags | (realservers[key].tags if key in realservers else frozenset()),
    )
