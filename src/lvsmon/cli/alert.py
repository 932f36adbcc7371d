"""``lvsmon alert``: what is open, taking it on, trying a route, replaying a recorded stream."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from lvsmon.cli import terminal
from lvsmon.text import encodable, escape

if TYPE_CHECKING:
    from lvsmon.alerts.engine import State
    from lvsmon.alerts.outbox import Entry
    from lvsmon.alerts.setup import Setup
    from lvsmon.config.plan import Plan

BAD_USAGE: Final = 2
COULD_NOT: Final = 3

_config = click.option(
    "--config", "-c", "path", type=click.Path(path_type=Path), envvar="LVSMON_CONFIG", show_envvar=True,
    help="The main configuration file.  [default: /etc/lvsmon/lvsmon.toml]",
)  # fmt: skip


def _plan(path: Path | None) -> "Plan":
    from lvsmon.config import DEFAULT_PATH, load
    from lvsmon.errors import ConfigError

    try:
        return load(path or DEFAULT_PATH)
    except ConfigError as error:
        terminal.complain("alert", str(error))
        sys.exit(BAD_USAGE)


@click.group("alert")
def command() -> None:
    """Say what is wrong, take it on, try a route, replay a stream."""


@command.command("list")
@_config
def list_(path: Path | None) -> None:
    """Say which incidents are open, what each route has sent, and what waits for each channel."""
    import time

    from lvsmon.alerts.facts import harmless, lasting
    from lvsmon.errors import StateError
    from lvsmon.store.alerts import AlertStore

    plan = _plan(path)
    try:
        store = AlertStore.read(plan.state_directory)
        state, waiting = store.load()
    except StateError as error:
        terminal.complain("alert", str(error))
        sys.exit(COULD_NOT)
    now = time.time()
    for incident in sorted(state.incidents.values(), key=lambda one: one.opened):
        ack = incident.acknowledged
        taken = f", {harmless(ack.user, 64)} has taken it on" if ack and incident.is_acknowledged(now) else ""
        lasted = lasting(now - incident.condition.since)
        click.echo(
            f"{incident.id}  {incident.condition.severity}  {harmless(incident.condition.summary)}, {lasted}{taken}"
        )
    if not state.incidents:
        click.echo("no incident is open")
    for line in (*_routes(plan.alerting, state), *_channels(plan.alerting, waiting, now)):
        click.echo(line)
    store.close()


def _routes(setup: "Setup", state: "State") -> Iterator[str]:
    """Yield what each route has sent, in the order in which they are asked."""
    from lvsmon.alerts.holding import Account

    for route in setup.routes:
        account = state.accounts.get(route.name, Account())
        held = 0 if account.held is None else account.held.total
        sent = f"{account.messages} messages, {account.held_back} held back, {held} of them now"
        takes = ", ".join(sorted(route.severities)) or "everything"
        yield f"route {route.name}: {takes} to {', '.join(route.to)}: {sent}"


def _channels(setup: "Setup", waiting: Sequence["Entry"], now: float) -> Iterator[str]:
    """Yield what waits for each channel, also for those that the configuration has no more."""
    from lvsmon.alerts.facts import lasting

    kinds = {name: channel.kind for name, channel in setup.channels.items()}
    for name in sorted(kinds.keys() | {entry.channel for entry in waiting}):
        mine = [entry for entry in waiting if entry.channel == name]
        asked = max((entry.asked - now for entry in mine), default=0.0)
        alone = f", asks to be left alone for {lasting(asked)}" if asked > 0 else ""
        yield f"channel {name} ({kinds.get(name, 'not configured')}): {len(mine)} wait{alone}"
        for entry in mine:
            tried = f", tries: {entry.tries}" if entry.tries else ""
            yield f"  waits for {name} since {lasting(now - entry.put_at)}{tried}: {entry.alert.subject}"


@command.command()
@_config
@click.argument("incident")
@click.option("--comment", "-m", default="", help="Why, or what is being done.")
@click.option("--for", "duration", metavar="DURATION", help="How long, such as 2h.  [default: until it is over]")
@click.option("--user", envvar="USER", default="somebody", show_default=True, help="Who takes it on.")
@click.option("--undo", is_flag=True, help="Take it back.")
def ack(*, path: Path | None, incident: str, comment: str, duration: str | None, user: str, undo: bool) -> None:
    """Take INCIDENT on: it is repeated to nobody until it is over. `lvsmon alert list` shows what it is called."""
    import time

    from lvsmon.alerts.facts import LONGEST
    from lvsmon.alerts.incidents import Acknowledgement
    from lvsmon.errors import StateError
    from lvsmon.model.settings import duration as seconds
    from lvsmon.store.alerts import AlertStore

    now = time.time()
    try:
        until = None if duration is None else now + seconds(duration)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from None
    try:
        store = AlertStore.open(_plan(path).state_directory)
        names = {one.id for one in store.load()[0].incidents.values()}
        if incident not in names:
            said = f"no incident is called {escape(incident)}: `lvsmon alert list` shows what there is"
            terminal.complain("alert", said)
            sys.exit(BAD_USAGE)
        who, why = encodable(user)[:LONGEST], encodable(comment)[:LONGEST]
        store.ask(incident, None if undo else Acknowledgement(user=who, comment=why, at=now, until=until))
        store.close()
    except StateError as error:
        terminal.complain("alert", str(error))
        sys.exit(COULD_NOT)


@command.command()
@_config
@click.argument("name")
def test(*, path: Path | None, name: str) -> None:
    """Send a test by the route or the channel NAME. Exit status 1 if a channel did not take it."""
    import asyncio
    import socket

    from lvsmon.oneshot.alerting.trial import try_out

    setup = _plan(path).alerting
    try:
        results = asyncio.run(try_out(setup, name, socket.gethostname()))
    except KeyError:
        known = ", ".join([*(route.name for route in setup.routes), *setup.channels]) or "nothing is configured"
        terminal.complain("alert", f"no route and no channel is called {escape(name)}: there is {known}")
        sys.exit(BAD_USAGE)
    for channel, failure in results:
        click.echo(f"{channel}: " + ("taken" if failure is None else escape(f"not taken: {failure}")))
    sys.exit(1 if any(failure is not None for _, failure in results) else 0)


@command.command()
@_config
@click.argument("file", type=click.File())
def simulate(*, path: Path | None, file: TextIO) -> None:
    """Replay a recorded stream (JSON lines) against the routes: who would have been told what, and when.

    Nothing is sent. docs/reference/alerts.md says what a line holds.
    """
    import socket

    from lvsmon.alerts.facts import lasting, told_at
    from lvsmon.oneshot.alerting.simulate import read, simulate, stride

    setup = _plan(path).alerting
    try:
        records = read(file)
    except UnicodeDecodeError:
        terminal.complain("alert", f"{escape(file.name)}: not UTF-8: write JSON lines")
        sys.exit(BAD_USAGE)
    except ValueError as error:
        terminal.complain("alert", f"{escape(file.name)}: {escape(str(error))}")
        sys.exit(BAD_USAGE)
    count = 0
    for route, alert in simulate(records, setup.routes, socket.gethostname()):
        count += 1
        click.echo(
            f"{told_at(alert.at, route.zone)}  {route.name} -> {', '.join(route.to)}  {alert.stage}: {alert.subject}"
        )
    click.echo(f"{count} messages")
    if (exact := stride(records)) > 1:
        click.echo(f"The stream is long: it was looked at every {lasting(exact)}, and times are as exact.", err=True)
