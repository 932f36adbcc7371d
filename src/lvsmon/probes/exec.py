"""exec: any program decides, mon's monitors and monitoring plugins among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Final, Literal

from lvsmon.errors import LocalFault
from lvsmon.model import Outcome, Reason, Target, Verdict, Weight
from lvsmon.model.placeholders import fill, used
from lvsmon.net.program_settings import PATH, ProgramSettings
from lvsmon.net.programs import Ended, Program
from lvsmon.probes.base import Context
from lvsmon.probes.exit_codes import NOT_FOUND, lacking, of_exec, of_mon, of_plugin
from lvsmon.probes.mon_memory import MonMemory
from lvsmon.probes.talk import shown

_PLACEHOLDERS: Final = ("address", "port", "hostname", "vip", "vport", "timeout")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecProbe(ProgramSettings):
    """Run a program on the director and go by its end."""

    kind: ClassVar[str] = "exec"
    only_rip: ClassVar[bool] = True
    transport: ClassVar[str] = "any"
    uses_hostname: ClassVar[bool] = True
    uses_vip: ClassVar[bool] = True

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

    def __post_init__(self) -> None:
        """Raise ValueError for what can never be run, never pass, or never fail."""
        self.check_program(_PLACEHOLDERS, ("/usr/local/bin/look", "{address}"))
        self._check_codes()

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
    def needs_port(self) -> bool:
        return "port" in self._placeholders

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
        program = self.one_run(target, max(1, ceil(round(left, 1))), {} if memory is None else memory.environment())
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

    def one_run(self, target: Target, timeout: int, memory: Mapping[str, str]) -> Program:
        """Return the program for one run that may take ``timeout`` seconds; ``memory`` is `MonMemory.environment`."""
        facts = {
            "address": target.address,
            "port": str(target.port) if target.port else "",
            "hostname": target.hostname or "",
            "vip": target.vip or "",
            "vport": "" if target.vport is None else str(target.vport),
            "timeout": str(timeout),
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
        return self.program(
            argv,
            environment,
            identity=repr((target, self.command, self.user, self.style, sorted(self.environment.items()))),
            search=_SEARCH[self.style],
            merge=self.style == "mon",
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
