"""Whether a route or a channel works: one message of its own, delivered now, around the outbox."""

import time
from collections.abc import Sequence

from lvsmon.alerts.alert import Alert, Stage
from lvsmon.alerts.condition import Condition, Severity, Subject
from lvsmon.alerts.engine import Due
from lvsmon.alerts.facts import About
from lvsmon.alerts.render import Renderer
from lvsmon.alerts.route import Route
from lvsmon.alerts.setup import Setup
from lvsmon.alerts.threads import Message, Thread
from lvsmon.errors import ActionFailed
from lvsmon.monitor.alerting.courier import deliver


def aims(setup: Setup, name: str) -> tuple[Route, Sequence[str]]:
    """Return the route called ``name`` with its channels, or for a channel a route to it; raise KeyError."""
    for route in setup.routes:
        if route.name == name:
            return route, route.to
    if name in setup.channels:
        return Route(name="test", to=(name,)), (name,)
    raise KeyError(name)


def trial(route: Route, director: str, now: float) -> Alert:
    """Return a message of ``route`` that says that it is a test."""
    condition = Condition(
        severity=Severity.WARN, subject=Subject(), summary="this is a test, nothing is wrong", since=now,
    )  # fmt: skip
    thread = Thread(id=f"test-{now:.0f}", since=now, number=1)
    message = Message(stage=Stage.TEST, thread=thread, conditions=(condition,))
    return Renderer(About(director, route.zone)).alert(Due(route, message), now)


async def try_out(setup: Setup, name: str, director: str) -> list[tuple[str, ActionFailed | None]]:
    """Deliver a test to each channel of route or channel ``name``; return what became of it. Raise KeyError."""
    route, channels = aims(setup, name)
    alert = trial(route, director, time.time())
    return [(channel, await deliver(setup.channels[channel], channel, alert)) for channel in channels]
