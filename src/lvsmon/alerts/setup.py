"""What the configuration says of alerts, as a whole."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from lvsmon.alerts.channel import Channel
from lvsmon.alerts.route import Route

LIFE = 86400.0
"""Seconds for which an alert is tried: who was away for a day looks at what is wrong now."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life to channels ``every`` so many seconds, so that somebody notices when lvsmon is gone."""

    to: tuple[str, ...]
    every: float


@dataclass(frozen=True, slots=True)
class Setup:
    """Routes in the order in which they are asked, channels by name; ``life`` is in seconds."""

    routes: tuple[Route, ...] = ()
    channels: Mapping[str, Channel] = field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    life: float = LIFE

    @property
    def zone(self) -> tzinfo:
        """The time zone that times are told in: that of the first route."""
        return self.routes[0].zone if self.routes else UTC

    @property
    def most_failures(self) -> int:
        """How many failures in a row make a difference to a route."""
        asked = [route.after.most for route in self.routes]
        return sys.maxsize if None in asked else max(filter(None, asked), default=0)

    def __bool__(self) -> bool:
        return bool(self.routes or self.heartbeat)
