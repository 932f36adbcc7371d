"""The command line: one file per command, loaded when it is called."""

import sys
from importlib import import_module
from typing import Any, Final

import click

_FAILED: Final = 3
"""What `lvsmon check` and `lvsmon probe` end with where they cannot tell."""

_INTERRUPTED: Final = 130
"""What a shell says of a program that SIGINT ended."""

_COMMANDS: dict[str, str] = {
    "alert": "lvsmon.cli.alert",
    "availability": "lvsmon.cli.availability",
    "check": "lvsmon.cli.check",
    "config": "lvsmon.cli.config",
    "daemon": "lvsmon.cli.daemon",
    "demo": "lvsmon.cli.demo",
    "disable": "lvsmon.cli.disable",
    "drain": "lvsmon.cli.drain",
    "enable": "lvsmon.cli.enable",
    "explain": "lvsmon.cli.explain",
    "history": "lvsmon.cli.history",
    "maintenance": "lvsmon.cli.maintenance",
    "pause": "lvsmon.cli.pause",
    "plan": "lvsmon.cli.plan",
    "probe": "lvsmon.cli.probe",
    "reload": "lvsmon.cli.reload",
    "resume": "lvsmon.cli.resume",
    "status": "lvsmon.cli.status",
    "weight": "lvsmon.cli.weight",
}


class _Commands(click.Group):
    """Finds a command by its file's name, so that a one-shot run loads nothing it does not use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(_COMMANDS[cmd_name]).command
        assert isinstance(command, click.Command)  # noqa: S101  the table names files of ours
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Ctrl-C is told as such wherever it comes, and click's own 1 would mean "down".

        So would Python's, of an exception that nobody expected: a bug of ours, or a director without descriptors.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception:  # noqa: BLE001  whatever it is
            sys.excepthook(*sys.exc_info())
            sys.exit(_FAILED)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lvsmon")
def main() -> None:
    """Health monitor for the directors of Linux Virtual Server (IPVS)."""
