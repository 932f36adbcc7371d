"""Where no daemon runs: what the files, the state file and the kernel tell, in the daemon's own form."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lvsmon import windows
from lvsmon.actions.ipvs.open import open_ipvs
from lvsmon.actions.ipvs.owned import Owned
from lvsmon.actions.ipvs.reconcile import Reconciler
from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.config import load
from lvsmon.config.plan import Plan
from lvsmon.control import coming
from lvsmon.control.verbs.maintenance import wishes_of
from lvsmon.control.view import View, pause_document
from lvsmon.control.wished import document, documents
from lvsmon.control.wishing import Changed, Standing
from lvsmon.errors import IpvsError, StateError
from lvsmon.model import Pause, ProbeState, Table, Wish, standing
from lvsmon.monitor.recalling import RECALLED, recalled
from lvsmon.monitor.selection import Selection, find
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.monitor.trail import Trail
from lvsmon.pool import Decided, Situation, decide
from lvsmon.store import Lock, Store


def view_of(plan: Plan) -> tuple[View, Pause | None, list[str]]:
    """Return what is known without a daemon, with sentences about what is not."""
    notes: list[str] = []
    states, pause, wishes = _stored(plan, notes)
    table = _table(plan, notes)
    now = time.time()
    snapshot = Snapshot(plan, states, table, Decided(table={}), _in_force(plan, wishes, now))
    return View(snapshot=snapshot, table=table, now=now, decides=False), pause, notes


def _in_force(plan: Plan, wishes: tuple[Wish, ...], now: float) -> tuple[Wish, ...]:
    """Return the ``wishes`` that stand at ``now``, and those of maintenance windows."""
    return (*standing(wishes, now), *windows.wishes(plan.windows, now))


def explain(path: Path, dest: str, absent: str) -> dict[str, Any]:
    """Return the document of `lvsmon explain`; raise ConfigError or UnknownName."""
    plan = load(path)
    found = find(dest, plan.virtuals)
    view, pause, notes = view_of(plan)
    view = replace(view, trail=_trail(plan))
    return {
        **_head(view, pause, notes, absent),
        "destinations": [view.account(virtual, destination) for virtual, destination in found],
    }


def _head(view: View, pause: Pause | None, notes: list[str], absent: str) -> dict[str, Any]:
    return {
        "daemon": None,
        "absent": absent,
        "at": view.now,
        "paused": pause_document(pause if pause is not None and pause.stands(view.now) else None, None),
        "trouble": "; ".join(notes) or None,
    }


def plan(path: Path) -> dict[str, Any]:
    """Return the document of `lvsmon plan`: what the first reconcile of a daemon that starts now would change.

    Raise ConfigError.
    """
    coming_plan = load(path)
    trouble, known, owned, wishes = [], set[str](), Owned(), tuple[Wish, ...]()
    try:
        with Store.read(coming_plan.state_directory) as store:
            known, owned, wishes = set(store.load_states()), store.load_owned(), store.load_wishes()
    except StateError as error:
        trouble.append(f"which probes are new is not known: {error}")
    commands = []
    try:
        ipvs = open_ipvs(coming_plan.backend)
        try:
            report = Reconciler(ipvs).hold(partial(_begun, coming_plan, wishes), owned.including(coming_plan.virtuals))
        finally:
            ipvs.close()
        commands = [ipvsadm(command) for command in report.held]
    except IpvsError as error:
        trouble.append(f"IPVS cannot be reached: {error}")
    return {
        "daemon": False,
        "commands": commands,
        "trouble": "; ".join(trouble) or None,
        "probes": coming.probes(known, {}, coming_plan),
        "needs_restart": [],
        "paused": False,
    }


def _begun(plan: Plan, wishes: tuple[Wish, ...], observed: Table) -> Table:
    """Return what is desired before any probe has run."""
    now = time.time()
    states = {probe: ProbeState() for probe in plan.probes}
    situation = Situation(
        virtuals=plan.virtuals, states=states, observed=observed,
        wishes=_in_force(plan, wishes, now), hosts=plan.hosts, groups=plan.groups, brake=plan.brake, today=now,
    )  # fmt: skip
    return decide(situation).table


def status(path: Path, names: Sequence[str], absent: str) -> dict[str, Any]:
    """Return the document of `lvsmon status`; ``absent`` says why nobody was asked.

    Raise ConfigError or UnknownName.
    """
    plan = load(path)
    selection = Selection.of(names, plan.virtuals)
    view, pause, notes = view_of(plan)
    virtuals = []
    for virtual in plan.virtuals:
        shown = [each for each in virtual.destinations if selection is None or selection.holds(virtual, each)]
        if shown:
            virtuals.append(view.virtual(virtual, shown))
    return {
        **_head(view, pause, notes, absent),
        "hosts": view.hosts() if selection is None else [],
        "notices": [],
        "director": None,
        "foreign": [],
        "refused": [],
        "virtuals": virtuals,
    }


def _stored(plan: Plan, notes: list[str]) -> tuple[Mapping[str, ProbeState], Pause | None, tuple[Wish, ...]]:
    try:
        with Store.read(plan.state_directory) as store:
            notes += store.notes
            return store.load_states(), store.load_pause(), store.load_wishes()
    except StateError as error:
        notes.append(f"health is not known: {error}")
        return {}, None, ()


def _trail(plan: Plan) -> Trail:
    """Return what the last daemon's history tells; nothing where the state file cannot be read, as is said already."""
    trail = Trail()
    with suppress(StateError), Store.read(plan.state_directory) as store:
        trail.recall(recalled(store.history.latest(RECALLED), plan))
    return trail


def _table(plan: Plan, notes: list[str]) -> Table:
    try:
        ipvs = open_ipvs(plan.backend)
        try:
            return ipvs.dump(counters=True)
        finally:
            ipvs.close()
    except IpvsError as error:
        notes.append(f"weights are not known: {error}")
        return {}


def maintenance(path: Path, names: list[str], absent: str) -> dict[str, Any]:
    """Return the document of `lvsmon maintenance`; raise ConfigError or UnknownName."""
    view, pause, notes = view_of(load(path))
    return {**_head(view, pause, notes, absent), "wishes": list(documents(wishes_of(view, names), view))}


def set_wishes(path: Path, change: Callable[[Standing], Changed], by: str) -> dict[str, Any]:
    """Note a change of wishes for the next daemon and for `lvsmon check --apply`; return the daemon's own answer.

    Nobody knows here who serves, so the last one that does is not looked for. Raise ConfigError, LockHeld, StateError,
    or ControlRefused where ``change`` does.
    """
    plan, now = load(path), time.time()
    with Lock.acquire(plan.state_directory, "wish"), Store.open(plan.state_directory) as store:
        before = Standing(virtuals=plan.virtuals, wishes=store.load_wishes(), by=by, now=now)
        changed = change(before)
        store.save_wishes(changed.wishes)
    view, _, notes = view_of(plan)
    return {**document(changed, view, None, None), "trouble": "; ".join(notes) or None, "daemon": None}


def set_pause(path: Path, pause: Pause | None) -> dict[str, Any]:
    """Note a pause, or its end, for the next daemon and for `lvsmon check --apply`; return the daemon's own answer.

    Raise ConfigError, LockHeld or StateError.
    """
    directory = load(path).state_directory
    with Lock.acquire(directory, "pause"), Store.open(directory) as store:
        was = store.load_pause()
        store.save_pause(pause)
    stood = was if was is not None and was.stands(time.time()) else None
    return {
        "paused": pause_document(pause, None),
        "was": pause_document(stood, None),
        "unsaved": None,
        "written": [],
        "refused": [],
        "trouble": None,
    }
