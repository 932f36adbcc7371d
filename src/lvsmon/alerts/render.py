"""From a message to an alert: the route's own templates, or the default texts where it has none or they fail."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lvsmon.alerts import words
from lvsmon.alerts.alert import Alert, Stage
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.engine import Due
from lvsmon.alerts.facts import About, Values, harmless, values_of
from lvsmon.alerts.route import Route
from lvsmon.text import encodable

if TYPE_CHECKING:
    from lvsmon.alerts.templates import Template

MAX_SUBJECT = 200
"""Characters of a subject: longer ones are cut by every mail reader."""


@dataclass(frozen=True, slots=True)
class _Templates:
    subject: "Template | None"
    text: "Template | None"
    html: "Template | None"


class Renderer:
    """Makes alerts of messages; keeps the compiled templates of the routes."""

    def __init__(self, about: About) -> None:
        self._about = about
        self._compiled: dict[tuple[str, str, str], _Templates] = {}

    def alert(self, due: Due, now: float) -> Alert:
        """Return the alert that says what is ``due``; a template that fails is told of in the default text."""
        message, thread = due.message, due.message.thread
        values = values_of(message, due.route.name, due.held, self._about, now)
        wrong: list[str] = []
        templates = self._templates(due.route)
        subject = _rendered(templates.subject, values, "subject", wrong) or words.subject(values)
        text = _rendered(templates.text, values, "text", wrong) or words.text(values)
        html = _rendered(templates.html, values, "html", wrong)
        if wrong:
            text += f"\nThe templates of route {due.route.name} were left out: {'; '.join(wrong)}\n"
        return Alert(
            id=_identity(due.route.name, thread.id, thread.number, message.stage, now),
            incident=thread.id,
            stage=message.stage,
            severity=message.conditions[0].severity if message.conditions else Severity.WARN,
            route=due.route.name,
            subject=harmless(subject, MAX_SUBJECT),
            text=text,
            html=html or "",
            at=now,
            since=thread.since,
            number=thread.number,
            director=self._about.director,
            conditions=message.conditions,
            over=message.over,
        )

    def _templates(self, route: Route) -> _Templates:
        key = route.subject, route.text, route.html
        if not any(key):
            return _Templates(None, None, None)
        if key not in self._compiled:
            from lvsmon.alerts.templates import Template  # noqa: PLC0415  many routes have none

            self._compiled[key] = _Templates(
                Template(route.subject) if route.subject else None,
                Template(route.text) if route.text else None,
                Template(route.html, escaped=True) if route.html else None,
            )
        return self._compiled[key]


def _rendered(template: "Template | None", values: Values, what: str, wrong: list[str]) -> str | None:
    if template is None:
        return None
    try:
        return encodable(template.render(values))
    except ValueError as error:
        wrong.append(f"{what}: {harmless(str(error), 200)}")
        return None


def _identity(route: str, thread: str, number: int, stage: Stage, now: float) -> str:
    text = f"{route}\n{thread}\n{number}\n{stage}\n{now!r}"
    return hashlib.blake2b(text.encode(), digest_size=16, usedforsecurity=False).hexdigest()
