"""``lvsmon check``: probe everything once, say what was found, on request put the kernel's table right."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from lvsmon.cli import terminal
from lvsmon.oneshot.outputs import OUTPUTS
from lvsmon.oneshot.outputs.layout import Layout, Threshold

if TYPE_CHECKING:
    from lvsmon.oneshot.job import OpenTable, Request
    from lvsmon.oneshot.report import Report

_LONGEST: Final = 86400.0  # seconds: a look of more than a day is a slip of the pen

BAD_USAGE: Final = 2
COULD_NOT: Final = 3
DEFERRED: Final = 75
"""EX_TEMPFAIL of sysexits.h: another look is at work; nothing was probed."""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:  # noqa: ARG001  click's
    """Read a duration with its unit."""
    from lvsmon.model.settings import duration

    if value is None:
        return None
    try:
        seconds = duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if seconds > _LONGEST:
        raise click.BadParameter(f"{value} is longer than a day")
    return seconds


def _threshold(ctx: click.Context, param: click.Parameter, value: str) -> Threshold:  # noqa: ARG001  click's
    """Read "2" or "50%"."""
    try:
        return Threshold.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--config", "-c", "path", type=click.Path(path_type=Path), envvar="LVSMON_CONFIG", show_envvar=True,
    help="The main configuration file.  [default: /etc/lvsmon/lvsmon.toml]",
)  # fmt: skip
@click.option("--apply", is_flag=True, help="Write the kernel's table, with rise and fall counted over runs.")
@click.option("--dry-run", is_flag=True, help="Print what --apply would write, as ipvsadm commands; write nothing.")
@click.option("--alert", is_flag=True, help="Tell people, by the routes of the configuration, what is wrong or over.")
@click.option("--output", "-o", type=click.Choice(list(OUTPUTS)), default="table", show_default=True)
@click.option(
    "--output-file", "file", type=click.Path(path_type=Path),
    help="Write there, whole or not at all, in place of printing.",
)  # fmt: skip
@click.option(
    "--deadline", metavar="DURATION", callback=_seconds,
    help="Longest time for probing and telling, such as 20s.  [default: from the probes' timeouts]",
)  # fmt: skip
@click.option(
    "--wait", metavar="DURATION", callback=_seconds, default="0s", show_default=True,
    help="With --apply and --alert: how long to wait for another run to end.",
)  # fmt: skip
@click.option(
    "--warning-below", metavar="NUMBER|PERCENT", callback=_threshold, default="100%", show_default=True,
    help="nagios: WARNING if fewer destinations of a virtual service are up.",
)  # fmt: skip
@click.option(
    "--critical-below", metavar="NUMBER|PERCENT", callback=_threshold, default="1", show_default=True,
    help="nagios: CRITICAL if fewer destinations of a virtual service are up.",
)  # fmt: skip
def command(
    *,
    path: Path | None,
    apply: bool,
    dry_run: bool,
    alert: bool,
    output: str,
    file: Path | None,
    warning_below: Threshold,
    critical_below: Threshold,
    **wanted: Any,
) -> None:
    """Probe every realserver once and say what was found.

    NAMEs of virtual services or realservers limit the look to them. Without a configuration, the destinations in the
    kernel's table are probed by what their ports suggest.

    \b
    Exit status: 0 everything up, 1 something down, 2 wrong usage or
    configuration, 3 could not tell or could not write, 75 another run is at
    work.
    With --output nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """  # noqa: D301  click wants the character itself
    from lvsmon.oneshot.report import Mode

    if apply and dry_run:
        raise click.UsageError("--apply writes and --dry-run does not: give one of them")
    if alert and dry_run:
        raise click.UsageError("--alert remembers whom it told and --dry-run writes nothing: give one of them")
    if wanted["deadline"] == 0:
        raise click.UsageError("--deadline: no time at all is not enough")
    layout = Layout(
        width=terminal.width() if file is None else None,
        arrow="→" if file is not None or terminal.has("→") else "->",
        warning_below=warning_below,
        critical_below=critical_below,
    )
    telling = _Telling(output, file, layout)
    mode = Mode.APPLY if apply else Mode.DRY_RUN if dry_run else Mode.LOOK
    telling.tell(_look(telling, path, {"mode": mode, "alert": alert, **wanted}))


class _Telling:
    """Where the answer goes, and in which form."""

    def __init__(self, output: str, file: Path | None, layout: Layout) -> None:
        self._output = output
        self._file = file
        self._layout = layout

    def tell(self, report: "Report") -> NoReturn:
        """Write the report and end."""
        text, code = import_module(OUTPUTS[self._output]).render(report, self._layout)
        for note in report.notes:
            terminal.complain("check", note)
        if report.failure is not None:
            terminal.complain("check", report.failure)
        elif report.table_error is not None:
            terminal.complain("check", f"weights are unknown, the IPVS table cannot be read: {report.table_error}")
        for change in report.failed_changes:
            terminal.complain("check", f"refused: {change.error}")
        self._write(text)
        sys.exit(code)

    def give_up(self, text: str, code: int) -> NoReturn:
        """Say why there is nothing to report, and end; a monitoring system reads it as UNKNOWN."""
        terminal.complain("check", text)
        if self._output == "nagios":
            from lvsmon.oneshot.outputs.nagios import line

            self._write(line(COULD_NOT, text.replace("\n", "; ")))
            sys.exit(COULD_NOT)
        sys.exit(code)

    def _write(self, text: str) -> None:
        if self._file is None:
            terminal.show(text)
            return
        from lvsmon.errors import StateError
        from lvsmon.oneshot.output_file import write

        try:
            write(self._file, text)
        except StateError as error:
            terminal.complain("check", str(error))
            sys.exit(COULD_NOT)


def _look(telling: _Telling, path: Path | None, wanted: Mapping[str, Any]) -> "Report":
    """Make the look; ``wanted`` are the fields of its Request that the command line gives."""
    from lvsmon import logs
    from lvsmon.actions.ipvs.open import open_ipvs
    from lvsmon.config.plan import Backend
    from lvsmon.errors import ConfigError, LockHeld, StateError
    from lvsmon.monitor.selection import UnknownName
    from lvsmon.oneshot import job
    from lvsmon.oneshot.report import Mode

    logs.set_up("warning")
    try:
        if path is None and _absent(default_path()):
            if wanted["mode"] is not Mode.LOOK or wanted["alert"]:
                needs = "--apply, --dry-run and --alert need"
                telling.give_up(f"nothing is configured: {needs} {default_path()}", BAD_USAGE)
            backend = Backend.NETLINK
            request = _unconfigured(telling, lambda: open_ipvs(backend))
        else:
            from lvsmon.config import load

            request = job.Request(plan=load(path or default_path()))
            if wanted["alert"] and not request.plan.alerting:
                telling.give_up("--alert: no [[alert]] of the configuration says who is told of what", BAD_USAGE)
            backend = request.plan.backend
        return job.look(replace(request, **wanted), lambda: open_ipvs(backend))
    except (ConfigError, UnknownName) as error:
        telling.give_up(str(error), BAD_USAGE)
    except LockHeld as error:
        if error.what == job.LOCK_NAME:
            telling.give_up(f"{error}: this run gives way and probes nothing (--wait 30s would wait for it)", DEFERRED)
        advice = "it writes the table and alerts by itself: stop it first, or look without --apply and --alert"
        telling.give_up(f"{error}: {advice}", COULD_NOT)
    except StateError as error:
        telling.give_up(str(error), COULD_NOT)


def _unconfigured(telling: _Telling, open_table: "OpenTable") -> "Request":
    """Return the request for a look at what is in the kernel's table."""
    from lvsmon.errors import IpvsError
    from lvsmon.oneshot.discover import discovered
    from lvsmon.oneshot.job import Request

    try:
        table = open_table()
        try:
            plan, unprobed = discovered(table.dump(counters=False))
        finally:
            table.close()
    except IpvsError as error:
        telling.give_up(f"nothing is configured ({default_path()} is not there)\n{error}", COULD_NOT)
    if not plan.virtuals:
        telling.give_up(f"nothing is configured ({default_path()} is not there)\nthe IPVS table is empty", COULD_NOT)
    terminal.complain(
        "check",
        "nothing is configured: this is what the kernel's table holds, probed by what the ports suggest\n"
        f"to have the table kept right, describe it in {default_path()} (see `lvsmon config --help`)",
    )
    return Request(plan=plan, unprobed=unprobed, configured=False)


def default_path() -> Path:
    """Return where the configuration is when nobody says otherwise."""
    from lvsmon.config import DEFAULT_PATH

    return DEFAULT_PATH


def _absent(path: Path) -> bool:
    """Say whether there is no such file; one that may not be read is there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
