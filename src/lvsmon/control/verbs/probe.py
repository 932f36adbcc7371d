"""probe: run the probes of a destination now, besides their times: ordinary runs, which count for rise and fall."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from lvsmon.control.access import Access
from lvsmon.control.protocol import Code
from lvsmon.control.verb import Arguments, Asked, Verb
from lvsmon.errors import ControlRefused
from lvsmon.model import ProbeState
from lvsmon.monitor.run import document
from lvsmon.monitor.selection import UnknownName, find

MOST: Final = 100
"""Probes at once: a slip of the finger shall not probe everything."""


class ProbeArguments(Arguments):
    dest: Annotated[str, Field(max_length=200)]
    """VIRTUAL/REALSERVER, an address with or without a port, or a name."""


async def answer(asked: Asked[ProbeArguments]) -> Mapping[str, Any]:
    director = asked.office.director
    plan = director.snapshot().plan
    try:
        found = find(asked.arguments.dest, plan.virtuals)
    except UnknownName as error:
        raise ControlRefused(Code.UNKNOWN_NAME, str(error)) from error
    names = list(dict.fromkeys(name for _, destination in found for name in destination.probes))
    if not names:
        raise ControlRefused(Code.REFUSED, f"{asked.arguments.dest} has no probe: it is taken as up")
    if len(names) > MOST:
        raise ControlRefused(Code.REFUSED, f"{len(names)} probes are too many at once: name one destination")
    runs = [asyncio.create_task(director.probe_now(name)) for name in names]
    try:
        for name, run in zip(names, runs, strict=True):
            ran = await asked.meanwhile(run)
            if ran is None:
                await asked.progress({"gone": name})
                continue
            spec = plan.probes[name]
            told = {"probe": name, "rise": spec.damping.rise, "fall": spec.damping.fall}
            told |= {"before": _state(ran.before), "after": _state(ran.after)}
            await asked.progress({"run": document(ran.run), **told})
    finally:
        for run in runs:
            run.cancel()
    return {"runs": len(names)}


def _state(state: ProbeState) -> dict[str, Any]:
    return {"health": state.health, "passes": state.passes, "fails": state.fails}


VERB: Final = Verb(Access.WRITE, ProbeArguments, answer)
