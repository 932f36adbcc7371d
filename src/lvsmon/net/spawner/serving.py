"""Takes requests, reads what the programs say, and ends and reaps them."""

import contextlib
import ctypes
import errno
import gc
import json
import os
import resource
import selectors
import signal
import socket
import struct
import time
from typing import Any, Final

from lvsmon.net.spawner import MAX_REQUEST, RUNAWAY, STARTED
from lvsmon.net.spawner.processes import group_sizes, tasks
from lvsmon.net.spawner.starting import NotStarted, Starter

GRACE: Final = 0.5
"""Seconds from TERM to KILL: time to remove a lock file; shorter than the least interval, so runs do not heap up."""

STUCK: Final = 1.0
"""Seconds after KILL from which a process counts as one that cannot be killed."""

TICK: Final = 0.05
"""Seconds between looks at the number of processes, while a program runs."""

GROWTH: Final = 8
"""Tasks more than at the last look make it worth to count whose they are: that takes milliseconds."""

_TURN: Final = 64
"""Processes reaped before other things get their turn: a fork bomb leaves more of them than one could ever reap."""

_READ: Final = 1 << 16
_INT: Final = struct.Struct("i")
_ATTACHED: Final = 2  # descriptors of a request at most
_FIRST_FREE: Final = 3
_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


class Run:
    """One program, from its start until it has been reaped."""

    def __init__(self, request: dict[str, Any], control: socket.socket, stdin: int | None) -> None:
        self.key: str = request["identity"]
        self.request = request
        self.control = control
        self.stdin = stdin
        self.pid = 0
        self.pipes: dict[int, bytearray] = {}
        self.counted = 0
        self.limit = ""
        self.dying = False
        self.kill_at: float | None = None
        self.killed_at: float | None = None

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def close_stdin(self) -> None:
        """Close what the program reads, once it has it or never will."""
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def take(self, descriptor: int) -> bytes | None:
        """Read what has come and keep as much as was asked for; return None for nothing yet, b"" for the end."""
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return None
        kept = self.pipes[descriptor]
        kept += data[: self.request["max_output"] - len(kept)]
        self.counted += len(data)
        if self.counted > RUNAWAY and not self.limit:
            self.limit = "output"
            self.signal(signal.SIGKILL)
        return data


class Spawner:
    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._selector = selectors.EpollSelector()
        self._runs: dict[int, Run] = {}
        self._dying: dict[str, Run] = {}
        self._waiting: dict[str, list[Run]] = {}
        self._starter = Starter()
        self._tasks = tasks()
        self._reaped = 0
        self._closing_at: float | None = None

    def serve(self) -> None:
        """Serve until nobody can ask any more and every program has ended."""
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, _hear)  # not ignored, or programs would ignore them too
        wakes, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        self._selector.register(wakes, selectors.EVENT_READ, self._wake)
        self._selector.register(self._requests, selectors.EVENT_READ, self._ask)
        while self._closing_at is None or (self._runs and time.monotonic() < self._closing_at + GRACE + STUCK):
            for key, _ in self._selector.select(self._patience()):
                key.data(key.fd)
            self._reap()
            now = time.monotonic()
            for run in [run for run in self._runs.values() if run.kill_at is not None and run.kill_at <= now]:
                run.signal(signal.SIGKILL)
                run.kill_at, run.killed_at = None, now
            self._count()

    def _patience(self) -> float | None:
        if self._reaped == _TURN:
            return 0.0
        return TICK if self._runs or self._closing_at else None

    def _wake(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(descriptor, _READ)

    def _ask(self, _: int) -> None:
        """Take one request, or see that nobody can ask any more."""
        try:
            room = socket.CMSG_SPACE(_ATTACHED * _INT.size)
            message, attached, flags, _ = self._requests.recvmsg(MAX_REQUEST, room, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except ConnectionError:
            message, attached = b"", []
        if not message:
            self._selector.unregister(self._requests)
            self._closing_at = time.monotonic()
            for run in [*self._runs.values(), *(run for runs in self._waiting.values() for run in runs)]:
                self._give_up(run)
            return
        descriptors = [number for _, _, raw in attached for (number,) in _INT.iter_unpack(raw)]
        if flags & socket.MSG_CTRUNC:  # no descriptors are left: who asked finds that nobody answers
            for descriptor in descriptors:
                os.close(descriptor)
            return
        control = socket.socket(fileno=descriptors[0])
        control.setblocking(False)
        run = Run(json.loads(message), control, descriptors[1] if len(descriptors) > 1 else None)
        if self._too_many(run):
            run.close_stdin()
            self._selector.register(control, selectors.EVENT_READ, None)
            self._answer(run, {"step": "exec", "error": "as many of it run already as may", "errno": errno.EAGAIN})
            return
        self._selector.register(control, selectors.EVENT_READ, lambda _: self._give_up(run))
        earlier = self._dying.get(run.key)
        if earlier is None:
            self._start(run)
        elif earlier.killed_at is not None and time.monotonic() > earlier.killed_at + STUCK:
            run.close_stdin()
            self._answer(run, {"stuck": earlier.pid})
        else:
            self._waiting.setdefault(run.key, []).append(run)

    def _too_many(self, run: Run) -> bool:
        most: int | None = run.request["at_once"]
        going = sum(each.key == run.key for each in self._runs.values()) + len(self._waiting.get(run.key, ()))
        return most is not None and going >= most

    def _start(self, run: Run) -> None:
        try:
            run.pid, descriptors = self._starter.start(run.request, run.stdin)
        except NotStarted as why:
            self._answer(run, why.answer)
            return
        finally:
            run.close_stdin()
        with contextlib.suppress(OSError):
            run.control.send(STARTED)
        self._runs[run.pid] = run
        for descriptor in descriptors:
            if descriptor not in run.pipes:
                run.pipes[descriptor] = bytearray()
                self._selector.register(descriptor, selectors.EVENT_READ, lambda fd: self._read(run, fd))

    def _read(self, run: Run, descriptor: int) -> None:
        if run.take(descriptor) == b"":
            self._selector.unregister(descriptor)

    def _give_up(self, run: Run) -> None:
        """Nobody waits for the answer any more."""
        if run.control.fileno() < 0:
            return
        self._selector.unregister(run.control)
        run.control.close()
        if not run.pid:
            run.close_stdin()
            self._waiting[run.key].remove(run)
            return
        run.dying = True
        self._dying[run.key] = run
        run.signal(signal.SIGTERM)
        run.signal(signal.SIGCONT)
        run.kill_at = time.monotonic() + GRACE

    def _reap(self) -> None:
        """Reap what has ended: programs, and what they left behind."""
        self._reaped = 0
        while self._reaped < _TURN:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            self._reaped += 1
            run = self._runs.pop(ended.si_pid, None)
            if run is not None:
                run.signal(signal.SIGKILL)  # while its zombie holds the number of the group
            _, status, usage = os.wait4(ended.si_pid, 0)
            if run is not None:
                self._end(run, status, usage.ru_utime + usage.ru_stime)

    def _end(self, run: Run, status: int, cpu: float) -> None:
        for descriptor in run.pipes:
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
            while run.counted <= RUNAWAY and run.take(descriptor):
                pass
            os.close(descriptor)
        if not run.dying:
            signalled = os.WIFSIGNALED(status)
            answer = {
                "code": None if signalled else os.WEXITSTATUS(status),
                "signal": os.WTERMSIG(status) if signalled else None,
                "limit": run.limit,
                "cpu": cpu,
                "lost": run.counted > sum(map(len, run.pipes.values())),
            }
            self._answer(run, answer)
        elif self._dying.get(run.key) is run:
            del self._dying[run.key]
            for waiting in self._waiting.pop(run.key, []):
                self._start(waiting)

    def _answer(self, run: Run, answer: dict[str, Any]) -> None:
        parts = [bytes(kept) for kept in run.pipes.values()]
        answer["lengths"] = [len(part) for part in parts]
        self._selector.unregister(run.control)
        with contextlib.suppress(OSError):  # nobody waits for it any more
            run.control.sendall(b"".join([json.dumps(answer).encode(), b"\n", *parts]))
        run.control.close()

    def _count(self) -> None:
        """Kill the process groups that have grown over what is allowed."""
        if not self._runs:
            return
        now = tasks()
        if now < self._tasks + GROWTH:
            self._tasks = min(now, self._tasks)
            return
        self._tasks = now
        sizes = group_sizes()
        for run in self._runs.values():
            if sizes[run.pid] > run.request["max_processes"] and not run.limit:
                run.limit = "processes"
                run.signal(signal.SIGKILL)


def _hear(*_: object) -> None:
    """A signal: SIGCHLD wakes, the others change nothing; this process ends when nobody can ask any more."""


def main() -> None:
    """Serve on standard input."""
    os.closerange(_FIRST_FREE, os.sysconf("SC_OPEN_MAX"))  # whatever lvsmon itself was started with
    requests = socket.socket(fileno=0)
    requests.setblocking(False)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with contextlib.suppress(PermissionError):  # a fork bomb must not be able to keep us from ending it
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()
    Spawner(requests).serve()
