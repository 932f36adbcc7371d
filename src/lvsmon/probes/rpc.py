"""rpc: ONC RPC programs answer their null procedure; the portmapper's list alone proves nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, cast

from lvsmon.errors import LocalFault, ProbeFailed, Rejected
from lvsmon.model import FactValue, Outcome, Target
from lvsmon.model.settings import Duration
from lvsmon.probes.base import Context, passed
from lvsmon.probes.onc import MEMORY, Caller, Over, Portmapper, Refused, about
from lvsmon.probes.programs import Wanted, name_of, number_of
from lvsmon.wire import rpcbind
from lvsmon.wire.rpc import Answer, Call, Credential
from lvsmon.wire.rpcbind import Registration

_NAMED: Final = 3
"""Programs whose first failure is told in full; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcProbe:
    """Call null procedures: of one program, of a list, or of everything that is registered."""

    kind: ClassVar[str] = "rpc"
    default_port: ClassVar[int] = 111
    transport: ClassVar[str] = "any"
    uses_hostname: ClassVar[bool] = False
    needs_hostname: ClassVar[bool] = False
    memory_bound: ClassVar[int] = MEMORY

    program: str | int | None = None
    """The program, by name ("nfs") or number (100003)."""
    version: int | None = None
    """Its version; if not given, every registered one, or the highest that the program itself names."""
    over: Literal["udp", "tcp"] | None = None
    """The transport; if not given, each that is registered, or tcp where the port is the program's own."""
    all: bool = False
    """Call everything that is registered with the portmapper; so it is where neither program nor required is given."""
    required: tuple[str | int, ...] = ()
    """Programs that must be registered and answer: "nfs", "100005", or with a version "nfs/3"."""
    ignore: tuple[str | int, ...] = ()
    """With all: programs that are not called."""
    portmapper: bool | None = None
    """Whether the port is the portmapper's or the program's own; if not given, 111 is the portmapper's."""
    rpcbind_version: Literal[2, 3, 4] | None = None
    """The version that the portmapper is asked in; if not given, 2 over IPv4, 4 over IPv6, or another it has."""
    credential: Literal["none", "sys"] = "none"
    """What calls say about the caller: nothing, or user 0 of a host "lvsmon" (AUTH_SYS), as old programs may want."""
    retransmit: Duration = 0.4
    """How long an answer over UDP is waited for before the call is sent again; doubled each time."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or decide nothing."""
        if (self.program is not None) + self.all > 1 or (self.program is not None and self.required):
            raise ValueError("program, all and required: write program, or all and required (or one of them)")
        if self.version is not None and (self.program is None or not 0 <= self.version < 2**32):
            raise ValueError("version: it is a number, and of one program: write program as well")
        if self.ignore and not self._calls_all:
            raise ValueError("ignore: it goes with all = true")
        if self.portmapper is False and self.program is None:
            raise ValueError("portmapper: it must be asked for all and required programs; leave it out or write true")
        if not 0.01 <= self.retransmit <= 60:
            raise ValueError('retransmit: write a duration from "10ms" to "1m"')
        if self.program is not None:
            number_of(self.program)
        wanted = {Wanted.read(entry).program for entry in self.required}
        if both := wanted & {number_of(entry) for entry in self.ignore}:
            raise ValueError(f"ignore: {name_of(min(both))} is required as well")

    @property
    def _calls_all(self) -> bool:
        return self.all or (self.program is None and not self.required)

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        if self.rpcbind_version == 2 and ":" in target.address:
            raise LocalFault("rpcbind_version 2 knows nothing of IPv6: write 3 or 4, or leave it out")
        caller = Caller(ctx, target.address, self.retransmit, Credential(self.credential))
        asks = self.portmapper if self.portmapper is not None else target.port == rpcbind.PORT or self.program is None
        if not asks:
            outcome = await self._call_port(caller, target.port)
        else:
            outcome = await self._call_registered(caller, target.port)
        caller.close()
        return outcome

    async def _call_port(self, caller: Caller, port: int) -> Outcome:
        """Call the program at its own port."""
        assert self.program is not None  # noqa: S101  __post_init__ saw to it
        program, over, version = number_of(self.program), self.over or "tcp", self.version
        with about(f"{name_of(program)} at {over} port {port}"):
            if version is None:
                version = await _highest(caller, over, port, program)
            await caller.call(over, port, Call(program, version))
        text = f"{name_of(program)} version {version} answers at {over} port {port}"
        return passed(text, {"program": program, "version": version, "port": port})

    async def _call_registered(self, caller: Caller, port: int) -> Outcome:
        """Call what the portmapper says is registered, as far as it is wanted."""
        portmapper = Portmapper(caller, port, self.rpcbind_version)
        if self.program is not None and self.version is not None and self.over is not None:
            program = number_of(self.program)
            with about(f"{name_of(program)} version {self.version}"):
                found = await portmapper.find(program, self.version, self.over)
            return await _call_each(caller, [Registration(program, self.version, self.over, found)])
        listed = [one for one in await portmapper.dump() if self.over in (None, _over(one))]
        if self.program is not None:
            return await _call_each(caller, _chosen(listed, [Wanted(number_of(self.program), self.version)]))
        chosen = _chosen(listed, [Wanted.read(entry) for entry in self.required])
        if self._calls_all:
            ignored = {number_of(entry) for entry in self.ignore}
            chosen = [one for one in listed if one.program not in ignored]
            if not chosen:
                raise Rejected("nothing is registered with the portmapper")
        return await _call_each(caller, chosen)


def _chosen(listed: list[Registration], wanted: list[Wanted]) -> list[Registration]:
    """Return the registrations that are wanted; raise `Rejected` naming every program that has none."""
    chosen, missing = [], []
    for one in wanted:
        found = [entry for entry in listed if entry.program == one.program and one.version in (None, entry.version)]
        chosen += found
        if not found:
            others = sorted({entry.version for entry in listed if entry.program == one.program})
            missing.append(f"{one} (only {_numbers(others)})" if others else str(one))
    if missing:
        raise Rejected(f"not registered with the portmapper: {', '.join(missing)}")
    return chosen


async def _call_each(caller: Caller, chosen: list[Registration]) -> Outcome:
    """Call every one, so that all that is wrong is told; raise `ProbeFailed` with the first one's reason."""
    failures: list[ProbeFailed] = []
    told: dict[int, ProbeFailed] = {}
    for one in dict.fromkeys(chosen):
        over = _over(one)
        try:
            with about(f"{name_of(one.program)} version {one.version}, registered at {over} port {one.port}"):
                if one.port == 0:
                    raise Rejected("that is no port")
                await caller.call(over, one.port, Call(one.program, one.version))
        except ProbeFailed as error:
            failures.append(error)
            told.setdefault(one.program, error)
    calls = len(set(chosen))
    if failures:
        of_many = f"{len(failures)} of {calls} calls failed: " if calls > 1 else ""
        some = [str(error) for error in told.values()][:_NAMED]
        more = f"; and {len(failures) - len(some)} more" if len(failures) > len(some) else ""
        raise ProbeFailed(of_many + "; ".join(some) + more, failures[0].reason)
    versions: dict[str, set[int]] = {}
    for one in chosen:
        versions.setdefault(name_of(one.program), set()).add(one.version)
    said = "; ".join(f"{name} {_numbers(numbers)}" for name, numbers in sorted(versions.items()))
    facts: dict[str, FactValue] = {"programs": len(versions), "calls": calls}
    return passed(f"{calls} call{'s' * (calls > 1)} answered: {said}", facts)


async def _highest(caller: Caller, over: Over, port: int, program: int) -> int:
    """Return the highest version that the program names when it is called in a version that nothing has."""
    try:
        await caller.call(over, port, Call(program, 0))
    except Refused as error:
        if error.reply.answer is not Answer.VERSION_MISMATCH:
            raise
        return error.reply.high
    return 0


def _over(one: Registration) -> Over:
    return cast("Over", one.network.removesuffix("6"))


def _numbers(versions: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(versions)))
