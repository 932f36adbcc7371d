"""Programs under measurement: started, charged for what the kernel says that they and all they start have used, ended.

CPU is cpu.stat of a cgroup (v2) of their own where one may be made, in microseconds. Elsewhere it is user and system
time of every process of the tree and of those they waited for, in the kernel's ticks of 10 ms.
"""

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 15.0
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def _own_cgroup():
    """Make a cgroup below where this process is in the v2 tree; None where that is not allowed."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    place = next((line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::"), None)
    for mount in (Path(words[1]) for words in mounts if words[2] == "cgroup2"):
        group = mount / (place or "").strip("/") / f"lvsmon-bench-{os.getpid()}-{time.monotonic_ns()}"
        with suppress(OSError):
            group.mkdir()
            if (group / "cpu.stat").exists():
                return group
            group.rmdir()
    return None


def _stat(pid):
    """Return (parent, ticks used by it and those it waited for, pages in memory) of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[1]), sum(int(word) for word in words[11:15]), int(words[21])


class Program:
    """A program on processor ``cpu``, with all that it starts."""

    def __init__(self, argv, log, *, cpu=None, environment=None):
        self._cgroup = _own_cgroup()

        def prepare():
            if self._cgroup is not None:
                (self._cgroup / "cgroup.procs").write_text("0")
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})

        self.log = log
        with log.open("wb") as out:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=prepare,  # noqa: PLW1509  this process has no threads
                env={**os.environ, **(environment or {})},
            )  # fmt: skip

    def _tree(self):
        if self._cgroup is not None:
            return [int(pid) for pid in (self._cgroup / "cgroup.procs").read_text().split()]
        children, found = {}, []
        for pid in (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()):
            with suppress(OSError):
                children.setdefault(_stat(pid)[0], []).append(pid)
        new = [self.process.pid]
        while new:
            found += new
            new = [child for pid in new for child in children.get(pid, [])]
        return found

    def signal(self, number):
        """Send a signal to it and to everything that it started and that runs."""
        for pid in self._tree():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    @property
    def accounting(self):
        return "a tree's ticks of 10 ms" if self._cgroup is None else "cgroup v2 cpu.stat"

    def cpu(self):
        """Seconds of processor time so far."""
        if self._cgroup is not None:
            return int((self._cgroup / "cpu.stat").read_text().split()[1]) / 1e6
        total = 0
        for pid in self._tree():
            with suppress(OSError):
                total += _stat(pid)[1]
        return total / TICK

    def memory(self):
        """Bytes in memory of all its processes; what they share is counted in each."""
        total = 0
        for pid in self._tree():
            with suppress(OSError):
                total += _stat(pid)[2] * PAGE
        return total

    def must_run(self):
        if self.process.poll() is not None:
            said = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}: {said}")

    def end(self):
        """End it and all it started, by their ids, and let go of its cgroup."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE / 3)
        for pid in self._tree() if self._cgroup is not None or self.process.poll() is None else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        if self._cgroup is not None:
            deadline = time.monotonic() + PATIENCE
            while self._tree() and time.monotonic() < deadline:
                time.sleep(0.01)
            self._cgroup.rmdir()


@contextmanager
def running(*arguments, **options):
    program = Program(*arguments, **options)
    try:
        yield program
    finally:
        program.end()


def cpu_of(argv, log):
    """Run a program to its end; return its exit status and CPU seconds, those of all it waited for included."""
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime
