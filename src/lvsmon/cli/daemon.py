"""lvsmon daemon: run for months, keep the table right."""

import asyncio
import signal
import sys
from pathlib import Path

import click

from lvsmon import logs
from lvsmon.config import DEFAULT_PATH, Plan, load
from lvsmon.daemon import Daemon
from lvsmon.errors import ConfigError, StateError
from lvsmon.store import Store
from lvsmon.store.lock import Lock


@click.command("daemon")
@click.option(
    "--config", "-c", "path", type=click.Path(path_type=Path), envvar="LVSMON_CONFIG", show_envvar=True,
    default=DEFAULT_PATH, show_default=True, help="The main file, or the directory that holds lvsmon.toml.",
)  # fmt: skip
@click.option("--log-level", type=click.Choice(logs.LEVELS), help="Instead of the one in the configuration.")
@click.option("--log-format", type=click.Choice(logs.FORMATS), default="logfmt", show_default=True)
def command(path: Path, log_level: str | None, log_format: str) -> None:
    """Probe without end and keep the IPVS table right.

    SIGHUP loads the configuration anew, SIGTERM stops and leaves the table serving. Logs go to standard error. Exit
    status: 0 after SIGTERM, 2 if the configuration is refused, 3 if the state directory cannot be used or another
    lvsmon holds it.
    """
    # Until the daemon hears it, a SIGHUP waits: it would end the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        plan = load(path)
        logs.set_up(log_level or plan.log_level, log_format)
        with Lock.acquire(plan.state_directory, "daemon"):
            asyncio.run(_run(path, plan, Store.open_anyway(plan.state_directory)))
    except ConfigError as error:
        click.echo(error, err=True)
        sys.exit(2)
    except StateError as error:
        click.echo(error, err=True)
        sys.exit(3)


async def _run(path: Path, plan: Plan, store: Store) -> None:
    await Daemon(path, plan, store).run()
