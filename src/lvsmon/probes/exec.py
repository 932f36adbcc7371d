"""exec: any program decides, mon's monitors and monitoring plugins among them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import ClassVar, Final, Literal

from lvsmon.errors import LocalFault
from lvsmon.model import Outcome, Reason, Target, Verdict, Weight
from lvsmon.model.settings import Duration, Size
from lvsmon.net.programs import MAX_OUTPUT, Ended, Program
from lvsmon.probes.base import Context
from lvsmon.probes.exit_codes import NOT_FOUND, lacking, of_exec, of_mon, of_plugin
from lvsmon.probes.mon_memory import MonMemory
from lvsmon.probes.placeholders import fill, refuse_unknown, used
from lvsmon.probes.talk import shown

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_SEARCH: Final[Mapping[str, tuple[str, ...]]] = {
    "exec": tuple(PATH.split(":")),
    "mon": ("/usr/local/lib/mon/mon.d", "/usr/lib/mon/mon.d", "/usr/lib/mon"),
    "nagios": (
        "/usr/local/lib/nagios/plugins", "/usr/local/nagios/libexec", "/usr/lib/nagios/plugins",
        "/usr/lib64/nagios/plugins", "/usr/lib/monitoring-plugins",
    ),
}  # fmt: skip
_START_SHARE: Final = 0.9
"""Of the time that is left: a program that has not been started in it says nothing about the realserver."""

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UMASK: Final = re.compile(r"0?[0-7]{3}")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecProbe:
    """Run a program on the director and go by its end."""

    kind: ClassVar[str] = "exec"
    transport: ClassVar[str] = "any"
    uses_hostname: ClassVar[bool] = True
    uses_vip: ClassVar[bool] = True

    command: tuple[str, ...]
    """The program and its arguments, not for a shell; {address}, {port}, {hostname}, {vip}, ... are filled in."""
    style: Literal["exec", "mon", "nagios"] = "exec"
    """Whose rules it follows: "exec" (exit codes as set here), "mon" (a monitor of mon's), "nagios" (a plugin)."""
    pass_codes: tuple[int, ...] = (0,)
    """Exit codes that pass, with style "exec"; what is in none of the lists fails."""
    warn_codes: tuple[int, ...] = ()
    """Exit codes that warn, with style "exec"."""
    unknown_codes: tuple[int, ...] = NOT_FOUND
    """Exit codes that say nothing about the realserver, with style "exec"."""
    weight_codes: bool = False
    """Take exit codes as keepalived's misc_dynamic: 0 passes, 1 fails, 2 to 255 pass and ask for weight 0 to 253."""
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

    def __post_init__(self) -> None:
        """Raise ValueError for what can never be run, never pass, or never fail."""
        self._check_command()
        self._check_codes()
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

    def _check_command(self) -> None:
        if not self.command or not self.command[0]:
            raise ValueError(
                'command: write the program and its arguments, such as ["/usr/local/bin/look", "{address}"]'
            )
        program = self.command[0]
        if "/" in program and not program.startswith("/"):
            raise ValueError(f"command: write the whole path of {program}, or its name alone")
        if any("\0" in word for word in self.command):
            raise ValueError("command: a word holds a NUL character")
        refuse_unknown("command", self.command)
        refuse_unknown("environment", self.environment.values())
        if used([program]):
            raise ValueError("command: the program itself cannot be a placeholder")

    def _check_codes(self) -> None:
        lists = {"pass_codes": self.pass_codes, "warn_codes": self.warn_codes, "unknown_codes": self.unknown_codes}
        if self.style != "exec" or self.weight_codes:
            why = f'style = "{self.style}"' if self.style != "exec" else "weight_codes = true"
            if self.style != "exec" and self.weight_codes:
                raise ValueError(f"weight_codes: leave it out: with {why} the exit codes have their own meaning")
            for name, default in (("pass_codes", (0,)), ("warn_codes", ()), ("unknown_codes", NOT_FOUND)):
                if lists[name] != default:
                    raise ValueError(f"{name}: leave it out: with {why} the exit codes have their own meaning")
            return
        known: dict[int, str] = {}
        for name, codes in lists.items():
            for code in codes:
                if not 0 <= code <= 255:
                    raise ValueError(f"{name}: an exit code is a number from 0 to 255, not {code}")
                first = known.setdefault(code, name)
                if first != name:
                    raise ValueError(f"{name}: {code} is in {first} too: leave it out of one of them")
        if not self.pass_codes and not self.warn_codes:
            raise ValueError("pass_codes: without any exit code that passes or warns, the probe can never pass")
        if len(known) == 256:
            raise ValueError("pass_codes: no exit code is left that fails, so the probe can never fail")

    @property
    def needs_hostname(self) -> bool:
        return "hostname" in self._placeholders

    @property
    def needs_vip(self) -> bool:
        return bool(self._placeholders & {"vip", "vport"})

    @property
    def _placeholders(self) -> frozenset[str]:
        return used([*self.command, *self.environment.values()])

    @property
    def memory_bound(self) -> int:
        return 262144 + 6 * self.max_output

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        left = ctx.deadline.at - ctx.clock.monotonic()
        memory = MonMemory.recall(ctx, (self.command, target)) if self.style == "mon" else None
        program = self._program(target, left, {} if memory is None else memory.environment())
        running = await ctx.net.within(left * _START_SHARE, ctx.net.start_program(program))
        if running is None:
            raise LocalFault(
                f"{self.command[0]} could not be started in time: an earlier run of it is still being ended, or the"
                " director is busy",
                Reason.STARVED,
            )
        outcome = self._judge(await running.ended())
        if memory is not None:
            memory.remember(ctx, (self.command, target), outcome)
        return outcome

    def _program(self, target: Target, left: float, memory: Mapping[str, str]) -> Program:
        facts = {
            "address": target.address,
            "port": str(target.port),
            "hostname": target.hostname or "",
            "vip": target.vip or "",
            "vport": "" if target.vport is None else str(target.vport),
            "timeout": str(max(1, ceil(round(left, 1)))),
        }
        argv = [fill(word, facts) for word in self.command]
        environment = {"PATH": PATH, "LC_ALL": "C.UTF-8"}
        environment |= {f"LVSMON_{name.upper()}": value for name, value in facts.items() if value}
        if self.style == "mon":
            argv = argv[:-1] if argv[-1] == ";;" else [*argv, target.address]
            environment |= {
                "MON_GROUP": target.hostname or target.vip or target.address,
                "MON_SERVICE": self._name.removesuffix(".monitor"),
                **memory,
            }
        environment |= {name: fill(value, facts) for name, value in self.environment.items()}
        return Program(
            argv=tuple(argv),
            environment=environment,
            identity=repr((target, self.command, self.user, self.style, sorted(self.environment.items()))),
            search=_SEARCH[self.style],
            user=self.user,
            directory=self.directory,
            umask=int(self.umask, 8),
            merge=self.style == "mon",
            trusted=self.allow_writable,
            max_output=self.max_output,
            max_cpu=ceil(self.max_cpu),
            max_memory=self.max_memory,
            max_files=self.max_files,
            max_processes=self.max_processes,
        )

    @property
    def _name(self) -> str:
        return shown(self.command[0].rpartition("/")[2].encode(), 60)

    def _judge(self, ended: Ended) -> Outcome:
        outcome = lacking(self._name, ended)
        if outcome is not None:
            return outcome
        if self.style == "mon":
            return of_mon(self._name, ended)
        if self.style == "nagios":
            return of_plugin(self._name, ended)
        verdict, weight = self._meaning(ended.code or 0)
        return of_exec(self._name, ended, verdict, weight)

    def _meaning(self, code: int) -> tuple[Verdict, Weight | None]:
        if self.weight_codes:
            return (Verdict.FAIL if code == 1 else Verdict.PASS), (Weight(code - 2) if code >= 2 else None)
        if code in self.pass_codes:
            return Verdict.PASS, None
        if code in self.warn_codes:
            return Verdict.WARN, None
        return (Verdict.UNKNOWN if code in self.unknown_codes else Verdict.FAIL), None
