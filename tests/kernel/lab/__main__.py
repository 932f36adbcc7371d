"""The lab's commands, as the Makefile calls them.

python -m kernel.lab test [--or-say] [--guests N] [ARGUMENTS OF PYTEST]     boot, run tests/kernel, power off
python -m kernel.lab run COMMAND [ARGUMENT …]                  boot, run one program as root, power off
python -m kernel.lab chaos [--minutes N] [--seed N]            boot, and a chaos run: see docs/chaos.md
python -m kernel.lab shell [masq|route [DAEMON …]]             boot, and a shell; with a network if one is named
python -m kernel.lab network masq|route [DAEMON …]             in the guest: build a network and open a shell
"""

import argparse
import os
import platform
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from kernel.lab import boot, packages
from kernel.lab.packages import LabUnavailable

LIMIT: Final = 1200.0
"""Seconds for all of tests/kernel, before the guest is taken for hung: more than twice what a slow machine needs."""

CHAOS_MINUTES: Final = 5.0

CHECKOUT: Final = Path(__file__).resolve().parents[3]
TESTS: Final = "tests/kernel"


def main(arguments: list[str]) -> int:
    for signum in (signal.SIGTERM, signal.SIGHUP):  # an end asked for ends the guest too
        signal.signal(signum, lambda number, _frame: sys.exit(128 + number))
    command, *rest = arguments or ["help"]
    try:
        if command == "test":
            return _test(rest)
        if command == "run" and rest:
            return _boot(shlex.join(rest), limit=LIMIT)[0]
        if command == "chaos":
            return _chaos(rest)
        if command == "shell":
            return _boot(_shell_script(rest), limit=None)[0]
        if command == "network":
            return _network(*rest)
    except boot.GuestFailed as failure:
        _say(f"lab: {failure}")
        return 1
    except LabUnavailable as trouble:
        _say(f"lab: {trouble}")
        return 1
    _say(str(__doc__))
    return 2


def _test(words: list[str]) -> int:
    """Run the tests. With ``--or-say``, a machine that cannot is told so and passes; but CI must not pass that way.

    All of them are shared by two guests, where there are processors for both: most of their time is waiting.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--or-say", action="store_true")
    parser.add_argument("--guests", type=int)
    given, arguments = parser.parse_known_args(words)
    guests = given.guests or (1 if arguments else min(2, len(os.sched_getaffinity(0))))
    named = [argument for argument in arguments if (CHECKOUT / argument.partition("::")[0]).exists()]
    color = "yes" if sys.stdout.isatty() else "no"
    chosen = arguments or ["-m", "not slow"]  # what only measures takes minutes, and is asked for by name
    pytest = [sys.executable, "-m", "pytest", "-v", f"--color={color}", *chosen, *([] if named else [TESTS])]
    try:
        status, told = _boot(shlex.join(pytest), limit=LIMIT, guests=guests)
    except LabUnavailable as trouble:
        if not given.or_say or os.environ.get("CI"):
            raise
        _say(_box(f"LEFT OUT: {TESTS}, all that is shown on a real IPVS kernel", str(trouble)))
        return 0
    passed, failed, skipped = (sum(column) for column in zip(*(map(int, line.split()) for line in told), strict=True))
    _say(f"lab: {passed} passed, {failed} failed, {skipped} skipped")
    return status


def _chaos(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=CHAOS_MINUTES)
    given, others = parser.parse_known_args(arguments)
    command = [sys.executable, "-m", "kernel.chaos", "--minutes", f"{given.minutes:g}", *others]
    return _boot(f"PYTHONPATH=tests {shlex.join(command)}", limit=given.minutes * 60 * 1.5 + 180)[0]


def _boot(script: str, limit: float | None, guests: int = 1) -> tuple[int, list[str]]:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise LabUnavailable("user-mode linux, the lab's kernel, is for Linux on x86-64 only")
    folder = packages.cache_folder()
    packages.ensure(folder)
    kernel = packages.find_program("linux.uml", folder)
    if kernel is None:
        raise LabUnavailable("linux.uml is not here")
    job = boot.Job(kernel=kernel, script=script, checkout=CHECKOUT, packages=folder, limit=limit, guests=guests)
    return boot.run(job)


def _shell_script(network: list[str]) -> str:
    command = [sys.executable, "-m", "kernel.lab", "network", *network] if network else ["bash"]
    hint = "root in the lab: nothing you write reaches the host; `exit` powers it off"
    return f"echo {shlex.quote(hint)}\nPYTHONPATH=tests setsid --ctty {shlex.join(command)} </dev/tty0 >/dev/tty0 2>&1"


def _network(forward: str = "masq", *daemons: str) -> int:
    from kernel.lab.topology import built

    with built(forward) as network:
        for daemon in daemons:
            network.launch(daemon)
        _say("hosts: director, client, rs1, rs2, rs3; for one of them: ip netns exec director ipvsadm -Ln")
        return subprocess.run(["bash"], check=False).returncode


def _box(title: str, reason: str) -> str:
    lines = [title, "", *reason.splitlines(), "", "Where Debian's packages are in reach (no root needed): make lab"]
    width = max(map(len, lines))
    edge = "*" * (width + 4)
    return "\n".join(["", edge, *(f"* {line:<{width}} *" for line in lines), edge])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
