"""Real daemons on loopback: in the foreground, on free ports, from files in a temporary directory, ended by pid."""

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from verdicts.record import RECORDER

UNPACKED = Path("/var/cache/lvsmon-daemons")
"""Where install.sh lays down what cannot be installed beside others."""

PORTS = range(20_000, 32_768)
READY_WITHIN = 20.0
HOSTS = ("127.0.0.1", "::1")
PROGRAM_PATH = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/libexec", "/usr/lib")


def pytest_collection_modifyitems(items):
    for item in items:
        if "daemons" in item.path.parts:
            item.add_marker(pytest.mark.daemons)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Hold what a test's probes found against the record that the table of verdicts is made of."""
    RECORDER.begin(pyfuncitem)
    result = yield
    RECORDER.hold(pyfuncitem)
    return result


def seen(probe, host, port, outcome):
    """Note what a probe found, for the table of verdicts, and return it: `probe_once` does."""
    return RECORDER.seen(probe, host, port, outcome)


def find(program):
    """Return where a program is: installed, or unpacked by install.sh since it cannot be installed beside another."""
    unpacked = [str(path) for path in sorted(UNPACKED.glob("*/usr/*bin"))]
    return shutil.which(program, path=":".join([*PROGRAM_PATH, *unpacked]))


def _own_ports():
    """Return ports in turn, below those that the kernel gives to whoever connects; each worker has its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = PORTS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    first = random.randrange(len(own))
    return itertools.cycle([*own[first:], *own[:first]])


_ports = _own_ports()


def free_port():
    """Return a port that is free for TCP and UDP on both loopback addresses, and that nobody gets by chance."""
    while True:
        port = next(_ports)
        with socket.socket(socket.AF_INET6) as tcp, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("::", port))
                udp.bind(("::", port))
            except OSError:
                continue
            return port


def probe_once(probe, port, host="127.0.0.1", timeout=3.0, **more):
    """Return the outcome of one run by the real runner."""

    async def main():
        return await in_reactor(lambda engine: run(probe, Target(address=host, port=port), timeout, engine, **more))

    return seen(probe, host, port, asyncio.run(main()))


def eventually(look, wanted=lambda outcome: outcome.verdict is Verdict.PASS):
    """Return the first outcome of ``look()`` that is ``wanted``; fail with the last one after `READY_WITHIN`."""
    deadline = time.monotonic() + READY_WITHIN
    noted = RECORDER.count
    RECORDER.waiting = True
    while not wanted(outcome := look()):
        assert time.monotonic() < deadline, outcome
        RECORDER.forget(noted)
        threading.Event().wait(0.02)
    if RECORDER.count > noted:
        RECORDER.waited()
    RECORDER.waiting = False
    return outcome


def ready(look, wanted=None):
    """Wait until a daemon that was started answers at all: what it says then is no verdict on anything."""
    noted = RECORDER.count
    eventually(look, wanted or answers)
    RECORDER.forget(noted)


def answers(outcome):
    """Say whether the daemon is there, whatever it answers."""
    return outcome.reason not in {Reason.DEADLINE, Reason.REFUSED}


class Daemon:
    """A running program, its output in a file."""

    def __init__(self, argv, directory, called, **more):
        self.directory = directory
        self.called = called
        self.state = "running"
        self._log = directory / "daemon.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **more
            )

    def log(self):
        return self._log.read_text(errors="replace")

    def signal_all(self, number):
        """Send a signal to the daemon and to the children that it has: they are a process group of their own."""
        os.killpg(self.process.pid, number)
        self.state = {signal.SIGSTOP: "stopped", signal.SIGCONT: "continued"}.get(number, self.state)

    def stop(self):
        """Stop the daemon and its children as SIGSTOP does, and see them stopped: each thread takes the signal."""
        self.signal_all(signal.SIGSTOP)
        while any(state not in "TtZ" for state in self._states()):
            threading.Event().wait(0.002)

    def _states(self):
        for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
                if int(group) == self.process.pid:
                    yield state

    def end(self):
        if self.process.poll() is None:
            self.signal_all(signal.SIGKILL)
            self.process.wait()
        self.state = "ended"


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return a function that starts a daemon from its files; all are ended after the module."""
    running = []

    def start_daemon(program, *arguments, files=None, directory=None, called=None, **more):
        """Start a program; ``called`` what people call what listens, where that is not the program's name."""
        found = find(program)
        if found is None:
            pytest.skip(f"{program} is not installed: run `make daemons` as root on a Debian machine")
        directory = directory or tmp_path_factory.mktemp(program)
        directory.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            (directory / name).write_text(text)
        filled = [argument.format(directory=directory) for argument in arguments]
        daemon = Daemon([found, *filled], directory, called, cwd=directory, **more)
        running.append(daemon)
        RECORDER.started(daemon, program, [*filled, *(files or {}).values()])
        return daemon

    yield start_daemon
    for daemon in running:
        daemon.end()


@pytest.fixture
def served(tmp_path):
    """A directory that a daemon serves, reachable for users without privileges, and an empty one."""
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and path.stat().st_mode & 0o005 != 0o005:
            path.chmod(path.stat().st_mode | 0o055)
        if path.name.startswith("pytest-of"):
            break
    files = tmp_path / "files"
    (files / "pub").mkdir(parents=True)
    (files / "empty").mkdir()
    (files / "README").write_text("ready\n")
    (files / "pub" / "a b").write_text("x" * 100_000)
    (tmp_path / "jail").mkdir()
    return files
