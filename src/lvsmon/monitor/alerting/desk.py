"""The desk: what is wrong comes in, alerts go into the outbox, and what became of them is written down.

    conditions ──▶ engine ──▶ alerts ──one transaction──▶ state file
                                 └──▶ outbox ──▶ courier ──took, failed──▶ outbox

It waits for nothing but the disk, and has no clock of its own. A disk that fails stops no alert: they go out from
memory, and are written when the disk is back.
"""

import logging
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from typing import Final

from lvsmon.alerts.alert import Alert, Stage
from lvsmon.alerts.condition import Condition, Subject, storable
from lvsmon.alerts.engine import State, acknowledge, advance
from lvsmon.alerts.facts import About
from lvsmon.alerts.outbox import Entry, Outbox
from lvsmon.alerts.render import Renderer
from lvsmon.alerts.setup import Setup
from lvsmon.errors import ActionFailed, StateError
from lvsmon.logs import event
from lvsmon.store.alerts import AlertStore

_log: Final = logging.getLogger(__name__)


class Desk:
    """``store`` None keeps nothing. Times are wall-clock seconds. One thread at a time."""

    def __init__(
        self, setup: Setup, store: AlertStore | None, about: About, *, jitter: Callable[[], float] = lambda: 0.0
    ) -> None:
        """Go on from what ``store`` has; raise StateError if it cannot be read."""
        self.setup = setup
        self._store = store
        self._renderer = Renderer(about)
        self.state, waiting = (State(), []) if store is None else store.load()
        self.outbox = Outbox(waiting, jitter=jitter)
        self._new: list[Entry] = []
        self._gone: list[Entry] = []
        self._disk_works = True
        self.trouble: dict[str, str] = {}
        """By channel: why its last try failed."""

    def look(
        self, conditions: Iterable[Condition] | None, now: float, unjudged: Container[Subject] = ()
    ) -> list[Alert]:
        """Take what is wrong at ``now`` (None: nobody looked anew), put what follows into the outbox and return it.

        The incidents of ``unjudged`` go on.
        """
        self._hear(now)
        wrong = None if conditions is None else [storable(one) for one in conditions]
        step = advance(self.state, self.setup.routes, wrong, now, unjudged)
        self.state = step.state
        for incident in step.opened:
            event(_log, logging.INFO, "incident_opened", incident=incident.id, what=incident.condition.summary)
        for incident in step.ended:
            event(_log, logging.INFO, "incident_over", incident=incident.id, what=incident.condition.summary)
        made = []
        for due in step.due:
            alert = self._renderer.alert(due, now)
            made.append(alert)
            event(
                _log, logging.INFO, "alert",
                id=alert.id, incident=alert.incident, stage=alert.stage, route=alert.route, subject=alert.subject,
            )  # fmt: skip
            for channel in due.route.to:
                self._put(channel, alert, now)
        self._give_up(now)
        self._save()
        return made

    def _put(self, channel: str, alert: Alert, now: float) -> None:
        entry = self.outbox.make(channel, alert, now, self.setup.life)
        self._new.append(entry)
        for one in self.outbox.put(entry):
            if one.alert.stage is Stage.REPEATED and one.alert.incident == alert.incident:
                event(_log, logging.INFO, "alert_replaced", id=one.alert.id, channel=channel, by=alert.id)
                self._gone.append(one)
            else:
                self._lose(one, "far too many wait for this channel")

    def _give_up(self, now: float) -> None:
        unknown = [one for one in self.outbox.entries() if one.channel not in self.setup.channels]
        for entry in [*self.outbox.expired(now), *unknown]:
            why = "there is no such channel any more" if entry in unknown else "its time is over"
            self._lose(entry, why)

    def _lose(self, entry: Entry, why: str) -> None:
        event(
            _log, logging.ERROR, "alert_given_up",
            id=entry.alert.id, channel=entry.channel, tries=entry.tries, why=why, subject=entry.alert.subject,
        )  # fmt: skip
        self.outbox.drop(entry)
        self._gone.append(entry)

    def took(self, entry: Entry) -> None:
        """Take note that the channel has it."""
        event(_log, logging.INFO, "alert_delivered", id=entry.alert.id, channel=entry.channel, tries=entry.tries + 1)
        self.outbox.took(entry)
        self.trouble.pop(entry.channel, None)
        self._gone.append(entry)
        self._save()

    def failed(self, entry: Entry, error: ActionFailed, now: float, taken: Sequence[str] = ()) -> None:
        """Take note that it was not delivered, but to those who have ``taken`` it: it is tried again, unless that
        cannot help.
        """
        if error.final:
            self._lose(entry, str(error))
            self._save()
            return
        entry = replace(entry, alert=replace(entry.alert, taken=tuple(taken)))
        after = self.outbox.failed(entry, now, error.retry_after)
        event(
            _log, logging.WARNING if after.tries == 1 else logging.INFO, "alert_not_delivered",
            id=entry.alert.id, channel=entry.channel, tries=after.tries, why=str(error),
            again_in=f"{after.next_at - now:.0f}s",
        )  # fmt: skip
        self.trouble[entry.channel] = str(error)
        self._new.append(after)
        self._save()

    def _hear(self, now: float) -> None:
        """Take the acknowledgements that people left in the state file."""
        if self._store is None or not self._disk_works:
            return
        try:
            asked = self._store.asked()
            for _, name, ack in asked:
                self.state = acknowledge(self.state, name, None if ack is None else replace(ack, at=min(ack.at, now)))
            if asked:
                self._store.save(self.state)
                self._store.answered([number for number, _, _ in asked])
        except StateError as error:
            self._complain(error)

    def _save(self) -> None:
        if self._store is None:
            return
        try:
            if not self._store.is_in_place:
                self._store.reopen()
                self._new = self.outbox.entries()
            self._store.save(self.state, self._new, self._gone)
        except StateError as error:
            self._complain(error)
            waiting = {entry.number for entry in self.outbox.entries()}
            self._new = [entry for entry in self._new if entry.number in waiting]
            return
        if not self._disk_works:
            event(_log, logging.INFO, "alerts_saved_again")
        self._new, self._gone, self._disk_works = [], [], True

    def _complain(self, error: StateError) -> None:
        if self._disk_works:
            event(_log, logging.ERROR, "alerts_not_saved", what=error, effect="alerts go out from memory")
        self._disk_works = False
