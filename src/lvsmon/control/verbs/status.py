"""status: how things are, one virtual service at a time, from the kernel's table as it is now."""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import Field

import lvsmon
from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.control.access import Access
from lvsmon.control.office import Office
from lvsmon.control.protocol import Code
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.control.view import View, pause_document
from lvsmon.errors import ControlRefused, IpvsUnavailable
from lvsmon.model import Destination, Host
from lvsmon.monitor.selection import Selection, UnknownName
from lvsmon.monitor.vitals import document

TOGETHER: Final = 100
"""Destinations in one part of the answer: it takes some milliseconds to make, in which nothing else runs."""


class StatusArguments(Arguments):
    names: list[str] = Field(default=[], max_length=1000)
    """Virtual services and realservers; everything where there is none."""


async def answer(asked: Asked[StatusArguments]) -> Mapping[str, Any]:
    office = asked.office
    snapshot = office.director.snapshot()
    try:
        selection = Selection.of(asked.arguments.names, snapshot.plan.virtuals)
    except UnknownName as error:
        raise ControlRefused(Code.UNKNOWN_NAME, str(error)) from error
    view, trouble = await view_of(office)
    for virtual in snapshot.plan.virtuals:
        shown = [each for each in virtual.destinations if selection is None or selection.holds(virtual, each)]
        if shown:
            now = await closer(office, view, shown[:TOGETHER])
            await asked.progress({"virtual": now.virtual(virtual, shown[:TOGETHER])})
        for start in range(TOGETHER, len(shown), TOGETHER):
            more = shown[start : start + TOGETHER]
            now = await closer(office, view, more)
            await asked.progress({"more": [now.destination(virtual, each) for each in more]})
    last, hosts = snapshot.last, snapshot.plan.hosts if selection is None else ()
    return {
        **head(office, view, trouble),
        "hosts": (await closer(office, view, hosts)).hosts() if hosts else [],
        "notices": [notice.text for notice in snapshot.decided.notices if notice.subject is None],
        "director": document(office.director.vitals()),
        "foreign": [str(each) for each in last.foreign] if isinstance(last, Report) else [],
        "refused": [str(error) for _, error in last.refused] if isinstance(last, Report) else [],
    }


async def view_of(office: Office) -> tuple[View, str | None]:
    """Return the present state of things, and why the kernel's table in it is an old one, where it is."""
    snapshot, table, trouble = office.director.snapshot(), None, None
    try:
        table = await office.director.look()
    except IpvsUnavailable as error:
        trouble = f"IPVS cannot be reached: {error}"
    found = snapshot.observed if table is None else table
    return View(snapshot=snapshot, table=found, now=time.time(), trail=office.director.trail), trouble


async def closer(office: Office, view: View, shown: Iterable[Destination | Host]) -> View:
    """Return ``view`` with the probes of ``shown`` as they are at this moment."""
    return replace(view, looks=await office.director.ask({probe for each in shown for probe in each.probes}))


def head(office: Office, view: View, trouble: str | None) -> dict[str, Any]:
    """Return what stands above every answer about the state of things."""
    last = view.snapshot.last
    held = len(last.held) if isinstance(last, Report) else None
    processes = office.director.processes()
    return {
        "daemon": {
            "version": lvsmon.__version__,
            "pid": os.getpid(),
            "since": office.started,
            "workers": list(processes.workers),
            "unconfined": list(processes.missing),
        },
        "at": view.now,
        "paused": pause_document(office.director.standing_pause(), held),
        "trouble": trouble,
    }


VERB: Final = Verb(Access.READ, StatusArguments, answer)
