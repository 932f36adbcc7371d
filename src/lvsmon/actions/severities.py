"""How urgent an alert is, in the words of syslog (RFC 5424 section 6.2.1). Pure."""

from collections.abc import Mapping
from typing import Final

from lvsmon.alerts.alert import Alert, Stage
from lvsmon.alerts.condition import Severity

ALERT: Final = 1
CRITICAL: Final = 2
ERROR: Final = 3
WARNING: Final = 4
NOTICE: Final = 5
INFORMATIONAL: Final = 6

BY_SEVERITY: Final[Mapping[Severity, int]] = {
    Severity.WARN: WARNING,
    Severity.CERTIFICATE: WARNING,
    Severity.CANNOT_PROBE: WARNING,
    Severity.DRIFT: WARNING,
    Severity.FLAPPING: WARNING,
    Severity.DOWN: ERROR,
    Severity.SORRY: CRITICAL,
    Severity.FLOOR: CRITICAL,
    Severity.CONFIG_REFUSED: ERROR,
    Severity.STATE: ERROR,
    Severity.KERNEL: CRITICAL,
    Severity.BRAKE: ALERT,
}

_BY_STAGE: Final[Mapping[Stage, int]] = {
    Stage.ACKNOWLEDGED: NOTICE,
    Stage.RESOLVED: NOTICE,
    Stage.DIGEST: NOTICE,
    Stage.HELD_BACK: NOTICE,
    Stage.TEST: INFORMATIONAL,
    Stage.HEARTBEAT: INFORMATIONAL,
}
"""What is over, known or no incident wakes nobody, whatever it is about."""


def syslog_severity(alert: Alert) -> int:
    """Return the severity, from 1 (alert) to 6 (informational)."""
    return _BY_STAGE.get(alert.stage, BY_SEVERITY[alert.severity])
