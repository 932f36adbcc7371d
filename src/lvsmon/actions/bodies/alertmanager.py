"""Prometheus Alertmanager, API v2: POST /api/v2/alerts (its openapi.yaml).

An incident is one alert of Alertmanager's, which knows it by its labels: they must not change while it lasts, or it
would never be resolved. So what may change (severity, what is down) stands in the annotations, and the labels are
those that are set and the incident's own.
"""

from collections.abc import Mapping
from typing import Final

from lvsmon.actions.bodies.tone import MESSAGES, moment, tone_of
from lvsmon.actions.clean import lines, one_line
from lvsmon.actions.words import words
from lvsmon.alerts.alert import Alert, Json, Stage
from lvsmon.model.placeholders import fill

PATH: Final = "/api/v2/alerts"
_NAME: Final = "lvsmon"
_MAX_TEXT: Final = 8192
_MAX_LABEL: Final = 200


def body(alert: Alert, labels: Mapping[str, str], link: str, hold: float) -> Json:
    """Return the list of one alert; ``hold`` is the seconds after which Alertmanager ends it by itself.

    What is of no incident ends by Alertmanager's own ``resolve_timeout``.
    """
    facts = words(alert)
    made: dict[str, str] = {"alertname": _NAME, "director": alert.director, "incident": alert.incident}
    if alert.stage in MESSAGES:
        made |= {"alertname": f"{_NAME}_{alert.stage}", "incident": ""}
    made |= {name: fill(value, facts) for name, value in labels.items()}
    told: dict[str, Json] = {
        "labels": {name: one_line(value, _MAX_LABEL) for name, value in made.items() if value},
        "annotations": {
            "summary": facts["subject"],
            "description": lines(alert.text, _MAX_TEXT),
            **{name: facts[name] for name in ("severity", "stage", "virtual", "realserver") if facts[name]},
            "urgency": tone_of(alert).value,
        },
        "startsAt": moment(min(alert.since, alert.at)),
    }
    if alert.stage is Stage.RESOLVED:
        told["endsAt"] = moment(alert.at)
    elif alert.stage not in MESSAGES:
        told["endsAt"] = moment(alert.at + hold)
    if link:
        told["generatorURL"] = link
    return [told]
