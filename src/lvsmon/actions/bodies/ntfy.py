"""ntfy: published as JSON to the server's root, so that no text of an alert ever stands in a header."""

from collections.abc import Mapping
from typing import Final

from lvsmon.actions.bodies.tone import Tone, tone_of
from lvsmon.actions.clean import lines, one_line
from lvsmon.alerts.alert import Alert, Json

_MAX_BYTES: Final = 4000
"""ntfy makes a file of a message that is longer than 4096 bytes."""

_MAX_TITLE: Final = 250
_PRIORITIES: Final[Mapping[Tone, tuple[int, str]]] = {
    Tone.GOOD: (3, "white_check_mark"),
    Tone.INFO: (2, "information_source"),
    Tone.WARNING: (3, "warning"),
    Tone.ERROR: (4, "red_circle"),
    Tone.CRITICAL: (5, "rotating_light"),
}


def body(alert: Alert, topic: str, link: str) -> Json:
    """Return the message for ``topic``."""
    priority, tag = _PRIORITIES[tone_of(alert)]
    text = lines(alert.text, _MAX_BYTES).encode()[:_MAX_BYTES].decode("utf-8", "ignore")
    told: dict[str, Json] = {
        "topic": topic,
        "title": one_line(alert.subject, _MAX_TITLE) or str(alert.severity),
        "message": text,
        "priority": priority,
        "tags": [tag],
    }
    if link:
        told["click"] = link
    return told
