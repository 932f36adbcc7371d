"""One look from beginning to end.

Under ``--apply`` the order is: lock, probe, save counters and what will be ours, write the kernel, save what is ours;
under ``--alert`` people are told after that. A kill at any point leaves the kernel's last weights serving, and the next
run goes on from what was saved.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from lvsmon import windows
from lvsmon.actions.ipvs.base import Ipvs
from lvsmon.actions.ipvs.reconcile import Reconciler
from lvsmon.actions.ipvs.table import Foreign, Owned, ipvsadm
from lvsmon.config.plan import Plan
from lvsmon.errors import IpvsError, StateError
from lvsmon.model import (
    DestinationId,
    NoticeKind,
    Outcome,
    Pause,
    ProbeState,
    Table,
    VirtualKey,
    VirtualService,
    Wish,
    standing,
)
from lvsmon.monitor.comparing import compared
from lvsmon.monitor.selection import Selection
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.oneshot import judge
from lvsmon.oneshot.probing import TELLING, concurrency, default_deadline, kept_for_telling, run_all
from lvsmon.oneshot.report import Change, Mode, ProbeView, Report
from lvsmon.pool import Decided, Memory, Situation, decide
from lvsmon.store import Lock, Store

OpenTable: TypeAlias = Callable[[], Ipvs]
LOCK_NAME: Final = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. ``deadline`` and ``wait`` (for the lock) are in seconds; with ``alert`` people are told.

    ``unprobed`` says why a destination of a virtual service has no probe, where no configuration is the reason.
    """

    plan: Plan
    mode: Mode = Mode.LOOK
    names: Sequence[str] = ()
    deadline: float | None = None
    wait: float = 0.0
    alert: bool = False
    configured: bool = True
    unprobed: Mapping[tuple[VirtualKey, str], str] = field(default_factory=dict)


def look(request: Request, open_table: OpenTable) -> Report:
    """Probe, judge, and under `Mode.APPLY` write.

    Raise UnknownName for a name that selects nothing; under `Mode.APPLY` and with ``alert`` LockHeld or StateError
    before anything is probed.
    """
    return _Look(request, open_table).make()


class _Look:
    def __init__(self, request: Request, open_table: OpenTable) -> None:
        self._request = request
        self._plan = request.plan
        self._open_table = open_table
        self._selection = Selection.of(request.names, request.plan.virtuals)
        self._at = time.time()
        self._started = time.monotonic()
        self._notes: list[str] = []
        self._states: dict[str, ProbeState] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._observed: Table | None = None
        self._wished: Table = {}
        self._now_there: Table = {}
        self._until = self._started
        self._decided = Decided(table={})
        self._wishes: tuple[Wish, ...] = ()

    def make(self) -> Report:
        if self._request.mode is not Mode.APPLY and not self._request.alert:
            stored, owned = self._stored()
            self._probe(stored)
            return self._plan_only(owned)
        directory = self._plan.state_directory
        with Lock.acquire(directory, LOCK_NAME, wait=self._request.wait), Store.open(directory) as store:
            self._notes += store.notes
            self._wishes = standing(store.load_wishes(), self._at)
            self._probe(store.load_states())
            store.save_states(self._states)
            store.prune(self._plan.probes.keys())
            owned = store.load_owned()
            report = self._write(store, owned) if self._request.mode is Mode.APPLY else self._plan_only(owned)
            return self._told(report) if self._request.alert else report

    def _stored(self) -> tuple[Mapping[str, ProbeState], Owned]:
        """Read the counters for a look that writes nothing: without them the look is still worth having."""
        if not self._request.configured:
            return {}, Owned()
        try:
            with Store.read(self._plan.state_directory) as store:
                self._notes += store.notes
                self._wishes = standing(store.load_wishes(), self._at)
                return store.load_states(), store.load_owned()
        except StateError as error:
            self._notes.append(f"counters of earlier runs are not known: {error}")
            return {}, Owned()

    def _probe(self, stored: Mapping[str, ProbeState]) -> None:
        names = {
            name
            for virtual in self._plan.virtuals
            for destination in virtual.destinations
            if self._selection is None or self._selection.holds(virtual, destination)
            for name in destination.probes
        }
        names |= {name for host in self._plan.hosts for name in host.probes}
        agreements = {name: one for name, one in self._plan.agreements.items() if name in names}
        names |= {run for agreement in agreements.values() for run in agreement.names}
        specs = [spec for name, spec in self._plan.part.runs.items() if name in names]
        limit = concurrency()
        asked = self._request.deadline
        deadline = asked or default_deadline(specs, limit)
        if self._request.alert:
            self._until = time.monotonic() + (asked or deadline + TELLING)
            deadline -= kept_for_telling(asked) if asked else 0.0
        outcomes = run_all(specs, deadline, limit)
        self._outcomes = outcomes | compared(agreements, outcomes)
        self._states = judge.advance(stored, self._plan.probes, self._outcomes, self._at)

    def _touched(self) -> list[VirtualService]:
        """Return the virtual services whose entries may change."""
        return [v for v in self._plan.virtuals if self._selection is None or self._selection.touches(v)]

    def _responsible(self, owned: Owned) -> Owned:
        """Return the part of ``owned`` that this look answers for: all of it, or that of the selection."""
        touched = self._touched()
        if self._selection is not None:
            keys = {virtual.key for virtual in touched}
            owned = Owned({key: entries for key, entries in owned.entries.items() if key in keys})
        return owned.including(touched)

    def _wish(self, observed: Table) -> Table:
        if self._observed is None:
            self._observed = self._now_there = observed  # the first one is what people knew before
        self._decided = decide(
            Situation(
                virtuals=tuple(self._touched()),
                states=self._states,
                observed=observed,
                wishes=(*self._wishes, *windows.wishes(self._plan.windows, self._at)),
                now=time.monotonic(),
                today=self._at,
                hosts=self._plan.hosts,
                groups=self._plan.groups,
                brake=self._plan.brake,
            ),
            Memory(returning=_held_at_0(observed)),
        )
        self._wished = self._decided.table
        return self._wished

    def _plan_only(self, owned: Owned) -> Report:
        try:
            table = self._open_table()
            try:
                if not self._request.configured:
                    self._observed = self._wished = table.dump(counters=False)
                    return self._report()
                difference = Reconciler(table).plan(self._wish, self._responsible(owned))
            finally:
                table.close()
        except IpvsError as error:
            return self._report(table_error=str(error))
        changes = [Change(ipvsadm(command)) for command in difference.commands]
        return self._report(changes, foreign=difference.foreign)

    def _write(self, store: Store, before: Owned) -> Report:
        pause = store.load_pause()
        if pause is not None and pause.stands(self._at):
            return replace(self._plan_only(before), failure=_paused(pause))
        store.save_owned(before.including(self._plan.virtuals))  # a kill after the write must not make ours foreign
        try:
            table = self._open_table()
            try:
                done = Reconciler(table).reconcile(self._wish, self._responsible(before))
            finally:
                table.close()
        except IpvsError as error:
            return self._report(table_error=str(error), failure=f"nothing written to the kernel: {error}")
        if self._selection is None:
            store.save_owned(done.owned)
        changes = [Change(ipvsadm(command)) for command in done.written]
        changes += [Change(ipvsadm(command), str(error)) for command, error in done.refused]
        self._wished = self._now_there = done.observed
        return self._report(changes, foreign=done.foreign)

    def _told(self, report: Report) -> Report:
        """Tell people, and return ``report`` with what came of that."""
        from lvsmon.oneshot.alerting.telling import tell  # noqa: PLC0415  30 ms that most looks need not

        trouble = [f"refused: {change.command}: {change.error}" for change in report.failed_changes]
        trouble += [f"foreign, left alone: {entry}" for entry in report.foreign]
        last = ""
        if report.table_error is not None:
            last = f"the IPVS table cannot be read: {report.table_error}"
            trouble.append(last)
            self._wish({})  # what is wrong does not depend on the table
            seen = [one for one in self._decided.notices if one.kind is not NoticeKind.MISSING]
            self._decided = replace(self._decided, notices=tuple(seen))
        snapshot = Snapshot(
            self._plan,
            self._states,
            self._now_there,
            self._decided,
            last=last,
            trouble=tuple(trouble) if self._request.mode is Mode.APPLY else (),
        )
        touched = None if self._selection is None else {virtual.name for virtual in self._touched()}
        notes = tell(snapshot, max(0.0, self._until - time.monotonic()), touched)
        return replace(report, notes=(*report.notes, *notes))

    def _report(
        self,
        changes: Sequence[Change] = (),
        *,
        foreign: Sequence[Foreign] = (),
        table_error: str | None = None,
        failure: str | None = None,
    ) -> Report:
        views = {
            name: ProbeView(self._plan.probes[name], outcome, self._states[name])
            for name, outcome in self._outcomes.items()
        }
        virtuals = tuple(
            judge.view(
                virtual,
                selection=self._selection,
                probes=views,
                observed=self._observed or {},
                wished=self._wished,
                unprobed=self._request.unprobed,
                choices=self._decided.choices,
            )
            for virtual in self._touched()
        )
        return Report(
            mode=self._request.mode,
            virtuals=virtuals,
            changes=tuple(changes),
            foreign=tuple(str(entry) for entry in sorted(foreign)) if self._selection is None else (),
            table_error=table_error,
            failure=failure,
            configured=self._request.configured,
            notes=(*self._notes, *(f"{one.kind}: {one.text}" for one in self._decided.notices)),
            at=self._at,
            took=time.monotonic() - self._started,
        )


def _held_at_0(observed: Table) -> dict[DestinationId, float]:
    """Return who comes back, if at all: nobody remembers who was held out, so each needs a pass of this very look."""
    return {
        (key, to): 0.0
        for key, entry in observed.items()
        for to, at in entry.destinations.items()
        if at.settings.weight == 0
    }


def _paused(pause: Pause) -> str:
    by = f" by {pause.by}" if pause.by else ""
    reason = f" ({pause.reason})" if pause.reason else ""
    return f"nothing written to the kernel: the monitor is paused{by}{reason}; `lvsmon resume` ends it"
