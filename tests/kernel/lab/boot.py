"""Start the guest, hand its console on, and bring its exit status out.

The host's files are the guest's root, read-only; all that the guest writes stays in its memory, but for one new folder
in the host's temporary directory (its exit status), which goes with the run.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from kernel.lab.packages import LabUnavailable

MEMORY_MB: Final = 1024
LAST_LINES: Final = 40
"""Console lines repeated when a guest dies: a kernel panic with its trace has about thirty."""

CANARY: Final = "canary"
"""A file of the host that a test in the guest writes over."""

HIDDEN: Final = ("/run", "/proc", "/sys", "/dev", "/mnt")
"""Folders of the host that the guest has replaced by its own: a checkout there could not be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the guest is to do: shell text, run in the checkout; ``limit`` in seconds, None for a shell of a person."""

    kernel: Path
    script: str
    checkout: Path
    packages: Path
    limit: float | None


class GuestFailed(Exception):
    """The guest died or ran out of time before it gave an exit status."""


def run(job: Job) -> int:
    """Boot, do the job, power off; return the job's exit status.

    Raise `GuestFailed` with the last console lines if there is none, or if a file of the host was changed;
    `LabUnavailable` if the guest cannot see this checkout.
    """
    for path in (job.checkout, Path(sys.prefix), Path(sys.base_prefix)):
        if str(path).startswith(tuple(f"{place}/" for place in HIDDEN)):
            raise LabUnavailable(f"{path} is under one of {', '.join(HIDDEN)}, which the guest has of its own: move it")
    with _folder() as base:
        results, canary = base / "results", base / CANARY
        results.mkdir()
        canary.write_text(CANARY)
        shutil.copy(Path(__file__).with_name("init.sh"), results / "init.sh")
        (results / "init.sh").chmod(0o755)
        (results / "job.sh").write_text(_job_text(job, canary))
        command = [
            str(job.kernel),
            f"mem={MEMORY_MB}M",
            "rootfstype=hostfs", "rootflags=/", "ro",
            f"init={results}/init.sh",
            f"uml_dir={results}",
            "con=null", "con0=fd:0,fd:1",
            "quiet", "loglevel=3", "panic=-1",
        ]  # fmt: skip
        environment = {**os.environ, "TMPDIR": str(_memory_folder(results))}
        last = _attend(command, environment, job.limit)
        _check_host(results, canary)
        status = results / "status"
        if not status.exists():
            tail = "\n".join(f"  | {line}" for line in last)
            raise GuestFailed(f"the guest ended without an exit status; its last console lines:\n{tail}")
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
        "columns": shutil.get_terminal_size((120, 24)).columns,
    }
    lines = [f"{name}={shlex.quote(str(value))}" for name, value in settings.items()]
    return "\n".join([*lines, "job() {", job.script, "}", ""])


@contextmanager
def _folder() -> Iterator[Path]:
    """Make the one folder that the guest can write to. Its path goes on the kernel's command line: no spaces."""
    base = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="lvsmon-lab-", dir="/tmp" if " " in base else base) as name:  # noqa: S108
        yield Path(name)


def _memory_folder(results: Path) -> Path:
    """Return where the guest's memory is kept: shared memory, or a file where a container has too little of that."""
    shared = Path("/dev/shm")  # noqa: S108
    if shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > MEMORY_MB << 20:
        return shared
    return results


def _attend(command: list[str], environment: dict[str, str], limit: float | None) -> deque[str]:
    """Run the kernel's process, pass its console on, end it with all that it started; return the last lines."""
    last: deque[str] = deque(maxlen=LAST_LINES)
    if limit is None:  # a person's terminal is the console, and `exit` in the shell powers off
        subprocess.run(command, env=environment, check=False)
        return last
    with (
        _guard() as register,
        subprocess.Popen(
            ["sh", "-c", 'echo $$ >&0 && exec "$@" </dev/null', "sh", *command],
            stdin=register,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            process_group=0,
        ) as guest,
        register,  # closed before the guest's end is waited for: till then its number cannot be another's
    ):
        assert guest.stdout is not None
        _hand_on(guest.stdout.fileno(), time.monotonic() + limit, limit, last)
    return last


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


def _hand_on(console: int, deadline: float, limit: float, last: deque[str]) -> None:
    rest = b""
    while True:
        ready, _, _ = select.select([console], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            tail = "\n".join(f"  | {line}" for line in last)
            raise GuestFailed(f"the guest was not done after {limit:g} s; its last console lines:\n{tail}")
        data = os.read(console, 65536)
        if not data:
            return
        data = data.replace(b"\r\n", b"\n")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        *lines, rest = (rest + data).split(b"\n")
        last.extend(line.decode("utf-8", "replace") for line in lines)
