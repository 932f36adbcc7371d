"""What is to be delivered: an alert is put here before it is tried, and leaves when its channel took it. Pure.

Within a channel, the alerts of one incident go out in their order, one at a time; those of different incidents do not
wait for each other. What failed is tried again later and later. When several in a row fail, it is the channel that is
dead: then one alert at a time is tried, until one gets through. A channel that says itself when it wants to be tried
again is left alone until then.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from lvsmon.alerts.alert import Alert, Stage

FIRST_PAUSE: Final = 5.0
"""Seconds until what failed once is tried again; then twice as long each time."""

LONGEST_PAUSE: Final = 300.0
"""Seconds between two tries at most."""

LONGEST_REST: Final = 60.0
"""Seconds between two tries of a channel that is dead: so soon it is found to be back."""

LONGEST_ASKED: Final = 3600.0
"""Seconds for which a channel is left alone at most because it asks to be: later than that an alert helps few."""

MOST_WAITING: Final = 2000
"""Alerts that wait for one channel: with a route's usual limit of 60 an hour, more than a day of one. 10 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An alert on its way to ``channel``. ``until`` is when it is given up; times are wall-clock seconds.

    ``asked`` is until when the other side asked, at the last try, to be left alone.
    """

    number: int
    channel: str
    alert: Alert
    put_at: float
    until: float
    tries: int = 0
    next_at: float = 0.0
    asked: float = 0.0


@dataclass(slots=True)
class _Lane:
    """One channel's: entries by number, failures in a row, and when it may be tried again."""

    entries: dict[int, Entry] = field(default_factory=dict)
    going: set[int] = field(default_factory=set)
    failures: int = 0
    rests_until: float = 0.0


class Outbox:
    """``jitter`` returns numbers from 0 to 1, so that many directors do not come back to a relay at once."""

    def __init__(self, entries: Iterable[Entry] = (), *, jitter: Callable[[], float] = lambda: 0.0) -> None:
        self._jitter = jitter
        self._lanes: dict[str, _Lane] = {}
        self._next = 1
        for entry in entries:
            lane = self._lane(entry.channel)
            lane.entries[entry.number] = entry
            lane.rests_until = max(lane.rests_until, entry.asked)
            self._next = max(self._next, entry.number + 1)

    def entries(self) -> list[Entry]:
        """Return what waits, in the order in which it came."""
        found = [entry for lane in self._lanes.values() for entry in lane.entries.values()]
        return sorted(found, key=lambda entry: entry.number)

    def make(self, channel: str, alert: Alert, now: float, life: float) -> Entry:
        """Return the entry for ``alert``, which is not in yet."""
        number, self._next = self._next, self._next + 1
        return Entry(number=number, channel=channel, alert=alert, put_at=now, until=now + life)

    def put(self, entry: Entry) -> list[Entry]:
        """Take ``entry`` in; return what it replaces: repetitions of the same incident that were never tried.

        Where far too much waits, the oldest goes too.
        """
        lane = self._lane(entry.channel)
        gone = [
            one
            for one in lane.entries.values()
            if one.alert.stage is Stage.REPEATED
            and one.alert.incident == entry.alert.incident
            and one.alert.route == entry.alert.route
            and not one.tries
            and one.number not in lane.going
        ]
        lane.entries[entry.number] = entry
        if len(lane.entries) - len(gone) > MOST_WAITING:
            gone.append(next(one for number, one in lane.entries.items() if number not in lane.going))
        for one in gone:
            lane.entries.pop(one.number, None)
        return gone

    def take(self, channel: str, now: float) -> Entry | None:
        """Return what is to be tried now, None if nothing is; `took`, `failed` or `drop` it afterwards."""
        lane = self._lane(channel)
        ready = self._ready(lane, now)
        if not ready:
            return None
        chosen = min(ready, key=lambda entry: (entry.tries, entry.number))
        lane.going.add(chosen.number)
        return chosen

    def next_at(self, channel: str) -> float:
        """Return when there may be something to try; infinity if nothing waits."""
        lane = self._lane(channel)
        if lane.failures and lane.going:
            return math.inf
        heads = [entry.next_at for entry in self._heads(lane)]
        return max(lane.rests_until, min(heads)) if heads else math.inf

    def under_way(self) -> list[Entry]:
        """Return what is being tried."""
        return [lane.entries[number] for lane in self._lanes.values() for number in lane.going]

    def has_work(self, now: float) -> bool:
        """Say whether something is being tried, or to be tried now."""
        return any(lane.going or self._ready(lane, now) for lane in self._lanes.values())

    def took(self, entry: Entry) -> None:
        """Take note that the channel has it: it works, and what waits for another try need not."""
        self.drop(entry)
        lane = self._lane(entry.channel)
        lane.failures, lane.rests_until = 0, 0.0
        for number, other in lane.entries.items():
            if other.next_at:
                lane.entries[number] = replace(other, next_at=other.asked)

    def failed(self, entry: Entry, now: float, retry_after: float | None = None) -> Entry:
        """Take note that it did not work, and return the entry as it waits now; ``retry_after`` is the seconds for
        which the other side asks to be left alone.
        """
        lane = self._lane(entry.channel)
        lane.going.discard(entry.number)
        lane.failures += 1
        if lane.failures > 1:
            lane.rests_until = now + self._pause(lane.failures - 1, LONGEST_REST)
        asked = 0.0 if retry_after is None else now + min(max(0.0, retry_after), LONGEST_ASKED)
        lane.rests_until = max(lane.rests_until, asked)
        pause = self._pause(entry.tries + 1, LONGEST_PAUSE)
        after = replace(entry, tries=entry.tries + 1, next_at=max(now + pause, asked), asked=asked)
        lane.entries[entry.number] = after
        return after

    def drop(self, entry: Entry) -> None:
        """Forget it."""
        lane = self._lane(entry.channel)
        lane.entries.pop(entry.number, None)
        lane.going.discard(entry.number)

    def expired(self, now: float) -> list[Entry]:
        """Return what is too old and is not being tried just now."""
        return [
            entry
            for lane in self._lanes.values()
            for entry in lane.entries.values()
            if entry.until <= now and entry.number not in lane.going
        ]

    def _ready(self, lane: _Lane, now: float) -> list[Entry]:
        """Return what may be tried now."""
        if _waits(lane.rests_until, now) or (lane.failures and lane.going):
            return []
        return [entry for entry in self._heads(lane) if not _waits(entry.next_at, now)]

    def _heads(self, lane: _Lane) -> list[Entry]:
        """Return the first entry of each incident that has none under way."""
        heads: dict[str, Entry] = {}
        for entry in lane.entries.values():
            heads.setdefault(entry.alert.incident, entry)
        return [entry for entry in heads.values() if entry.number not in lane.going]

    def _lane(self, channel: str) -> _Lane:
        return self._lanes.setdefault(channel, _Lane())

    def _pause(self, failures: int, longest: float) -> float:
        pause = min(longest, FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
        return pause * (1 - self._jitter() / 2)


def _waits(until: float, now: float) -> bool:
    """Say whether ``until`` is still to come; one that is too far away is of a clock that was set back since."""
    return now < until <= now + LONGEST_ASKED
