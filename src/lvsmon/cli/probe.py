"""``lvsmon probe``: run one probe by hand and show the dialogue as it happened."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from lvsmon.cli import terminal

if TYPE_CHECKING:
    from lvsmon.config.words import Order
    from lvsmon.monitor.run import Run
    from lvsmon.oneshot.byhand.place import Place

BAD_USAGE: Final = 2
_LEAST: Final = 1024
_MOST: Final = 16 * 1024 * 1024
_FORMS: Final = ("text", "json")


def _bytes(ctx: click.Context, param: click.Parameter, value: str) -> int:  # noqa: ARG001  click's
    """Read a size with its unit."""
    from lvsmon.model.settings import size

    try:
        count = size(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not _LEAST <= count <= _MOST:
        raise click.BadParameter(f"write a size from 1KiB to 16MiB, not {value}")
    return count


@click.command("probe", add_help_option=False)
@click.argument("words", nargs=-1, metavar="KIND ADDRESS[:PORT] [key=value]... | VIRTUAL/REALSERVER")
@click.option("--list", "listing", is_flag=True, help="List the kinds of probes, those of plug-ins included.")
@click.option("--output", "-o", type=click.Choice(_FORMS), default="text", show_default=True)
@click.option(
    "--bytes", "limit", metavar="SIZE", callback=_bytes, default="16KiB", show_default=True,
    help="How much of the dialogue is shown: half from its beginning, half from its end.",
)  # fmt: skip
@click.option("-4", "family", flag_value="4", help="Look for an IPv4 address of a host name.")
@click.option("-6", "family", flag_value="6", help="Look for an IPv6 address of a host name.")
@click.option(
    "--config", "-c", "path", type=click.Path(path_type=Path), envvar="LVSMON_CONFIG", show_envvar=True,
    help="The main configuration file, for VIRTUAL/REALSERVER.  [default: /etc/lvsmon/lvsmon.toml]",
)  # fmt: skip
@click.option(
    "--dest", metavar="VIRTUAL/REALSERVER",
    help="Have the daemon run the probes of this destination now: ordinary runs, which count.",
)  # fmt: skip
@click.option(
    "--socket", type=click.Path(path_type=Path), envvar="LVSMON_SOCKET", show_envvar=True,
    help="With --dest: where the daemon listens.  [default: from the main file, or /run/lvsmon/control.sock]",
)  # fmt: skip
@click.option("-h", "--help", "helping", is_flag=True, help="Show this message, or after a KIND its settings.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    words: tuple[str, ...],
    *,
    listing: bool,
    output: str,
    helping: bool,
    dest: str | None,
    socket: Path | None,
    **wanted: Any,
) -> None:
    """Run one probe by hand: show the dialogue, the verdict, what it means and what usually causes it.

    \b
    lvsmon probe http 10.1.0.11 path=/health hostname=shop.example.org
    lvsmon probe smtp mail.example.org:587
    lvsmon probe shop/rs1          what the configuration probes there
    lvsmon probe --dest shop/rs1   the daemon's own probes of it, run now

    The settings of a KIND are told by `lvsmon probe KIND --help`. Secrets are shown as stars. Nothing is written, and
    nothing counts for rise and fall, but with --dest.

    \b
    Exit status: 0 PASS, 1 WARN or FAIL, 2 wrong usage or configuration,
    3 UNKNOWN.
    """  # noqa: D301  click wants the character itself
    from lvsmon import logs

    logs.set_up("warning")
    if listing:
        _list(words)
    elif helping:
        _help(ctx, words)
    elif dest is not None:
        if words:
            raise click.UsageError("--dest takes nothing else: the daemon's probes are as they are configured")
        from lvsmon.cli.probe_dest import probe_now

        probe_now(dest, output, socket, wanted["path"])
    elif words and "/" in words[0]:
        _configured(words, output, **wanted)
    else:
        _by_hand(words, output, **wanted)


def _list(words: tuple[str, ...]) -> None:
    from lvsmon.oneshot.byhand.kinds import listing

    if words:
        raise click.UsageError("--list takes nothing else: for one kind's settings ask with --help behind it")
    terminal.show(listing(terminal.width()))


def _help(ctx: click.Context, words: tuple[str, ...]) -> None:
    if not words:
        click.echo(ctx.get_help())
        return
    from lvsmon.config.kinds import Kinds
    from lvsmon.oneshot.byhand.kinds import describe

    try:
        kind = Kinds().get(words[0])
    except ValueError as error:
        _refuse(str(error))
    terminal.show(describe(kind, terminal.width()))


def _by_hand(words: tuple[str, ...], output: str, limit: int, family: str | None, path: Path | None) -> NoReturn:  # noqa: ARG001
    if len(words) < 2:
        raise click.UsageError("give a kind and an address, such as: lvsmon probe tcp 192.0.2.10:80 (kinds: --list)")
    from lvsmon.config.words import read
    from lvsmon.errors import ConfigError
    from lvsmon.oneshot.byhand import place

    kind, text, *settings = words
    wrong, found = [], None
    try:
        found = place.parse(text)
    except ValueError as error:
        wrong.append(str(error))
    try:
        order = read(kind, settings, found.host if found is not None and found.is_name else None)
    except ConfigError as error:
        wrong += [str(one).removeprefix(": ") for one in error.complaints]
    if wrong or found is None:
        _refuse("\n".join(wrong))
    port = _port(order, found)
    for secret in order.exposed:
        terminal.complain("probe", f"note: others can read {secret} here (ps): use {secret}_file or {secret}_env")
    _end([_run(order, found, port, limit, family)], output)


def _port(order: "Order", found: "Place") -> int:
    """Return the port to probe, 0 where it does without; or end where one is missing."""
    from lvsmon.probes.base import needs_port

    if found.port is not None and order.aim.port not in (None, found.port):
        _refuse(f"port: is {found.port} behind the address and {order.aim.port} here: write it once")
    port: int | None = found.port or order.aim.port
    if not order.kind.uses_port:
        if port is not None:
            _refuse(f"port: {order.kind.name} has no use for a port: leave {port} out")
        return 0
    port = port or getattr(order.probe, "default_port", None)
    if port is None and not needs_port(order.probe):
        return 0
    if port is None:
        _refuse(f"port: {order.kind.name} has no usual port: write one behind the address, as {_with_port(found)}")
    return port


def _with_port(found: "Place") -> str:
    return f"[{found.host}]:80" if ":" in found.host else f"{found.host}:80"


def _run(order: "Order", found: "Place", port: int, limit: int, family: str | None) -> "Run":
    from lvsmon.errors import LocalFault
    from lvsmon.oneshot.byhand import place, running
    from lvsmon.probes.base import aim

    name = found.host if found.is_name else None
    addresses = [found.host]
    timeout = float(order.aim.timeout)
    if found.is_name:
        try:
            addresses = list(place.resolve(found.host, timeout, _FAMILIES[family]))
        except LocalFault as error:
            return running.not_run(order.kind.name, found.host, timeout, error)
    about = order.aim
    vip = about.vip or (None if about.hostname else addresses[0])  # whoever names an address means it as clients do
    target = aim(order.probe, addresses[0], port, hostname=about.hostname, vip=vip, vport=about.vport)
    return running.run(order.probe, target, timeout, limit, name=name, others=tuple(addresses[1:]))


_FAMILIES: Final = {None: socket.AF_UNSPEC, "4": socket.AF_INET, "6": socket.AF_INET6}


def _configured(words: tuple[str, ...], output: str, limit: int, family: str | None, path: Path | None) -> NoReturn:  # noqa: ARG001
    from lvsmon.config import DEFAULT_PATH, load
    from lvsmon.errors import ConfigError
    from lvsmon.monitor.selection import UnknownName
    from lvsmon.oneshot.byhand import running, structured

    name, *more = words
    virtual, _, realserver = name.partition("/")
    if more:
        raise click.UsageError(f"{name} is probed as configured: leave {' '.join(more)} out")
    try:
        runs = running.run_configured(load(path or DEFAULT_PATH), virtual, realserver, limit)
    except (ConfigError, UnknownName) as error:
        _refuse(str(error))
    if output == "json":
        made = list(runs)
        terminal.show(structured.many(virtual, realserver, made))
        sys.exit(running.exit_code(made))
    _end(runs, output)


def _end(runs: "Iterator[Run] | list[Run]", output: str) -> NoReturn:
    """Tell each run as soon as it is over."""
    from lvsmon.oneshot.byhand import running, structured
    from lvsmon.oneshot.byhand.telling import tell

    made: list[Run] = []
    for run in runs:
        text = structured.one(run) if output == "json" else tell(run, terminal.width())
        terminal.show("\n" + text if made else text)
        made.append(run)
    sys.exit(running.exit_code(made))


def _refuse(text: str) -> NoReturn:
    terminal.complain("probe", text)
    sys.exit(BAD_USAGE)
