"""Alerts as a stream: what is wrong second by second, and what is told."""

from lvsmon.alerts.condition import Condition, Severity, Subject
from lvsmon.alerts.engine import State, acknowledge, advance
from lvsmon.alerts.incidents import Acknowledgement
from lvsmon.alerts.route import Route

START = 1_700_000_000.0
"""2023-11-14, a Tuesday, 22:13:20 UTC."""


def condition(name, severity=Severity.DOWN, **more):
    """Return the condition of ``virtual/realserver``, or of a whole virtual service where there is no slash."""
    virtual, _, realserver = name.partition("/")
    subject = Subject(virtual, realserver, f"{realserver}:80" if realserver else "")
    return Condition(severity=severity, subject=subject, summary=f"{name} is {severity}", **more)


def route(**settings):
    return Route(**{"name": "all", "to": ("mail",), "group_wait": 0.0, "limit": None, **settings})


class Stream:
    """Time goes on second by second; ``told`` is (seconds since the start, stage, what is in it)."""

    def __init__(self, *routes, roundtrip=lambda state: state, start=START):
        self.routes = routes or (route(),)
        self.state, self.now, self.start = State(), start, start
        self.roundtrip = roundtrip
        self.due, self.told = [], []

    def see(self, *conditions, seconds=1):
        """Let ``conditions`` hold for so many seconds."""
        for _ in range(seconds):
            self.step(conditions)
            self.now += 1
        return self

    def step(self, conditions):
        step = advance(self.state, self.routes, conditions, self.now)
        self.state = self.roundtrip(step.state)
        for due in step.due:
            self.due.append(due)
            message = due.message
            names = sorted(
                "/".join(filter(None, (one.subject.virtual, one.subject.realserver))) for one in message.conditions
            )
            self.told.append((int(self.now - self.start), str(message.stage), " ".join(names)))
        return step

    def acknowledge(self, name, until=None):
        incident = next(one for one in self.state.incidents.values() if one.condition.summary.startswith(name + " "))
        ack = Acknowledgement(
            user="anna", comment="on it", at=self.now, until=None if until is None else self.now + until
        )
        self.state = acknowledge(self.state, incident.id, ack)
        return self
