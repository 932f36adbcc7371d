"""What is wrong with the director itself: its configuration, its state directory, IPVS."""

from collections.abc import Iterator, Sequence

from lvsmon.alerts.condition import Condition, Severity, Subject
from lvsmon.errors import ConfigError
from lvsmon.monitor.snapshot import Snapshot

_MOST = 5
"""Complaints that one alert quotes; `lvsmon config check` shows the rest."""


def of_config(error: ConfigError, at: float) -> Condition:
    """Return the condition of a reload that was refused ``at`` this wall-clock time."""
    return Condition(
        severity=Severity.CONFIG_REFUSED,
        subject=Subject(),
        summary="the changed configuration is refused; the one loaded before stays in force",
        seen=_list([str(complaint) for complaint in error.complaints]),
        since=at,
    )


def of_state(what: str, at: float) -> Condition:
    """Return the condition of state that could not be written since ``at``, in wall-clock seconds."""
    return Condition(
        severity=Severity.STATE,
        subject=Subject(),
        summary="the state directory cannot be written; probing and the table go on",
        seen=what,
        since=at,
    )


def of_kernel(snapshot: Snapshot) -> Iterator[Condition]:
    """Yield the condition of a table that cannot be kept as it should be."""
    if snapshot.trouble:
        yield Condition(
            severity=Severity.KERNEL,
            subject=Subject(),
            summary="the kernel's IPVS table cannot be kept as it should be",
            seen=_list(snapshot.trouble),
        )


def _list(lines: Sequence[str]) -> str:
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "; ".join([*lines[:_MOST], *more])
