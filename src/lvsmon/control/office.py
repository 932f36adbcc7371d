"""What operators can have done, by a command or by a signal: one thing after the other, each whole or not at all."""

import asyncio
import logging
import pwd
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from lvsmon.actions.ipvs.reconcile import Report
from lvsmon.config import load
from lvsmon.config.plan import Plan
from lvsmon.control.access import Peer
from lvsmon.control.protocol import Code
from lvsmon.control.wishing import Changed, Standing, last_ones
from lvsmon.errors import ConfigError, ControlRefused, StateError
from lvsmon.logs import event
from lvsmon.model import Pause, VirtualService, Wish
from lvsmon.monitor.director import Director
from lvsmon.notify import ServiceManager
from lvsmon.pool import Decided
from lvsmon.store.saver import Saver

_log: Final = logging.getLogger(__name__)

_Made = TypeVar("_Made")

_NAMED_WITHIN: Final = 1.0
"""Seconds: names of users may come from a directory that does not answer."""

_FIXED: Final = ("backend", "state_directory", "workers", "worker_user")
"""Settings that hold until the next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What a reload did. ``restart`` names the settings that only a restart changes.

    ``report`` is of the first reconcile with the new plan, or the sentence that says why IPVS could not be reached.
    """

    plan: Plan
    came: int
    gone: int
    kept: int
    restart: tuple[str, ...]
    report: Report | str


def changed_for_good(before: Plan, after: Plan) -> tuple[str, ...]:
    """Return the settings that differ and that only a restart changes."""
    return tuple(setting for setting in _FIXED if getattr(before, setting) != getattr(after, setting))


def _serving(virtuals: tuple[VirtualService, ...], decided: Decided) -> set[str]:
    """Return the names of those in which a destination has a weight, the sorry server not counted."""
    return {
        virtual.name
        for virtual in virtuals
        if any(decided.choices[virtual.key, each.key].weight for each in virtual.destinations)
    }


def _facts(wish: Wish) -> dict[str, Any]:
    """Return what the log says of a wish."""
    told = {
        "realserver": wish.realserver,
        "virtual": wish.virtual,
        "kind": wish.kind,
        "weight": wish.weight,
        "reason": wish.name,
        "by": wish.by,
        "until": wish.until,
    }
    return {key: value for key, value in told.items() if value is not None}


class Office:
    """The running daemon, as verbs and signals see it."""

    def __init__(
        self,
        path: Path,
        director: Director,
        saver: Saver,
        manager: ServiceManager,
        *,
        took: Callable[[Plan], None],
        refused: Callable[[ConfigError], None],
    ) -> None:
        """``took`` hears of every plan that is taken later, ``refused`` of every configuration that is not."""
        self.path = path
        self._took = took
        self._refused = refused
        self.director = director
        self.saver = saver
        self.started = time.time()
        self._manager = manager
        self._loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="config")
        self._names = ThreadPoolExecutor(max_workers=1, thread_name_prefix="names")
        self._turn = asyncio.Lock()
        self._going: set[asyncio.Task[Any]] = set()

    async def load(self) -> Plan:
        """Return what the files come to now, beside the loop; raise ConfigError."""
        return await asyncio.get_running_loop().run_in_executor(self._loading, load, self.path)

    async def reload(self) -> Reloaded:
        """Load the files anew and go on with them; raise ConfigError, with everything as before, if they are wrong."""
        return await self._whole(self._reload())

    async def _reload(self) -> Reloaded:
        self._manager.reloading()
        try:
            plan = await self.load()
            return await self._take(plan)
        except ConfigError as error:
            for complaint in error.complaints:
                event(_log, logging.ERROR, "config_refused", what=complaint)
            event(_log, logging.ERROR, "reload_refused", effect="the configuration loaded before stays in force")
            self._refused(error)
            raise
        finally:
            self._manager.ready(self.summary())

    async def _take(self, plan: Plan) -> Reloaded:
        snapshot = self.director.snapshot()
        before = snapshot.plan
        restart = changed_for_good(before, plan)
        for setting in restart:
            event(_log, logging.WARNING, "needs_restart", setting=setting, until_then=getattr(before, setting))
        kept = len(plan.probes.keys() & before.probes.keys())
        # Before anything is written to the kernel: a kill must not turn ours into foreign.
        await self.saver.save(snapshot.states, self.director.owned.including(plan.virtuals))
        self.director.take(plan)
        self._took(plan)
        event(
            _log, logging.INFO, "reloaded",
            virtual_services=len(plan.virtuals), probes=len(plan.probes), probes_kept=kept,
        )  # fmt: skip
        return Reloaded(
            plan=plan,
            came=len(plan.probes) - kept,
            gone=len(before.probes) - kept,
            kept=kept,
            restart=restart,
            report=await self.director.reconciled(),
        )

    async def pause(self, pause: Pause | None) -> tuple[Report | str, str | None]:
        """Write nothing to the kernel while ``pause`` stands, with None write again; a restart changes nothing of it.

        Return the first reconcile with it, so that what was under way has ended, and why it could not be saved, where
        that failed: it is in force all the same, until a restart.
        """
        return await self._whole(self._pause(pause))

    async def _pause(self, pause: Pause | None) -> tuple[Report | str, str | None]:
        unsaved = None
        try:
            await self.saver.save_pause(pause)
        except StateError as error:
            unsaved = str(error)
        self.director.pause(pause)
        self._manager.status(self.summary())
        return await self.director.reconciled(), unsaved

    async def wish(
        self, change: Callable[[Standing], Changed], by: str, *, force: bool
    ) -> tuple[Changed, Report | str, str | None]:
        """Have ``change`` made in what operators wish for; a restart changes nothing of it.

        Return it, the first reconcile with it, and why it could not be saved, where that failed: it is in force all the
        same, until a restart. Raise `ControlRefused` where ``change`` does, or where it would leave a virtual service
        without anybody who serves and nobody says ``force``.
        """
        return await self._whole(self._wish(change, by, force=force))

    async def _wish(
        self, change: Callable[[Standing], Changed], by: str, *, force: bool
    ) -> tuple[Changed, Report | str, str | None]:
        virtuals = self.director.snapshot().plan.virtuals
        changed = change(Standing(virtuals=virtuals, wishes=self.director.wishes(), by=by, now=time.time()))
        if not force and any(wish.holds_out for wish in changed.made):
            self._refuse_last(virtuals, changed)
        unsaved = None
        try:
            await self.saver.save_wishes(changed.wishes)
        except StateError as error:
            unsaved = str(error)
        for wish in changed.made:
            event(_log, logging.INFO, "wish", **_facts(wish))
        for wish in changed.cleared:
            event(_log, logging.INFO, "wish_cleared", cleared_by=by, **_facts(wish))
        self.director.wish(changed.wishes)
        return changed, await self.director.reconciled(), unsaved

    def _refuse_last(self, virtuals: tuple[VirtualService, ...], changed: Changed) -> None:
        before = self.director.foresee(self.director.wishes())
        after = self.director.foresee(changed.wishes)
        alone = last_ones(virtuals, _serving(virtuals, before), _serving(virtuals, after))
        if alone:
            raise ControlRefused(Code.REFUSED, "these are the last that serve: --force does it all the same", alone)

    async def name_of(self, peer: Peer) -> str:
        """Return the name of ``peer``'s user, its number where it has none or it takes long to look it up."""
        look_up = asyncio.get_running_loop().run_in_executor(self._names, pwd.getpwuid, peer.uid)
        try:
            async with asyncio.timeout(_NAMED_WITHIN):
                return (await look_up).pw_name
        except (KeyError, TimeoutError):
            return f"uid {peer.uid}"

    def summary(self) -> str:
        """Return one line for the service manager."""
        snapshot = self.director.snapshot()
        virtuals = snapshot.plan.virtuals
        destinations = [(virtual, each) for virtual in virtuals for each in virtual.destinations]
        up = sum(snapshot.health_of(*each).serves for each in destinations)
        told = f"{up} of {len(destinations)} destinations up in {len(virtuals)} virtual services"
        pause = self.director.standing_pause()
        return told if pause is None else f"PAUSED, nothing is written to the kernel; {told}"

    async def _whole(self, work: Coroutine[Any, Any, _Made]) -> _Made:
        """Do ``work`` in its turn and to its end, also if who asked for it goes away meanwhile."""

        async def in_turn() -> _Made:
            async with self._turn:
                return await work

        task = asyncio.create_task(in_turn())
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        return await asyncio.shield(task)
