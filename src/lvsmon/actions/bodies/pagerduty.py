"""PagerDuty, Events API v2: POST https://events.pagerduty.com/v2/enqueue.

``dedup_key`` makes all messages of one incident one alert there; it holds at most 255 characters, ``summary`` 1024.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from lvsmon.actions.bodies.tone import MESSAGES, Tone, moment, tone_of
from lvsmon.actions.clean import one_line
from lvsmon.actions.words import as_json, words
from lvsmon.alerts.alert import Alert, Json, Stage

URL: Final = "https://events.pagerduty.com/v2/enqueue"
_MAX_KEY: Final = 255
_MAX_SUMMARY: Final = 1024
_ACTIONS: Final[Mapping[Stage, str]] = {Stage.ACKNOWLEDGED: "acknowledge", Stage.RESOLVED: "resolve"}


def body(alert: Alert, routing_key: str, link: str) -> Json:
    """Return the event: trigger, acknowledge or resolve."""
    told: dict[str, Json] = {
        "routing_key": routing_key,
        "event_action": _ACTIONS.get(alert.stage, "trigger"),
        "dedup_key": _key(alert),
    }
    if alert.stage in _ACTIONS:
        return told
    facts = words(alert)
    tone = tone_of(alert)
    told["payload"] = {
        "summary": one_line(alert.subject, _MAX_SUMMARY) or str(alert.severity),
        "source": facts["director"] or "lvsmon",
        "severity": (Tone.INFO if tone is Tone.GOOD else tone).value,
        "timestamp": moment(alert.at),
        "component": facts["realserver"] or facts["destination"],
        "group": facts["virtual"],
        "class": facts["severity"],
        "custom_details": as_json(alert),
    }
    told["client"] = "lvsmon"
    if link:
        told["client_url"] = link
    return told


def _key(alert: Alert) -> str:
    """Return the incident, or what stands for a message that is of none: each is an event of its own."""
    key = f"{alert.stage}:{alert.id}" if alert.stage in MESSAGES else alert.incident
    clean = one_line(key, _MAX_KEY + 1)
    if clean == key and len(key) <= _MAX_KEY:
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
