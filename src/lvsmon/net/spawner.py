"""A small process that starts programs for lvsmon, bounds them and ends them.

It runs beside lvsmon, as ``python -I -S spawner.py``, and imports nothing of ours. A fork of a small process with one
thread is cheap and safe, may set limits and a user before it executes, and holds up nobody's event loop. It is what
programs are children of: it reaps them and what they leave behind, and when lvsmon ends, however it ends, it ends them.

Standard input is a socket (SOCK_SEQPACKET). Each message on it asks for one program: JSON, and with it one descriptor
of a stream on which the answer goes back. The answer is a line of JSON and the program's output. Who asked gives up by
closing its end: the program's process group gets TERM, and KILL after `GRACE`.

No program is started while an earlier one of the same identity is still being ended; where that one
cannot even be killed (it hangs in the kernel), the answer says so. So nothing piles up.
"""

import contextlib
import ctypes
import errno
import gc
import json
import os
import pwd
import resource
import selectors
import signal
import socket
import stat
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

GRACE: Final = 0.5
"""Seconds from TERM to KILL: time to remove a lock file; shorter than the least interval, so runs do not heap up."""

STUCK: Final = 1.0
"""Seconds after KILL from which a process counts as one that cannot be killed."""

TICK: Final = 0.05
"""Seconds between looks at the number of processes, while a program runs."""

GROWTH: Final = 8
"""Tasks more than at the last look make it worth to count whose they are: that takes milliseconds."""

RUNAWAY: Final = 16 << 20
"""Bytes of output after which a program is killed: what a monitor says is a thousandth of it."""

MAX_REQUEST: Final = 1 << 17
"""Bytes of a request; Linux takes no single argument longer than this either."""

_TURN: Final = 64
"""Processes reaped before other things get their turn: a fork bomb leaves more of them than one could ever reap."""

_BOMB: Final = 4
"""Times the processes allowed at which the kernel refuses more, where they multiply too fast to be counted."""

_READ: Final = 1 << 16
_INT: Final = struct.Struct("i")
_FIRST_FREE: Final = 3
_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h
_OUR_MEMORY: Final = 256 << 20
"""Bytes of address space that this process must be allowed while it starts a program."""

STARTED: Final = b"+"
"""What comes before the answer, at once: the program runs. An answer begins with another byte."""


class Run:
    """One program, from its start until it has been reaped."""

    def __init__(self, request: dict[str, Any], control: socket.socket) -> None:
        self.key: str = request["identity"]
        self.request = request
        self.control = control
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
        self._users: dict[str, tuple[int, int, list[int], str]] = {}
        self._tasks = _tasks()
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
            room = socket.CMSG_SPACE(_INT.size)
            message, attached, _, _ = self._requests.recvmsg(MAX_REQUEST, room, socket.MSG_CMSG_CLOEXEC)
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
        control = socket.socket(fileno=_INT.unpack(attached[0][2])[0])
        control.setblocking(False)
        run = Run(json.loads(message), control)
        self._selector.register(control, selectors.EVENT_READ, lambda _: self._give_up(run))
        earlier = self._dying.get(run.key)
        if earlier is None:
            self._start(run)
        elif earlier.killed_at is not None and time.monotonic() > earlier.killed_at + STUCK:
            self._answer(run, {"stuck": earlier.pid})
        else:
            self._waiting.setdefault(run.key, []).append(run)

    def _start(self, run: Run) -> None:
        """Fork and execute; what is wrong before that is the answer."""
        request = run.request
        try:
            user = self._user(request["user"])
        except KeyError:
            self._answer(run, {"step": "user", "error": "there is no such user", "errno": 0})
            return
        environment = request["environment"]
        switch: dict[str, Any] = {}
        if user is not None:
            uid, gid, groups, home = user
            environment = {"HOME": home, "USER": request["user"], "LOGNAME": request["user"], **environment}
            if (uid, gid) != (os.geteuid(), os.getegid()):
                switch = {"user": uid, "group": gid, "extra_groups": groups}
        # The kernel counts all processes of a user, and no user has more than there are; root it never holds back.
        most = _tasks() + _BOMB * request["max_processes"]
        limits = [*request["limits"], (resource.RLIMIT_NPROC, most)]
        memory = dict(request["limits"])[resource.RLIMIT_AS]
        opened: list[int] = []
        try:
            path = request["argv"][0]
            path = _find(request["argv"][0], request["search"])
            if switch.get("user", os.geteuid()) == 0 and not request["trusted"]:
                _refuse_what_others_write(path)
            output, to_output = _pipe(opened)
            errors, to_errors = (output, to_output) if request["merge"] else _pipe(opened)
            with _softly([(resource.RLIMIT_AS, max(memory, _OUR_MEMORY)), (resource.RLIMIT_NPROC, most)]):
                pid = _spawn(request, path, environment, (to_output, to_errors), switch)
            _bind(pid, limits)
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            step = "directory" if error.filename == request["directory"] else "exec"
            if error.errno == errno.ENOENT and step == "exec" and os.path.isfile(path):  # noqa: PTH113
                error.strerror = "what its first line (#!) names is not there"
            self._answer(run, {"step": step, "error": error.strerror, "errno": error.errno})
            return
        except (subprocess.SubprocessError, ValueError) as error:
            for descriptor in opened:
                os.close(descriptor)
            self._answer(run, {"step": "exec", "error": str(error), "errno": 0})
            return
        for descriptor in {to_output, to_errors}:
            os.close(descriptor)
        with contextlib.suppress(OSError):
            run.control.send(STARTED)
        run.pid = pid
        self._runs[pid] = run
        for descriptor in (output, errors):
            if descriptor not in run.pipes:
                run.pipes[descriptor] = bytearray()
                self._selector.register(descriptor, selectors.EVENT_READ, lambda fd: self._read(run, fd))

    def _user(self, name: str | None) -> tuple[int, int, list[int], str] | None:
        """Return uid, gid, groups and home of ``name``; once known, a directory service that hangs is not asked."""
        if name is None:
            return None
        if name not in self._users:
            entry = pwd.getpwnam(name)
            groups = os.getgrouplist(name, entry.pw_gid)
            self._users[name] = entry.pw_uid, entry.pw_gid, groups, entry.pw_dir
        return self._users[name]

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
        tasks = _tasks()
        if tasks < self._tasks + GROWTH:
            self._tasks = min(tasks, self._tasks)
            return
        self._tasks = tasks
        sizes = _group_sizes()
        for run in self._runs.values():
            if sizes[run.pid] > run.request["max_processes"] and not run.limit:
                run.limit = "processes"
                run.signal(signal.SIGKILL)


def _spawn(
    request: dict[str, Any], path: str, environment: dict[str, str], pipes: tuple[int, int], switch: dict[str, Any]
) -> int:
    """Start the program and return its process id: by vfork, unless the user is to be another one."""
    started = subprocess.Popen(
        request["argv"],
        executable=path,
        stdin=subprocess.DEVNULL,
        stdout=pipes[0],
        stderr=pipes[1],
        env=environment,
        cwd=request["directory"],
        umask=request["umask"],
        process_group=0,
        close_fds=False,  # nothing that is open here is inherited
        **switch,
    )
    started.returncode = 0  # it is reaped with all the others
    return started.pid


def _pipe(opened: list[int]) -> tuple[int, int]:
    reads, writes = os.pipe2(os.O_CLOEXEC)
    opened += reads, writes
    os.set_blocking(reads, False)
    return reads, writes


@contextlib.contextmanager
def _softly(limits: list[tuple[int, int]]) -> Iterator[None]:
    """Lower limits of this process for a moment: what it starts then is born with them."""
    before = [(number, resource.getrlimit(number)) for number, _ in limits]
    for (number, limit), (_, (_, hard)) in zip(limits, before, strict=True):
        resource.setrlimit(number, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        for number, old in before:
            resource.setrlimit(number, old)


def _bind(pid: int, limits: list[tuple[int, int]]) -> None:
    """Set hard limits; a program that another user owns (set-uid) keeps the soft ones that it was born with."""
    for number, limit in limits:
        with contextlib.suppress(PermissionError, ProcessLookupError):
            _, hard = resource.prlimit(pid, number)
            least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            spare = 1 if number == resource.RLIMIT_CPU and least != hard else 0  # XCPU first, then KILL
            resource.prlimit(pid, number, (least, least + spare))


def _find(program: str, search: list[str]) -> str:
    """Return the path of ``program``: itself, or the first of that name in the directories ``search``."""
    if "/" in program:
        return program
    for directory in search:
        path = f"{directory}/{program}"
        if os.path.isfile(path):  # noqa: PTH113  this process loads no more than it needs
            return path
    raise FileNotFoundError(errno.ENOENT, f"it is in none of {', '.join(search)}")


def _refuse_what_others_write(path: str) -> None:
    """Raise PermissionError where others than root may change what ``path`` is.

    Each directory on the way counts too, but one with the sticky bit, where only owners replace files.
    """
    real = os.path.realpath(path)
    ways = {real, *_parents(real), *_parents(path)}
    for one in ways:
        try:
            seen = os.stat(one)  # noqa: PTH116
        except OSError:
            return  # exec says what is wrong
        others = seen.st_mode & stat.S_IWOTH or (seen.st_mode & stat.S_IWGRP and seen.st_gid != 0)
        sticky = stat.S_ISDIR(seen.st_mode) and seen.st_mode & stat.S_ISVTX
        if (others and not sticky) or seen.st_uid != 0:
            raise PermissionError(errno.EACCES, f"others than root may change {one}, and root would execute it")


def _parents(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path) or "/"  # noqa: PTH120
        yield path


def _hear(*_: object) -> None:
    """A signal: SIGCHLD wakes, the others change nothing; this process ends when nobody can ask any more."""


def _tasks() -> int:
    """Return how many tasks the system has."""
    with open("/proc/loadavg", encoding="ascii") as file:  # noqa: PTH123  read often
        return int(file.read().split()[3].partition("/")[2])


def _group_sizes() -> Counter[int]:
    """Return the number of processes in each process group."""
    sizes: Counter[int] = Counter()
    for name in os.listdir("/proc"):  # noqa: PTH208  it is thousands of names when it matters
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                sizes[int(file.read().rpartition(b")")[2].split()[2])] += 1
    return sizes


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


if __name__ == "__main__":
    main()
