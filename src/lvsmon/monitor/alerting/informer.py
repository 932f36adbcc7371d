"""Tells alerting what the daemon sees: each decision, a configuration that is refused, state that is not saved."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lvsmon import windows
from lvsmon.alerts.condition import Condition
from lvsmon.alerts.facts import About
from lvsmon.config.plan import Plan
from lvsmon.errors import ConfigError
from lvsmon.logs import event
from lvsmon.monitor.alerting.thread import Alerting, Look
from lvsmon.monitor.conditions.director import of_config, of_state
from lvsmon.monitor.snapshot import Snapshot
from lvsmon.store.alerts import AlertStore

_log: Final = logging.getLogger(__name__)


class Informer:
    """Starts alerting when a plan first has a route or a heartbeat; nothing here waits.

    ``trouble`` says what is wrong with the state directory, "" if nothing is.
    """

    def __init__(self, directory: Path, director: str, trouble: Callable[[], str] = str) -> None:
        self._directory = directory
        self._director = director
        self._trouble = trouble
        self._alerting: Alerting | None = None
        self._refused: Condition | None = None
        self._unsaved: Condition | None = None

    def decided(self, snapshot: Snapshot) -> None:
        """Hand over what was decided."""
        plan = snapshot.plan
        if self._alerting is None:
            if not plan.alerting:
                return
            about = About(self._director, plan.alerting.zone)
            self._alerting = Alerting(plan.alerting, lambda: AlertStore.open(self._directory), about)
            self._alerting.start()
        trouble = self._trouble()
        if not trouble:
            self._unsaved = None
        elif self._unsaved is None:
            self._unsaved = of_state(trouble, time.time())
        own = tuple(one for one in (self._refused, self._unsaved) if one is not None)
        self._alerting.post(Look(snapshot, own, windows.quiet(plan.windows, time.time())))

    def refused(self, error: ConfigError) -> None:
        """Take note that a changed configuration was refused."""
        self._refused = of_config(error, time.time() if self._refused is None else self._refused.since)

    def took(self, plan: Plan) -> None:
        """Take note that a configuration was taken."""
        self._refused = None
        if self._alerting is not None:
            self._alerting.take(plan.alerting)

    def close(self, patience: float) -> None:
        """End alerting; what is not delivered yet is delivered by the next lvsmon."""
        if self._alerting is not None and not self._alerting.close(patience):
            event(_log, logging.WARNING, "alerting_hangs", effect="what is not delivered is kept for the next start")
