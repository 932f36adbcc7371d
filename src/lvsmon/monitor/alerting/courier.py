"""The courier: carries what is in the outbox to the channels, each channel at its own pace.

A task for each channel, so that one that is dead or slow delays no other; one try at a time, each with the channel's
own deadline.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from lvsmon.alerts.alert import Alert
from lvsmon.alerts.channel import Channel
from lvsmon.alerts.outbox import Entry
from lvsmon.errors import ActionFailed
from lvsmon.monitor.alerting.desk import Desk

_log: Final = logging.getLogger(__name__)

LONGEST_WAIT: Final = 60.0
"""Seconds until a task looks again though nobody woke it: the wall clock may have been set."""


class Courier:
    """Delivers for ``desk``, in a running event loop; ``now`` is the wall clock."""

    def __init__(self, desk: Desk, now: Callable[[], float] = time.time) -> None:
        self._desk = desk
        self._now = now
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._moved = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox, and at the channels that there are now."""
        for name in self._desk.setup.channels:
            self._news.setdefault(name, asyncio.Event()).set()
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._serve(name), name=f"channel {name}")

    async def stop(self) -> None:
        """Break off what is under way: it stays in the outbox."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def settle(self, patience: float) -> None:
        """Deliver until nothing may be tried now, ``patience`` seconds at most, and stop; what is under way then has
        failed: the other side may have taken it, and is sent it again under the same id.
        """
        self.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._desk.outbox.has_work(self._now()):
                    self._moved.clear()
                    await self._moved.wait()
        await self.stop()
        for entry in self._desk.outbox.under_way():
            error = ActionFailed(f"not delivered within the {patience:.3g} s there were")
            self._failed(self._desk.setup.channels[entry.channel], entry, error)

    async def _serve(self, name: str) -> None:
        while True:
            self._news[name].clear()
            channel = self._desk.setup.channels.get(name)
            entry = None if channel is None else self._desk.outbox.take(name, self._now())
            if channel is not None and entry is not None:
                await self._try(channel, entry)
                continue
            pause = min(LONGEST_WAIT, self._desk.outbox.next_at(name) - self._now())
            try:
                async with asyncio.timeout(max(0.0, pause) if math.isfinite(pause) else LONGEST_WAIT):
                    await self._news[name].wait()
            except TimeoutError:
                continue

    async def _try(self, channel: Channel, entry: Entry) -> None:
        failure = await deliver(channel, entry.channel, entry.alert)
        if failure is None:
            self._desk.took(entry)
        else:
            self._failed(channel, entry, failure)
        self._moved.set()

    def _failed(self, channel: Channel, entry: Entry, failure: ActionFailed) -> None:
        partly: Callable[[Alert], Sequence[str]] | None = getattr(channel, "partly", None)
        self._desk.failed(entry, failure, self._now(), () if partly is None else partly(entry.alert))


async def deliver(channel: Channel, name: str, alert: Alert) -> ActionFailed | None:
    """Try once to hand ``alert`` over within the channel's deadline; return what went wrong."""
    try:
        async with asyncio.timeout(channel.timeout):
            await channel.deliver(alert)
    except ActionFailed as error:
        return error
    except TimeoutError:
        return ActionFailed(f"not delivered within {channel.timeout:g} s")
    except Exception as error:  # noqa: BLE001
        # A bug in one channel must cost neither the alert nor the other channels.
        _log.exception("a bug in the channel %s", name)
        return ActionFailed(f"a bug: {type(error).__name__}: {error}")
    return None
