"""Structured logs: one event per line, whatever a realserver put into it.

Lines are logfmt (``level=info event=transition destination=…``) or JSON. Under systemd the level goes in front as
``<6>`` and the journal adds the time (sd-daemon(3)); elsewhere each line begins with the time in UTC.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

_PRIORITY: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("logfmt", "json")

_EXACT: Final = 1e6
"""From here on six digits would not tell one second from the next."""


def event(log: logging.Logger, level: int, name: str, **fields: object) -> None:
    """Log the event ``name`` with ``fields``; values that are None are left out."""
    if log.isEnabledFor(level):
        shown = {key: value for key, value in fields.items() if value is not None}
        log.log(level, name, extra={"fields": shown})


class EventFormatter(logging.Formatter):
    """One line per record; control characters never reach it raw."""

    def __init__(self, *, style: str = "logfmt", journal: bool = False) -> None:
        super().__init__()
        self._json = style == "json"
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {}
        if not self._journal:
            fields["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields["level"] = record.levelname.lower()
        fields["event"] = record.getMessage()
        fields.update(getattr(record, "fields", {}))
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        line = (
            json.dumps(fields, default=str) if self._json else " ".join(f"{k}={_value(v)}" for k, v in fields.items())
        )
        return f"<{_PRIORITY.get(record.levelno, 6)}>{line}" if self._journal else line


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < _EXACT else repr(round(value, 3))
    text = str(value)
    if text and text.isascii() and text.isprintable() and not any(c in ' "=\\' for c in text):
        return text
    return json.dumps(text)  # escapes control characters, bidirectional marks and everything beyond ASCII


def is_journal(stream: TextIO) -> bool:
    """Return whether ``stream`` is connected to systemd's journal (JOURNAL_STREAM in systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def set_up(level: str = "info", style: str = "logfmt", stream: TextIO | None = None) -> None:
    """Send every log record to ``stream`` (standard error), in place of what was set before."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EventFormatter(style=style, journal=is_journal(stream)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
