"""What runs of probes share: answers of third parties asked once for all, and a little memory between runs."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from lvsmon.net.engine import Event
from lvsmon.net.vantage.door import Doors

_T = TypeVar("_T")

MAX_ENTRIES: Final = 65536
"""Things remembered: one or two for each of 10,000 realservers in several virtual services, and some 10 MB at most."""


@dataclass(slots=True)
class _Answer:
    """What was answered to a question last."""

    asked_at: float | None = None
    value: object = None
    asking: Event | None = None


class Shared:
    """One for each process that runs probes, for as long as it runs them.

    Bounded: what was used longest ago is forgotten first, which costs a question asked again, never a wrong answer.
    """

    def __init__(self, limit: int = MAX_ENTRIES) -> None:
        self._entries: OrderedDict[Hashable, object] = OrderedDict()
        self._limit = limit
        self.doors = Doors()
        """The sockets of probes that go through the VIP."""

    async def once(
        self,
        key: Hashable,
        since: float,
        now: Callable[[], float],
        ask: Callable[[], Coroutine[Any, Any, _T]],
        event: Callable[[], Event],
    ) -> tuple[_T, float]:
        """Return the answer to ``key``, asked at ``since`` or later, and when it was asked (seconds, monotonic).

        However many runs want it at once, one of them asks for all. Where that one is cancelled or fails, the next one
        asks: what is to be an answer to all, ``ask`` returns. ``event`` is that of the run's `Connector`.
        """
        entry = self.recall(("once", key))
        if not isinstance(entry, _Answer):
            entry = _Answer()
            self.remember(("once", key), entry)
        while entry.asked_at is None or entry.asked_at < since:
            if entry.asking is not None:
                await entry.asking.wait()
                continue
            entry.asking = event()
            try:
                started = now()
                entry.value = await ask()
                entry.asked_at = started
            finally:
                entry.asking.set()
                entry.asking = None
        return cast("_T", entry.value), entry.asked_at

    def recall(self, key: Hashable) -> object:
        """Return what `remember` was given for ``key`` last, None if there is nothing."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def remember(self, key: Hashable, value: object) -> None:
        """Keep ``value``, which must be small; None forgets."""
        if value is None:
            self._entries.pop(key, None)
            return
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)
