"""How loud each kind of news is, in the words of those who are told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from lvsmon.actions import severities
from lvsmon.alerts.alert import Alert, Stage


class Tone(Enum):
    """From good news to what somebody is woken up for."""

    GOOD = "good"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


_BY_LEVEL: Final[Mapping[int, Tone]] = {
    severities.ALERT: Tone.CRITICAL,
    severities.CRITICAL: Tone.CRITICAL,
    severities.ERROR: Tone.ERROR,
    severities.WARNING: Tone.WARNING,
    severities.NOTICE: Tone.INFO,
    severities.INFORMATIONAL: Tone.INFO,
}

MESSAGES: Final = frozenset({Stage.TEST, Stage.HEARTBEAT, Stage.DIGEST, Stage.HELD_BACK})
"""Stages that are of no incident: nothing will ever resolve them."""


def tone_of(alert: Alert) -> Tone:
    """Return how loud ``alert`` is."""
    return Tone.GOOD if alert.stage is Stage.RESOLVED else _BY_LEVEL[severities.syslog_severity(alert)]


def moment(seconds: float) -> str:
    """Return a time of the wall clock as RFC 3339 writes it, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
