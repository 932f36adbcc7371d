"""A sign of life to whoever notices that it stays away."""

import logging
import time
from typing import Final

from lvsmon.alerts.alert import Alert, Stage
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.setup import Setup
from lvsmon.logs import event
from lvsmon.monitor.alerting.courier import deliver

_log: Final = logging.getLogger(__name__)


async def say_alive(setup: Setup, name: str, director: str) -> None:
    """Tell one channel that lvsmon is there; a sign that does not arrive is what the other side notices."""
    failure = await deliver(setup.channels[name], name, heartbeat_of(director, time.time()))
    if failure is not None:
        event(_log, logging.WARNING, "heartbeat_not_delivered", channel=name, why=failure)


def heartbeat_of(director: str, now: float) -> Alert:
    """Return a sign of life."""
    return Alert(
        id=f"heartbeat-{now:.0f}", incident="heartbeat", stage=Stage.HEARTBEAT,
        severity=Severity.WARN, route="heartbeat",
        subject=f"[lvsmon {director}] heartbeat", text=f"lvsmon is at work on {director}\n", at=now, since=now,
        director=director,
    )  # fmt: skip
