"""Start the guests, hand their consoles on, and bring their exit statuses out.

The host's files are a guest's root, read-only; all that a guest writes stays in its memory, but for one new folder in
the host's temporary directory, which goes with the run: exit statuses, and which guest has taken which test.
"""

import os
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from kernel.lab.packages import LabUnavailable

MEMORY_MB: Final = 1024
LAST_LINES: Final = 40
"""Console lines repeated when a guest dies: a kernel panic with its trace has about thirty."""

CANARY: Final = "canary"
"""A file of the host that a test in the guest writes over."""

_MARK: Final = b"%d| "
"""Before the lines of each guest, where there are several."""

HIDDEN: Final = ("/run", "/proc", "/sys", "/dev", "/mnt")
"""Folders of the host that the guest has replaced by its own: a checkout there could not be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a guest is to do: shell text, run in the checkout; ``limit`` in seconds, None for a shell of a person.

    Of several guests each does the same; they share the work by what they find in the folder that all can write to.
    """

    kernel: Path
    script: str
    checkout: Path
    packages: Path
    limit: float | None
    guests: int = 1


class GuestFailed(Exception):
    """A guest died or ran out of time before it gave an exit status."""


def run(job: Job) -> tuple[int, list[str]]:
    """Boot, do the job, power off; return the job's exit status, and what it wrote to ``/results/told-NUMBER``.

    Of several guests it is the highest exit status, and what each told. Raise `GuestFailed` with the last console
    lines if one has none, or if a file of the host was changed; `LabUnavailable` if a guest cannot see this checkout.
    """
    for path in (job.checkout, Path(sys.prefix), Path(sys.base_prefix)):
        if str(path).startswith(tuple(f"{place}/" for place in HIDDEN)):
            raise LabUnavailable(f"{path} is under one of {', '.join(HIDDEN)}, which the guest has of its own: move it")
    with _folder() as base:
        results, canary = base / "results", base / CANARY
        (results / "taken").mkdir(parents=True)
        canary.write_text(CANARY)
        shutil.copy(Path(__file__).with_name("init.sh"), results / "init.sh")
        (results / "init.sh").chmod(0o755)
        (results / "job.sh").write_text(_job_text(job, canary))
        environment = {**os.environ, "TMPDIR": str(_memory_folder(results, job.guests))}
        guests = [_Guest(number, _command(job, results, number)) for number in range(1, job.guests + 1)]
        _attend(guests, environment, job.limit)
        _check_host(results, canary)
        return max(_status(results, guest) for guest in guests), [
            path.read_text() for path in sorted(results.glob("told-*"))
        ]


@dataclass(slots=True)
class _Guest:
    """One kernel, its number from 1, and the last lines of its console."""

    number: int
    command: list[str]
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    rest: bytes = b""
    """What has come of a line that has not ended."""

    def tail(self) -> str:
        return "\n".join(f"  | {line}" for line in self.last)


def _command(job: Job, results: Path, number: int) -> list[str]:
    return [
        str(job.kernel),
        f"mem={MEMORY_MB}M",
        "rootfstype=hostfs", "rootflags=/", "ro",
        f"init={results}/init.sh",
        f"LVSMON_LAB_GUEST={number}",  # what the kernel does not know is the environment of process 1
        f"uml_dir={results}",
        "con=null", "con0=fd:0,fd:1",
        "quiet", "loglevel=3", "panic=-1",
    ]  # fmt: skip


def _status(results: Path, guest: _Guest) -> int:
    status = results / f"status-{guest.number}"
    if not status.exists():
        raise GuestFailed(f"the guest ended without an exit status; its last console lines:\n{guest.tail()}")
    return int(status.read_text())


def _check_host(results: Path, canary: Path) -> None:
    """Look on the host for what a test in the guest did on purpose: it wrote over the canary and made files."""
    told = results / "written"
    made = told.read_text().splitlines() if told.exists() else []
    leaked = [path for path in made if Path(path).exists()]
    if leaked or not canary.exists() or canary.read_text() != CANARY:
        raise GuestFailed(f"the guest has changed files of the host: {', '.join(leaked) or canary}")


def _job_text(job: Job, canary: Path) -> str:
    settings = {
        "packages": job.packages,
        "checkout": job.checkout,
        "LVSMON_LAB_CANARY": canary,
        "columns": shutil.get_terminal_size((120, 24)).columns - (len(_MARK % 1) if job.guests > 1 else 0),
    }
    lines = [f"{name}={shlex.quote(str(value))}" for name, value in settings.items()]
    return "\n".join([*lines, "job() {", job.script, "}", ""])


@contextmanager
def _folder() -> Iterator[Path]:
    """Make the one folder that the guest can write to. Its path goes on the kernel's command line: no spaces."""
    base = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="lvsmon-lab-", dir="/tmp" if " " in base else base) as name:  # noqa: S108
        yield Path(name)


def _memory_folder(results: Path, guests: int) -> Path:
    """Return where the guests' memory is kept: shared memory, or a file where a container has too little of that."""
    shared = Path("/dev/shm")  # noqa: S108
    if shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > guests * MEMORY_MB << 20:
        return shared
    return results


def _attend(guests: Sequence[_Guest], environment: dict[str, str], limit: float | None) -> None:
    """Run the kernels' processes, pass their consoles on, end them with all that they started."""
    if limit is None:  # a person's terminal is the console, and `exit` in the shell powers off
        for guest in guests:
            subprocess.run(guest.command, env=environment, check=False)
        return
    with ExitStack() as stack:
        consoles = {stack.enter_context(_running(guest, environment)): guest for guest in guests}
        _hand_on(consoles, time.monotonic() + limit, limit)


@contextmanager
def _running(guest: _Guest, environment: dict[str, str]) -> Iterator[int]:
    """Start the kernel's process; give the descriptor of its console."""
    with (
        _guard() as register,
        subprocess.Popen(
            ["sh", "-c", 'echo $$ >&0 && exec "$@" </dev/null', "sh", *guest.command],
            stdin=register,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            process_group=0,
        ) as process,
        register,  # closed before the guest's end is waited for: till then its number cannot be another's
    ):
        assert process.stdout is not None
        yield process.stdout.fileno()


@contextmanager
def _guard() -> Iterator[IO[bytes]]:
    """Give a pipe: the process group whose number is written to it ends when nobody holds the pipe any more.

    Each program in the guest is a process of the host, in the group of the guest's kernel. That registers itself before
    it does anything else, and then this process alone holds the pipe: the guest ends with it, even if it is killed.
    """
    script = 'read -r group && { read -r _; kill -9 "-$group"; }'
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as guard:
        assert guard.stdin is not None
        yield guard.stdin


def _hand_on(consoles: dict[int, _Guest], deadline: float, limit: float) -> None:
    """Pass on what the guests say until the last has ended; of several, line by line."""
    several = len(consoles) > 1
    while consoles:
        ready, _, _ = select.select(list(consoles), [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            tails = "\n".join(guest.tail() for guest in consoles.values())
            raise GuestFailed(f"the guest was not done after {limit:g} s; its last console lines:\n{tails}")
        for console in ready:
            guest, data = consoles[console], os.read(console, 65536)
            if not data:
                del consoles[console]
                data = b"\n" if several and guest.rest else b""
            data = data.replace(b"\r\n", b"\n")
            *lines, guest.rest = (guest.rest + data).split(b"\n")
            guest.last.extend(line.decode("utf-8", "replace") for line in lines)
            if several:
                data = b"".join(_MARK % guest.number + line + b"\n" for line in lines)
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
