"""Where no daemon runs: what the files, the state file and the kernel tell, in the daemon's own form."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lvsmon.actions.ipvs.open import open_ipvs
from lvsmon.actions.ipvs.owned import Owned
from lvsmon.actions.ipvs.reconcile import Reconciler
from lvsmon.actions.ipvs.table import ipvsadm
from lvsmon.config import load
from lvsmon.config.plan import Plan
from lvsmon.control import coming
from lvsmon.control.view import View, pause_document
from lvsmon.errors import IpvsError, StateError
from lvsmon.model import Pause, ProbeState, Table
from lvsmon.monitor.selection import Selection, find
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.pool import Decided, Situation, decide
from lvsmon.store import Lock, Store


def view_of(plan: Plan) -> tuple[View, Pause | None, list[str]]:
    """Return what is known without a daemon, with sentences about what is not."""
    notes: list[str] = []
    states, pause = _stored(plan, notes)
    table = _table(plan, notes)
    snapshot = Snapshot(plan, states, table, Decided(table={}))
    return View(snapshot=snapshot, table=table, now=time.time(), decides=False), pause, notes


def explain(path: Path, dest: str, absent: str) -> dict[str, Any]:
    """Return the document of `lvsmon explain`; raise ConfigError or UnknownName."""
    plan = load(path)
    found = find(dest, plan.virtuals)
    view, pause, notes = view_of(plan)
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
    trouble, known, owned = [], set[str](), Owned()
    try:
        with Store.read(coming_plan.state_directory) as store:
            known, owned = set(store.load_states()), store.load_owned()
    except StateError as error:
        trouble.append(f"which probes are new is not known: {error}")
    commands = []
    try:
        ipvs = open_ipvs(coming_plan.backend)
        try:
            report = Reconciler(ipvs).hold(partial(_begun, coming_plan), owned.including(coming_plan.virtuals))
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


def _begun(plan: Plan, observed: Table) -> Table:
    """Return what is desired before any probe has run."""
    states = {probe: ProbeState() for probe in plan.probes}
    situation = Situation(
        virtuals=plan.virtuals, states=states, observed=observed,
        hosts=plan.hosts, groups=plan.groups, brake=plan.brake,
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
        "foreign": [],
        "refused": [],
        "virtuals": virtuals,
    }


def _stored(plan: Plan, notes: list[str]) -> tuple[Mapping[str, ProbeState], Pause | None]:
    try:
        with Store.read(plan.state_directory) as store:
            notes += store.notes
            return store.load_states(), store.load_pause()
    except StateError as error:
        notes.append(f"health is not known: {error}")
        return {}, None


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
