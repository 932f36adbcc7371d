"""Running programs: what is asked for, what comes back, and the way to the process that starts them.

That process is `lvsmon.net.spawner`. It is started when a first program is to run and lives as long as this one.
"""

import atexit
import errno
import json
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.net import spawner
from lvsmon.net.engine import Engine

if TYPE_CHECKING:
    from lvsmon.net.base import Trace

MAX_OUTPUT: Final = 65536
"""Bytes kept of a program's output at most, and of its errors: an answer must fit the socket's buffer."""

_ANSWER: Final = 2 * MAX_OUTPUT + 4096
_PATIENCE: Final = 0.005  # seconds, while the spawner is busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One run of a program, every bound included. It is led by nothing but this.

    ``argv[0]`` is a path, or a name that is looked for in the directories ``search``. ``environment`` is all of it but
    HOME, USER and LOGNAME, which a ``user`` other than lvsmon's own brings. ``identity`` is the same in each run of the
    same probe: no run begins while an earlier one is being ended. Times in seconds, sizes in bytes.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    identity: str
    search: tuple[str, ...] = ()
    user: str | None = None
    directory: str = "/"
    umask: int = 0o077
    merge: bool = False
    """Whether standard error is part of the output, in the order in which both were written."""
    trusted: bool = False
    """Whether root may execute a file that others can change."""
    stdin: bytes = b""
    """What it finds on its standard input, as a file that has no name."""
    max_output: int = 16384
    max_cpu: int = 10
    max_memory: int = 1 << 30
    max_files: int = 256
    max_processes: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended: with an exit ``code``, or by ``signal`` (its name), of which the other is None.

    ``truncated`` says that it wrote more than was kept; ``cpu`` is seconds of processor time.
    """

    code: int | None = None
    signal: str | None = None
    output: bytes = b""
    errors: bytes = b""
    truncated: bool = False
    cpu: float = 0.0


class RunningProgram:
    """A program that was asked for. Closing it ends the program: TERM, then KILL, to its whole process group."""

    __slots__ = ("_answer", "_engine", "_program", "_sock", "_trace")

    def __init__(self, sock: socket.socket, program: Program, engine: Engine, trace: "Trace") -> None:
        self._sock = sock
        self._trace = trace
        self._answer = bytearray()
        self._program = program
        self._engine = engine

    async def ended(self) -> Ended:
        """Wait for the end of the program; raise `LocalFault` where it could not run, or broke its bounds."""
        while await self._read():
            continue
        self.close()
        ended = _ended(self._program, bytes(self._answer))
        if ended.output or ended.errors:
            self._trace.received(ended.output + ended.errors)
        return ended

    async def started(self) -> None:
        """Wait until the program runs; raise `LocalFault` where it cannot be started."""
        await self._read()
        if not self._answer.startswith(spawner.STARTED):
            await self.ended()
        del self._answer[:1]

    async def _read(self) -> bool:
        """Take what there is of the answer; return whether more may come."""
        while True:
            await self._engine.readable(self._sock.fileno())
            try:
                data = self._sock.recv(_ANSWER)
            except BlockingIOError:
                continue
            except ConnectionError:
                data = b""
            self._answer += data
            return bool(data)

    def close(self) -> None:
        self._sock.close()


async def ask(program: Program, engine: Engine, trace: "Trace") -> RunningProgram:
    """Have ``program`` started; raise `LocalFault` where there is no way to."""
    request = _request(program)
    try:
        ours, theirs = socket.socketpair()
    except OSError as error:
        raise _fault(program, error.errno or 0, error.strerror or "") from error
    ours.setblocking(False)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ANSWER)
    running = RunningProgram(ours, program, engine, trace)
    try:
        with theirs, _input(program) as attached:
            while not _sent(program, request, [theirs.fileno(), *attached]):
                await engine.pause(_PATIENCE)
    except BaseException:
        running.close()
        raise
    return running


@contextmanager
def _input(program: Program) -> Iterator[list[int]]:
    """Give a descriptor of what the program is to read, if there is anything: no pipe that somebody has to fill."""
    if not program.stdin:
        yield []
        return
    try:
        handle = os.memfd_create("lvsmon-stdin")
        with os.fdopen(handle, "wb") as file:
            file.write(program.stdin)
            file.flush()
            file.seek(0)
            yield [handle]
    except OSError as error:
        raise _fault(program, error.errno or 0, error.strerror or "") from error


_spawner: socket.socket | None = None
"""The way to ask for programs, once there is one; for the whole process, as its children are."""

_one_at_a_time: Final = threading.Lock()
"""Probes and alerts ask from event loops of their own: two of them must not start two spawners, of which the first
would end with what it runs. Held for as long as it takes to start a process."""


def ask_by(way: socket.socket) -> None:
    """Ask by ``way`` (SOCK_SEQPACKET) from now on: for a process that may start none itself."""
    global _spawner  # noqa: PLW0603
    way.setblocking(False)
    _spawner = way


def forward(program: Program, descriptors: list[int], at_once: int) -> bool:
    """Have ``program`` started for another process, which gave the ``descriptors`` that go with a request.

    At most ``at_once`` of one identity run or wait; more are refused. Return False where the spawner is busy; raise
    `LocalFault`.
    """
    return _sent(program, _request(program, at_once), descriptors)


def _sent(program: Program, request: bytes, descriptors: list[int]) -> bool:
    """Ask the spawner, starting it (again) if there is none; return False where it is busy."""
    global _spawner  # noqa: PLW0603
    for _ in range(2):
        try:
            with _one_at_a_time:
                if _spawner is None:
                    _spawner = _launched()
                asked = _spawner
            socket.send_fds(asked, [request], descriptors)
        except BlockingIOError:
            return False
        except ConnectionError:  # it has died; what it ran has died with it
            with _one_at_a_time:
                _spawner = None if _spawner is asked else _spawner
        except OSError as error:
            raise _fault(program, error.errno or 0, error.strerror or "") from error
        else:
            return True
    raise LocalFault("the process that starts programs ends at once: its standard error says why")


def _launched() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.setblocking(False)
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", str(Path(spawner.__file__).parent)],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
        )
    atexit.register(ours.close)
    return ours


def _request(program: Program, at_once: int | None = None) -> bytes:
    limits = [
        (resource.RLIMIT_CPU, program.max_cpu),
        (resource.RLIMIT_AS, program.max_memory),
        (resource.RLIMIT_NOFILE, program.max_files),
    ]
    words: dict[str, Any] = {
        "argv": program.argv,
        "environment": dict(program.environment),
        "identity": program.identity,
        "search": program.search,
        "user": program.user,
        "directory": program.directory,
        "umask": program.umask,
        "merge": program.merge,
        "trusted": program.trusted,
        "max_output": program.max_output,
        "max_processes": program.max_processes,
        "limits": limits,
        "at_once": at_once,
    }
    request = json.dumps(words).encode()
    if len(request) > spawner.MAX_REQUEST:
        raise LocalFault(f"{program.argv[0]} cannot be started: its arguments and environment are too long")
    return request


_STEPS: Final[Mapping[str, str]] = {
    "user": "cannot be run as the user {user}",
    "directory": "cannot be run in the directory {directory}",
}

_REASONS: Final[Mapping[int, Reason]] = {
    errno.ENOENT: Reason.MISSING_PROGRAM,
    errno.ENOTDIR: Reason.MISSING_PROGRAM,
    errno.ENOEXEC: Reason.MISSING_PROGRAM,
    errno.EACCES: Reason.LOCAL_PERMISSION,
    errno.EPERM: Reason.LOCAL_PERMISSION,
    errno.EMFILE: Reason.LOCAL_RESOURCES,
    errno.ENFILE: Reason.LOCAL_RESOURCES,
    errno.EAGAIN: Reason.LOCAL_RESOURCES,
    errno.ENOMEM: Reason.LOCAL_RESOURCES,
}

_HINTS: Final[Mapping[int, str]] = {errno.ENOEXEC: " (a script begins with a line such as #!/bin/sh)"}


def _fault(program: Program, number: int, words: str, step: str = "exec") -> LocalFault:
    what = _STEPS.get(step, "cannot be started").format(user=program.user, directory=program.directory)
    reason = (
        _REASONS.get(number, Reason.LOCAL_FAULT) if step == "exec" or number != errno.ENOENT else Reason.LOCAL_FAULT
    )
    return LocalFault(f"{program.argv[0]} {what}: {words.lower()}{_HINTS.get(number, '')}", reason)


def _ended(program: Program, answer: bytes) -> Ended:
    """Read an answer of the spawner; raise `LocalFault` for what says nothing about the realserver."""
    name = program.argv[0]
    head, newline, rest = answer.partition(b"\n")
    if not newline:
        raise LocalFault(f"{name} was ended: the process that starts programs has died")
    said = json.loads(head)
    if "stuck" in said:
        raise LocalFault(
            f"{name} of an earlier run (pid {said['stuck']}) cannot even be killed, so it is not started again",
            Reason.LOCAL_RESOURCES,
        )
    if "step" in said:
        raise _fault(program, said["errno"], said["error"], said["step"])
    if said["limit"] == "processes":
        raise LocalFault(
            f"{name} was killed: it had more than {program.max_processes} processes (max_processes)",
            Reason.LOCAL_RESOURCES,
        )
    if said["limit"] == "output":
        raise LocalFault(f"{name} was killed: it wrote more than {spawner.RUNAWAY >> 20} MiB", Reason.LOCAL_RESOURCES)
    length = said["lengths"][0]
    return Ended(
        code=said["code"],
        signal=None if said["signal"] is None else _name(said["signal"]),
        output=rest[:length],
        errors=rest[length:],
        truncated=said["lost"],
        cpu=said["cpu"],
    )


def _name(number: int) -> str:
    """Return "SIGKILL" and the like; real-time signals have numbers only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
