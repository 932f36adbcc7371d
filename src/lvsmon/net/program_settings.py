"""Settings of every kind that runs a program: probes and channels."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from lvsmon.model.placeholders import refuse_unknown, used
from lvsmon.model.settings import Duration, Size
from lvsmon.net.programs import MAX_OUTPUT, Program

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UMASK: Final = re.compile(r"0?[0-7]{3}")
_MIB: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ProgramSettings:
    """What is run, as whom, and every bound. Without slots, so that a kind may have another base beside it."""

    command: tuple[str, ...]
    """The program and its arguments, not for a shell; placeholders such as {address} or {subject} are filled in."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the program, besides those of lvsmon; the placeholders of command are filled in."""
    user: str | None = None
    """The user that it runs as; lvsmon's own where it is not set. Root's programs need one that is not root."""
    allow_writable: bool = False
    """Run as root even a file that others than root may change."""
    directory: str = "/"
    """The directory that it runs in."""
    umask: str = "077"
    """The permissions that files it makes do not get, in octal."""
    max_output: Size = 16384
    """How much of its output is kept; it may write more, which is lost, and is killed at 16 MiB."""
    max_cpu: Duration = 10.0
    """How much processor time each of its processes may use."""
    max_memory: Size = 1024 * _MIB
    """How much address space each of its processes may use."""
    max_files: int = 256
    """How many files each of its processes may have open."""
    max_processes: int = 64
    """How many processes it may have; with more, they are all killed."""

    def check_program(self, known: Iterable[str], example: tuple[str, str]) -> None:
        """Raise ValueError for what can never be run; ``known`` are the placeholders that there are."""
        known = tuple(known)
        self._check_command(known, example)
        refuse_unknown("environment", self.environment.values(), known)
        for name, value in self.environment.items():
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"environment: {name!r} cannot be the name of a variable")
            if "\0" in value:
                raise ValueError(f"environment: the value of {name} holds a NUL character")
        if self.user is not None and (not self.user or not self.user.isprintable()):
            raise ValueError("user: write the name of a user")
        if not self.directory.startswith("/"):
            raise ValueError('directory: write a whole path, such as "/var/lib/lvsmon"')
        if not _UMASK.fullmatch(self.umask):
            raise ValueError('umask: write three octal digits, such as "022"')
        for name, low, high, shown_as in (
            ("max_output", 1, MAX_OUTPUT, "a size from 1B to 64KiB"),
            ("max_cpu", 1, 86400, "a duration from 1s to 1d"),
            ("max_memory", 4 * _MIB, 1 << 50, "a size of at least 4MiB"),
            ("max_files", 8, 1 << 20, "a number of at least 8"),
            ("max_processes", 1, 4096, "a number from 1 to 4096"),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}: write {shown_as}")

    def _check_command(self, known: tuple[str, ...], example: tuple[str, str]) -> None:
        if not self.command or not self.command[0]:
            raise ValueError(f'command: write the program and its arguments, such as ["{example[0]}", "{example[1]}"]')
        program = self.command[0]
        if "/" in program and not program.startswith("/"):
            raise ValueError(f"command: write the whole path of {program}, or its name alone")
        if any("\0" in word for word in self.command):
            raise ValueError("command: a word holds a NUL character")
        refuse_unknown("command", self.command, known)
        if used([program]):
            raise ValueError("command: the program itself cannot be a placeholder")

    def program(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        identity: str,
        search: tuple[str, ...],
        merge: bool = False,
        stdin: bytes = b"",
    ) -> Program:
        """Return one run of it, with these settings as its bounds."""
        return Program(
            argv=tuple(argv),
            environment=environment,
            identity=identity,
            search=search,
            user=self.user,
            directory=self.directory,
            umask=int(self.umask, 8),
            merge=merge,
            stdin=stdin,
            trusted=self.allow_writable,
            max_output=self.max_output,
            max_cpu=ceil(self.max_cpu),
            max_memory=self.max_memory,
            max_files=self.max_files,
            max_processes=self.max_processes,
        )
