"""What happens by the wall clock, a few times an hour or a day: on APScheduler, which does nothing else.

APScheduler goes by the wall clock, so nothing that must not be late or left out may hang on it alone: probes and
reconciling have timers of their own, and whether it is maintenance time is asked anew at each reconcile
(`lvsmon.windows`). Each job stands for one time only and is given its next one when it has run: a clock that is set
forward by fifty years makes one run, where a job of an interval would count through every one that was missed.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from lvsmon.logs import event
from lvsmon.model.history import Moment

_log: Final = logging.getLogger(__name__)

_STEP: Final = 1.0
"""Seconds by which the wall clock must jump between two looks to count as set: slewing takes hours for that."""


class Jobs:
    """Runs each job when its own function says; needs a running event loop."""

    def __init__(self, now: Callable[[], Moment] = Moment.now) -> None:
        self._now = now
        self._before = now()
        self._jobs: dict[str, tuple[Callable[[float], float | None], Callable[[], None]]] = {}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True})
        logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells of every job that is added, and of itself
        self._scheduler.start()

    def add(self, name: str, following: Callable[[float], float | None], work: Callable[[], None]) -> None:
        """Have ``work`` done at the time that ``following(now)`` gives, and again and again; None is never.

        Times are wall-clock seconds. ``work`` must not wait.
        """
        self._jobs[name] = following, work
        self.arm(name)

    def arm(self, *names: str) -> None:
        """Ask the jobs of these names anew when they are due, because something that this depends on has changed."""
        now = self._now().at
        for name in names:
            due = self._jobs[name][0](now)
            if due is not None:
                when = DateTrigger(datetime.fromtimestamp(due, UTC))
                self._scheduler.add_job(self._run, when, (name,), id=name, replace_existing=True)
            elif self._scheduler.get_job(name) is not None:
                self._scheduler.remove_job(name)

    def clock_set(self) -> float:
        """Return by how many seconds the wall clock was set forward since the last look, and then arm all jobs anew.

        To be asked every few seconds.
        """
        now, before = self._now(), self._before
        step = (now.at - before.at) - (now.clock - before.clock)
        self._before = now
        if abs(step) < _STEP:
            return 0.0
        event(_log, logging.WARNING, "clock_set", seconds=step, effect="probes do not go by it")
        self.arm(*self._jobs)
        return step

    def close(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def _run(self, name: str) -> None:
        """Run a job in the event loop; APScheduler would take a plain function to a thread."""
        try:
            self._jobs[name][1]()
        except Exception:  # noqa: BLE001  a bug of ours in one job must not end it for ever
            _log.exception("a bug in the job %s", name)
        self.arm(name)
