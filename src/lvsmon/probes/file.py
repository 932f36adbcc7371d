"""file: a number or a word in a file on the director says what a realserver is to get."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from lvsmon.errors import ExpectationFailed, LocalFault, ProtocolViolation
from lvsmon.model import Outcome, Reason, Target
from lvsmon.model.placeholders import fill, refuse_unknown, used
from lvsmon.model.settings import Duration, format_duration
from lvsmon.probes.base import Context, passed
from lvsmon.probes.reports import outcome_of
from lvsmon.wire.agent import MAX_LINE, parse

Reaction: TypeAlias = Literal["pass", "fail", "unknown"]

_PLACES: Final = ("address", "port", "hostname")
_SHARE: Final = 0.9
"""Of the time that is left: a file that cannot be read in it says nothing about the realserver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProbe:
    """Read a file: up, down, drain, maint, a weight, or a weight in percent."""

    kind: ClassVar[str] = "file"
    only_rip: ClassVar[bool] = True
    transport: ClassVar[str] = "any"
    memory_bound: ClassVar[int] = 65536

    path: str
    """The file, with {address}, {port} and {hostname} filled in: one file for each realserver."""
    missing: Reaction = "unknown"
    """What it means that there is no such file, or nothing in it."""
    max_age: Duration | None = None
    """How long ago it may have been written at most; not limited where it is not set."""
    stale: Reaction = "unknown"
    """What it means that it is older than max_age."""

    def __post_init__(self) -> None:
        """Raise ValueError for paths that name no file and limits that decide nothing."""
        if not self.path.startswith("/") or self.path.endswith("/") or "\0" in self.path:
            raise ValueError('path: write the whole path of a file, such as "/run/lvsmon/{address}"')
        refuse_unknown("path", [self.path], _PLACES)
        if self.max_age is not None and self.max_age <= 0:
            raise ValueError("max_age: write more than 0s, or leave it out")
        if self.max_age is None and self.stale != "unknown":
            raise ValueError('stale: works with max_age only: write for example max_age = "5m"')

    @property
    def uses_port(self) -> bool:
        return "port" in used([self.path])

    @property
    def uses_hostname(self) -> bool:
        return "hostname" in used([self.path])

    @property
    def needs_hostname(self) -> bool:
        return self.uses_hostname

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        facts = {"address": target.address, "port": str(target.port), "hostname": target.hostname or ""}
        path = fill(self.path, facts)
        left = ctx.deadline.at - ctx.clock.monotonic()
        found = await ctx.net.within(left * _SHARE, ctx.net.read_file(path, MAX_LINE))
        if found is None:
            raise LocalFault(f"{path} cannot be read in time: its disk or its server hangs", Reason.LOCAL_RESOURCES)
        if found.data is None or not found.data.strip():
            what = "there is no such file" if found.data is None else "there is nothing in it"
            return _react(self.missing, f"{path}: {what}")
        if self.max_age is not None and found.age > self.max_age:
            old = format_duration(float(round(found.age)))
            return _react(self.stale, f"{path} is {old} old, max_age is {format_duration(self.max_age)}")
        line = found.data.lstrip().splitlines()[0]
        try:
            report = parse(line, numbers=True)
        except ProtocolViolation as error:
            raise LocalFault(f"{path} holds {error}") from None
        return outcome_of(report, path)


def _react(reaction: Reaction, detail: str) -> Outcome:
    if reaction == "fail":
        raise ExpectationFailed(detail)
    if reaction == "unknown":
        raise LocalFault(detail, Reason.REFERENCE)
    return passed(detail)
