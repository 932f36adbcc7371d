"""exec: any program carries the alert; mon's alert scripts among them, unchanged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Final, Literal

from lvsmon.actions import mon_alert
from lvsmon.actions.failing import failed
from lvsmon.actions.words import PLACEHOLDERS, as_json, words
from lvsmon.alerts.alert import Alert
from lvsmon.errors import LocalFault
from lvsmon.model.placeholders import fill, refuse_unknown
from lvsmon.model.settings import Duration
from lvsmon.net.engine import Engine
from lvsmon.net.nested import in_reactor
from lvsmon.net.program_settings import PATH, ProgramSettings
from lvsmon.net.programs import Ended, Program
from lvsmon.net.silent import SilentTrace
from lvsmon.net.sockets import SocketConnector

_SEARCH: Final[Mapping[str, tuple[str, ...]]] = {
    "exec": tuple(PATH.split(":")),
    "mon": ("/usr/local/lib/mon/alert.d", "/usr/lib/mon/alert.d", "/usr/lib/mon"),
}
_TEMPORARY: Final = 75
"""EX_TEMPFAIL of sysexits.h: "the user is invited to try again"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecChannel(ProgramSettings):
    """Run a program on the director, which carries the alert where it belongs."""

    kind: ClassVar[str] = "exec"

    style: Literal["exec", "mon"] = "exec"
    """What it is given: "exec" (variables, and the alert as JSON on standard input), "mon" (as mon's alert scripts)."""
    final_codes: tuple[int, ...] = ()
    """Exit codes after which the alert is not tried again; 0 is taken, every other is tried again."""
    ignore_codes: bool = False
    """Take the alert for delivered whatever the exit code is, as mon does."""
    group: str | None = None
    """The group that a script of mon's is told; the virtual service, realserver or director if not given."""
    service: str | None = None
    """The service that a script of mon's is told; the severity if not given."""
    alertevery: Duration | None = None
    """Tell a script of mon's by -l how often the alert is repeated; mon itself leaves -l out."""
    timeout: Duration = 30.0
    """How long it may take; then its whole process group gets TERM, half a second later KILL."""

    def __post_init__(self) -> None:
        """Raise ValueError for what can never be run, or decides nothing."""
        self.check_program(PLACEHOLDERS, ("/usr/local/bin/tell", "{subject}"))
        for code in self.final_codes:
            if not 1 <= code <= 255 or code == _TEMPORARY:
                raise ValueError(f"final_codes: write exit codes from 1 to 255 but not 75, not {code}")
        if self.final_codes and self.ignore_codes:
            raise ValueError("final_codes: with ignore_codes = true they decide nothing: leave one of them out")
        for setting in ("group", "service", "alertevery"):
            if getattr(self, setting) is not None and self.style != "mon":
                raise ValueError(f'{setting}: is told with style = "mon" only')
        for setting, text in (("group", self.group), ("service", self.service)):
            if text == "":
                raise ValueError(f"{setting}: write a name, or leave it out")
            refuse_unknown(setting, [text or ""], PLACEHOLDERS)
        if self.alertevery is not None and self.alertevery < 1:
            raise ValueError("alertevery: write at least 1s")
        if not 0.1 <= self.timeout <= 3600:
            raise ValueError("timeout: write a duration from 100ms to 1h")

    async def deliver(self, alert: Alert, /) -> None:
        program = self._program(alert)

        async def work(engine: Engine) -> Ended:
            net = SocketConnector(engine, SilentTrace())
            try:
                return await (await net.start_program(program)).ended()
            finally:
                net.close_all()

        try:
            ended = await in_reactor(work)
        except LocalFault as fault:
            raise failed(self, str(fault)) from None
        self._judge(ended)

    def _program(self, alert: Alert) -> Program:
        facts = words(alert)
        argv = [fill(word, facts) for word in self.command]
        environment = {"PATH": PATH, "LC_ALL": "C.UTF-8"}
        environment |= {f"LVSMON_{name.upper()}": word for name, word in facts.items()}
        environment["LVSMON_TIMEOUT"] = str(ceil(self.timeout))
        if self.style == "mon":
            group = fill(self.group, facts) if self.group else mon_alert.group_of(alert)
            service = fill(self.service or "{severity}", facts)
            argv[1:1] = mon_alert.arguments(alert, group, service, self.alertevery)
            environment |= mon_alert.variables(alert, group, service)
            stdin = mon_alert.standard_input(alert)
        else:
            stdin = json.dumps(as_json(alert), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        environment |= {name: fill(value, facts) for name, value in self.environment.items()}
        return self.program(
            argv,
            environment,
            identity=repr(("alert", self.command, self.user, self.style)),
            search=_SEARCH[self.style],
            stdin=stdin,
        )

    def _judge(self, ended: Ended) -> None:
        """Raise `ActionFailed` unless the program has taken the alert."""
        name = self.command[0].rpartition("/")[2]
        if ended.signal is not None:
            over = ": it used too much processor time (max_cpu)" if ended.signal == "SIGXCPU" else ""
            raise failed(self, f"{name} was killed by {ended.signal}{over}")
        if ended.code == 0 or self.ignore_codes:
            return
        said = (ended.errors.strip() or ended.output.strip()).partition(b"\n")[0].decode("utf-8", "backslashreplace")
        text = f"{name} exited with {ended.code}" + (f": {said}" if said else "")
        raise failed(self, text, final=ended.code in self.final_codes)
