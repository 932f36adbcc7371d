"""All workers: who probes what, who is replaced, and what they say as one."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lvsmon.logs import event
from lvsmon.model import Health, ProbeState
from lvsmon.monitor.news import Hear, Look, News, Processes
from lvsmon.monitor.prober import BEAT
from lvsmon.monitor.vitals import ProbingVitals, together
from lvsmon.monitor.waiting import Ran
from lvsmon.monitor.workers.down import Begin
from lvsmon.monitor.workers.shards import Shards, number_of
from lvsmon.monitor.workers.ways import Porter
from lvsmon.monitor.workers.worker import Worker
from lvsmon.probes.part import Part

_log: Final = logging.getLogger(__name__)

LONGEST_PAUSE: Final = 30.0
"""Seconds before a worker is started again, where it ends again and again."""

SETTLED: Final = 60.0
"""Seconds after which a worker that ends is replaced at once, as if it were the first time."""

ANSWERED: Final = 2.0
"""Seconds for an answer about how probes are; who shows them has the last news too."""


_NOBODY: Final[Mapping[str, ProbeState]] = {}


@dataclass(slots=True)
class _Post:
    """One place in the crew: it stays while processes come and go."""

    index: int
    worker: Worker | None = None
    part: Part = field(default_factory=Part)
    restarts: int = 0
    soon: int = 0
    """Ends in a row that came too soon."""
    again: asyncio.TimerHandle | None = None


class Crew:
    """See `lvsmon.monitor.news.Probing`; needs a running event loop.

    ``number`` None is as many as are useful. ``notice`` is told in a sentence that a worker was replaced.
    """

    def __init__(
        self,
        hear: Hear,
        *,
        number: int | None,
        user: str | None,
        descriptors: int,
        remembered: Mapping[str, ProbeState] | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._hear = hear
        self._number = number
        self._user = user
        self._descriptors = descriptors
        self._notice = notice
        self._states = dict(remembered or {})
        """How each probe was when that was last known, in this process or an earlier one."""
        self._watched: frozenset[str] = frozenset()
        self._shards = Shards()
        self._posts: list[_Post] = []
        self._stopping: set[asyncio.Task[None]] = set()
        self._missing: set[str] = set()
        self._loop = asyncio.get_running_loop()
        self._porter = Porter()
        self._beats = self._loop.call_later(BEAT, self._beat)

    def update(self, part: Part) -> None:
        number = self._number or number_of(part, len(os.sched_getaffinity(0)))
        had = {probe: post.index for post in self._posts for probe in post.part.probes}
        while len(self._posts) > number:
            self._dismiss(self._posts.pop())
        self._posts += [_Post(index) for index in range(len(self._posts), number)]
        self._states = {probe: state for probe, state in self._states.items() if probe in part.probes}
        for post, share in zip(self._posts, self._shards.share(part, number), strict=True):
            post.part = share
            moved = {probe for probe in share.probes if had.get(probe, post.index) != post.index}
            known = {probe: self._states[probe] for probe in moved & self._states.keys()}
            if post.worker is not None:
                post.worker.update(share, known)
                post.worker.watch(self._watched)
            elif post.again is None:
                self._start(post, known)

    def watch(self, probes: Collection[str]) -> None:
        if self._watched != (wanted := frozenset(probes)):
            self._watched = wanted
            for post in self._posts:
                if post.worker is not None:
                    post.worker.watch(wanted)

    async def run_now(self, probe: str) -> Ran | None:
        for post in self._posts:
            if post.worker is not None and probe in post.part.probes:
                return await post.worker.run_now(probe)
        return None

    async def look(self, probes: Iterable[str]) -> Mapping[str, Look]:
        asked = frozenset(probes)
        found: dict[str, Look] = {}

        async def ask(worker: Worker, mine: frozenset[str]) -> None:
            found.update(await worker.look(mine))

        try:
            async with asyncio.timeout(ANSWERED), asyncio.TaskGroup() as group:
                for post in self._posts:
                    mine = asked & post.part.probes.keys()
                    if post.worker is not None and post.worker.is_ready and mine:
                        group.create_task(ask(post.worker, mine))
        except TimeoutError:
            pass  # who shows it has the last news
        return found

    async def stop(self) -> None:
        self._beats.cancel()
        while self._posts:
            self._dismiss(self._posts.pop())
        await asyncio.gather(*self._stopping)
        self._porter.close()

    def processes(self) -> Processes:
        workers = [
            {
                "worker": post.index,
                "pid": None if post.worker is None else post.worker.pid,
                "since": None if post.worker is None else post.worker.since,
                "restarts": post.restarts,
                "probes": len(post.part.probes),
                **({} if post.worker is None else rights(post.worker.pid)),
            }
            for post in self._posts
        ]
        return Processes(workers, sorted(self._missing))

    def vitals(self) -> ProbingVitals:
        return together(post.worker.vitals for post in self._posts if post.worker is not None)

    def ready(self, worker: Worker, missing: Iterable[str]) -> None:
        for each in set(missing) - self._missing:
            self._missing.add(each)
            event(_log, logging.WARNING, "worker_unconfined", what=each)
        event(_log, logging.INFO, "worker_ready", worker=worker.index, pid=worker.pid, **rights(worker.pid))

    def heard(self, news: list[News]) -> None:
        self._states.update((each.probe, each.state) for each in news if each.state.health is not Health.UNKNOWN)
        self._hear(news)

    def ended(self, worker: Worker, why: str) -> None:
        post = self._posts[worker.index] if worker.index < len(self._posts) else None
        if post is None or post.worker is not worker:
            return
        post.worker = None
        post.soon = post.soon + 1 if time.time() - worker.since < SETTLED else 0
        pause = 0.0 if post.soon <= 1 else min(LONGEST_PAUSE, 2.0 ** (post.soon - 2))
        unknown = (
            News(probe, replace(state, health=Health.UNKNOWN, passes=0, fails=0))
            for probe in post.part.probes
            if (state := self._states.get(probe)) is not None
        )
        self._hear(list(unknown))
        self._notice(
            f"worker {post.index} is replaced, its {len(post.part.probes)} probes are UNKNOWN meanwhile: {why}"
        )
        post.restarts += 1
        post.again = self._loop.call_later(pause, self._start, post)

    def _start(self, post: _Post, known: Mapping[str, ProbeState] = _NOBODY) -> None:
        post.again = None
        begin = Begin(
            user=self._user,
            descriptors=self._descriptors,
            log_level=logging.getLogger().getEffectiveLevel(),
            remembered={probe: self._states[probe] for probe in post.part.probes if probe in self._states},
        )
        try:
            post.worker = Worker(post.index, begin, self, self._porter)
        except OSError as error:
            event(_log, logging.ERROR, "worker_not_started", worker=post.index, why=error)
            post.again = self._loop.call_later(LONGEST_PAUSE, self._start, post)
            return
        post.worker.update(post.part, known)
        post.worker.watch(self._watched)

    def _dismiss(self, post: _Post) -> None:
        if post.again is not None:
            post.again.cancel()
        if post.worker is not None:
            task = self._loop.create_task(post.worker.stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    def _beat(self) -> None:
        self._beats = self._loop.call_later(BEAT, self._beat)
        for post in self._posts:
            if post.worker is not None:
                post.worker.beat()


def rights(pid: int) -> dict[str, Any]:
    """Return what the kernel says that a process may: whatever the process itself says."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:  # noqa: PTH123  of the kernel
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}
    return {
        "uid": int(lines["Uid"].split()[1]),
        "capabilities": lines["CapEff"].lstrip("0") or "none",
        "no_new_privileges": lines["NoNewPrivs"] == "1",
        "seccomp": lines["Seccomp"] == "2",
    }
