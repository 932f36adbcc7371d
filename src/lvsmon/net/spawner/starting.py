"""Starting one program: its user, its limits, its place, and what speaks against it."""

import contextlib
import errno
import os
import pwd
import resource
import stat
import subprocess
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from lvsmon.net.spawner.processes import tasks

_BOMB: Final = 4
"""Times the processes allowed at which the kernel refuses more, where they multiply too fast to be counted."""

_OUR_MEMORY: Final = 256 << 20
"""Bytes of address space that this process must be allowed while it starts a program."""

_User: TypeAlias = tuple[int, int, list[int], str]


class NotStarted(Exception):
    """The program does not run; ``answer`` is what to answer."""

    def __init__(self, step: str, error: str | None, number: int | None = 0) -> None:
        super().__init__(error)
        self.answer: dict[str, Any] = {"step": step, "error": error, "errno": number}


class Starter:
    """Forks and executes."""

    def __init__(self) -> None:
        self._users: dict[str, _User] = {}

    def start(self, request: dict[str, Any], stdin: int | None) -> tuple[int, tuple[int, int]]:
        """Start it; ``stdin`` is what it reads, None for nothing.

        Return the process id and where to read output and errors, which may be one; raise `NotStarted`.
        """
        try:
            user = self._user(request["user"])
        except KeyError:
            raise NotStarted("user", "there is no such user") from None
        environment = request["environment"]
        switch: dict[str, Any] = {}
        if user is not None:
            uid, gid, groups, home = user
            environment = {"HOME": home, "USER": request["user"], "LOGNAME": request["user"], **environment}
            if (uid, gid) != (os.geteuid(), os.getegid()):
                switch = {"user": uid, "group": gid, "extra_groups": groups}
        # The kernel counts all processes of a user, and no user has more than there are; root it never holds back.
        most = tasks() + _BOMB * request["max_processes"]
        limits = [*request["limits"], (resource.RLIMIT_NPROC, most)]
        memory = dict(request["limits"])[resource.RLIMIT_AS]
        opened: list[int] = []
        path = ""
        try:
            path = _find(request["argv"][0], request["search"])
            if switch.get("user", os.geteuid()) == 0 and not request["trusted"]:
                _refuse_what_others_write(path)
            output, to_output = _pipe(opened)
            errors, to_errors = (output, to_output) if request["merge"] else _pipe(opened)
            with _softly([(resource.RLIMIT_AS, max(memory, _OUR_MEMORY)), (resource.RLIMIT_NPROC, most)]):
                pid = _spawn(request, path, environment, (stdin, to_output, to_errors), switch)
            _bind(pid, limits)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            for descriptor in opened:
                os.close(descriptor)
            raise _told(error, request, path) from None
        for descriptor in {to_output, to_errors}:
            os.close(descriptor)
        return pid, (output, errors)

    def _user(self, name: str | None) -> _User | None:
        """Return uid, gid, groups and home of ``name``; once known, a directory service that hangs is not asked."""
        if name is None:
            return None
        if name not in self._users:
            entry = pwd.getpwnam(name)
            groups = os.getgrouplist(name, entry.pw_gid)
            self._users[name] = entry.pw_uid, entry.pw_gid, groups, entry.pw_dir
        return self._users[name]


def _told(error: Exception, request: dict[str, Any], path: str) -> NotStarted:
    if not isinstance(error, OSError):
        return NotStarted("exec", str(error))
    if error.filename == request["directory"]:
        return NotStarted("directory", error.strerror, error.errno)
    if error.errno == errno.ENOENT and os.path.isfile(path):  # noqa: PTH113
        return NotStarted("exec", "what its first line (#!) names is not there", error.errno)
    return NotStarted("exec", error.strerror, error.errno)


def _spawn(
    request: dict[str, Any],
    path: str,
    environment: dict[str, str],
    standard: tuple[int | None, int, int],
    switch: dict[str, Any],
) -> int:
    """Start the program and return its process id: by vfork, unless the user is to be another one."""
    started = subprocess.Popen(
        request["argv"],
        executable=path,
        stdin=subprocess.DEVNULL if standard[0] is None else standard[0],
        stdout=standard[1],
        stderr=standard[2],
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
