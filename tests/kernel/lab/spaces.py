"""A host of the lab: a named network namespace, programs run in it, and work done in it by this process."""

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWNET: Final = 0x40000000
NAMED: Final = Path("/run/netns")
LISTEN: Final = "0A"
"""State of a listening socket in /proc/net/tcp."""


def enter(name: str) -> None:
    """Move the calling thread to a host of the lab: its sockets and the programs it starts are there from now on.

    Only this thread moves. It also gets a host name of its own, which telnetd and login show.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with (NAMED / name).open("rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) or libc.unshare(CLONE_NEWUTS):
            raise OSError(ctypes.get_errno(), f"cannot enter the namespaces of {name}")
    socket.sethostname(name)


def run(*command: str, given: str = "") -> str:
    """Run a program to its end and return what it printed; fail with its complaint if it fails."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=30)
    complaint = f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr or done.stdout}\n{given}"
    assert done.returncode == 0, complaint
    return done.stdout


def ip(script: str, *, host: str | None = None) -> None:
    """Run a batch of ip(8) commands, in ``host``'s namespace if given."""
    run("ip", *(["-n", host] if host else []), "-batch", "-", given=script)


@contextmanager
def namespaces(names: Iterable[str]) -> Iterator[None]:
    """Make named network namespaces; at the end remove them, and end whatever still runs in them."""
    ip("".join(f"netns add {name}\n" for name in names))
    try:
        yield
    finally:
        inodes = {(NAMED / name).stat().st_ino for name in names}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                if (process / "ns/net").stat().st_ino in inodes:
                    os.kill(int(process.name), signal.SIGKILL)
        ip("".join(f"netns delete {name}\n" for name in names))


class Host:
    """What is done in one namespace, in a thread that lives there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._inside = ThreadPoolExecutor(1, f"in-{name}", initializer=enter, initargs=(name,))
        self._started: list[subprocess.Popen[bytes]] = []

    def inside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``work`` in the thread that lives in the namespace."""
        return self._inside.submit(work, *args, **kwargs).result()

    def run(self, *command: str, given: str = "") -> str:
        """Run a program in the namespace; see `run` above."""
        return self.inside(run, *command, given=given)

    def start(self, *command: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a program that stays, as the leader of a process group; all that it says is added to ``log``."""
        with log.open("ab") as output:
            process = self.inside(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def sysctl(self, values: Mapping[str, int]) -> None:
        """Write settings below /proc/sys/net; names with slashes."""

        def write() -> None:
            for name, value in values.items():
                (Path("/proc/sys/net") / name).write_text(str(value))

        self.inside(write)

    def listening(self) -> set[int]:
        """Return the TCP ports that something listens on, as the kernel shows them: nobody is connected to for this."""

        def read() -> set[int]:
            rows = [
                row.split()
                for table in ("tcp", "tcp6")
                for row in Path(f"/proc/thread-self/net/{table}").read_text().splitlines()[1:]
            ]
            return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTEN}

        return self.inside(read)

    def close(self) -> None:
        """End what was started here and leave the namespace."""
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._inside.shutdown()
