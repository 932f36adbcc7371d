"""Prometheus Alertmanager, API v2: POST /api/v2/alerts (its openapi.yaml).

A condition is one alert of Alertmanager's, which knows it by its labels: they must not change while it lasts, or it
would never be resolved. So the labels are those that are set, the incident's and what makes a condition itself
(`Condition.id`); what may change stands in the annotations. What is over is resolved by itself, while others of its
group go on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from lvsmon.actions.bodies.tone import MESSAGES, moment, tone_of
from lvsmon.actions.clean import lines, one_line
from lvsmon.actions.words import words
from lvsmon.alerts.alert import Alert, Json, Stage
from lvsmon.alerts.condition import Condition
from lvsmon.model.placeholders import fill

PATH: Final = "/api/v2/alerts"
MOST_CONDITIONS: Final = 1000
"""Conditions that one request tells of, those that are over among them: 2 MB at most, usually a tenth."""
_NAME: Final = "lvsmon"
_MAX_TEXT: Final = 8192
_MAX_LABEL: Final = 200
_MAX_LINE: Final = 500


def body(alert: Alert, labels: Mapping[str, str], link: str, hold: float) -> Json:
    """Return a list with an alert for each condition; ``hold`` is the seconds after which Alertmanager ends it by
    itself.

    What is of no incident is one alert, which ends by Alertmanager's own ``resolve_timeout``.
    """
    if alert.stage in MESSAGES:
        made = {"alertname": f"{_NAME}_{alert.stage}", "director": alert.director}
        return [_told(alert, made, labels, link) | {"startsAt": moment(min(alert.since, alert.at))}]
    return list(_conditions(alert, labels, link, hold))


def _conditions(alert: Alert, labels: Mapping[str, str], link: str, hold: float) -> Iterator[Json]:
    ended = moment(alert.at)
    ends = ended if alert.stage is Stage.RESOLVED else moment(alert.at + hold)
    every = [*((one, ends) for one in alert.conditions), *((one, ended) for one in alert.over)]
    for condition, end in every[:MOST_CONDITIONS]:
        subject = condition.subject
        made = {
            "alertname": _NAME,
            "director": alert.director,
            "incident": alert.incident,
            "condition": str(condition.severity),
            "virtual": subject.virtual,
            "realserver": subject.realserver,
            "destination": subject.destination,
            "about": subject.about,
        }
        alone = replace(alert, conditions=(condition,), severity=condition.severity)
        if len(every) > 1:
            alone = replace(alone, subject=condition.summary, text=_text(condition))
        starts = moment(min(condition.since or alert.since, alert.at))
        yield _told(alone, made, labels, link) | {"startsAt": starts, "endsAt": end}


def _told(alert: Alert, made: Mapping[str, str], labels: Mapping[str, str], link: str) -> dict[str, Json]:
    """Return what Alertmanager is told but for the times."""
    facts = words(alert)
    made = {**made, **{name: fill(value, facts) for name, value in labels.items()}}
    return {
        "labels": {name: one_line(value, _MAX_LABEL) for name, value in made.items() if value},
        "annotations": {
            "summary": facts["subject"],
            "description": lines(alert.text, _MAX_TEXT),
            **{name: facts[name] for name in ("severity", "stage", "virtual", "realserver") if facts[name]},
            "urgency": tone_of(alert).value,
        },
        **({"generatorURL": link} if link else {}),
    }


def _text(condition: Condition) -> str:
    """Return what is said of one condition among others: the text of the message is about all of them."""
    seen = [f'seen "{one_line(condition.seen, _MAX_LINE)}"'] if condition.seen else []
    said = [*seen, *(f"done {one_line(done, _MAX_LINE)}" for done in condition.done), condition.left]
    return "\n".join(filter(None, said)) or condition.summary
