"""Alerts of one look: the routes, the channels and the books of the daemon, for one step from cron.

    what the look came to ──▶ conditions ──▶ desk ──one transaction──▶ state file
                                               └──▶ courier: what may be tried now, as long as there is time

What is not delivered waits in the state file for the next look.
"""

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

from lvsmon import windows
from lvsmon.alerts.condition import Subject
from lvsmon.alerts.facts import About
from lvsmon.alerts.route import Route
from lvsmon.alerts.setup import Setup
from lvsmon.monitor.alerting.courier import Courier
from lvsmon.monitor.alerting.desk import Desk
from lvsmon.monitor.alerting.heartbeat import say_alive
from lvsmon.monitor.conditions import conditions, unjudged
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.store.alerts import AlertStore

EARLY: Final = 5.0
"""Seconds by which a look may come before its time: cron does not start them evenly."""


def tell(snapshot: Snapshot, patience: float, touched: Collection[str] | None = None) -> list[str]:
    """Tell people what is wrong and what is over, delivering for ``patience`` seconds at most; return what whoever runs
    this should know.

    ``touched`` names the virtual services that were looked at, None for all. Raise StateError.
    """
    plan, now, director = snapshot.plan, time.time(), socket.gethostname()
    with _quietly(), closing(AlertStore.open(plan.state_directory)) as store:
        desk = Desk(_at_once(plan.alerting), store, About(director, plan.alerting.zone, daemon=False))
        known = [incident.condition.subject for incident in desk.state.incidents.values()]
        beyond = {subject for subject in known if not _was_looked_at(subject, touched)}
        found = conditions(snapshot, quiet=windows.quiet(plan.windows, now))
        desk.look(found, now, unjudged(snapshot) | beyond)
        asyncio.run(_deliver(desk, director, _hearts(plan.alerting, store, now), patience))
        return [*store.notes, *_complaints(desk)]


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep warnings of alerting out of the log: what is not delivered at once is told in words."""
    log = logging.getLogger("lvsmon.monitor.alerting")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _was_looked_at(subject: Subject, touched: Collection[str] | None) -> bool:
    """Say whether a look at ``touched`` may end what concerns ``subject``; hosts are probed in every look."""
    return touched is None or subject.virtual in touched or subject.about.startswith("host ")


def _at_once(setup: Setup) -> Setup:
    """Return ``setup`` for looks: nothing more comes to be told together, so there is nothing to wait for."""

    def for_looks(route: Route) -> Route:
        every = None if route.every is None else route.every - min(EARLY, route.every / 2)
        return replace(route, group_wait=0.0, every=every)

    return replace(setup, routes=tuple(map(for_looks, setup.routes)))


def _hearts(setup: Setup, store: AlertStore, now: float) -> Sequence[str]:
    """Return the channels that are due a sign of life."""
    if setup.heartbeat is None or 0 <= now - store.beat() < setup.heartbeat.every - EARLY:
        return ()
    store.save_beat(now)
    return setup.heartbeat.to


async def _deliver(desk: Desk, director: str, hearts: Sequence[str], patience: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    beats = [asyncio.create_task(say_alive(desk.setup, name, director)) for name in hearts]
    await Courier(desk).settle(patience)
    if beats:
        await asyncio.wait(beats, timeout=max(0.0, until - loop.time()))
    for beat in beats:
        beat.cancel()
    await asyncio.gather(*beats, return_exceptions=True)


def _complaints(desk: Desk) -> Iterator[str]:
    """Yield a sentence for each channel that failed to take something for the first time: once, not at every look."""
    failed = Counter(entry.channel for entry in desk.outbox.entries() if entry.tries == 1)
    for channel, count in failed.items():
        if channel in desk.trouble:
            what = "1 alert waits" if count == 1 else f"{count} alerts wait"
            yield f"{what} for the channel {channel}, the next run tries again: {desk.trouble[channel]}"
