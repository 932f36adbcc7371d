"""The director's side of a scripted network: what a probe opens gets the next script."""

from collections.abc import Coroutine, Sequence
from math import inf
from typing import Any, Final, TypeVar

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.model import Outcome, Target
from lvsmon.monitor.runner import PhaseTrace, judge, missed
from lvsmon.net.base import Stream
from lvsmon.net.files import Contents
from lvsmon.net.programs import Ended, Program
from lvsmon.net.shared import Shared
from lvsmon.probes.base import Context, Deadline, Probe
from lvsmon.secrets.masking import masker_of
from lvsmon.testing.network.peers import ScriptedDatagram, ScriptedEcho
from lvsmon.testing.network.script import LISTENING, Fate, Hang, Script, ScriptError
from lvsmon.testing.network.stream import ScriptedStream
from lvsmon.testing.network.virtual_time import DeadlinePassed, ScriptedClock, Sleep, play, within

_T = TypeVar("_T")


class ScriptedListener:
    """Listens for a peer that follows a script and connects at once, or after the `Wait` that its script begins with.

    Where it has no script, nobody ever connects.
    """

    def __init__(self, address: str, port: int, script: Script | None, connector: "ScriptedConnector") -> None:
        self.address: Final = address
        self.port: Final = port
        self._waiting = None if script is None else ScriptedStream(script, connector.trace)
        self._connector = connector
        self.ended = ""

    async def accept(self, unless: Stream | None = None, /) -> ScriptedStream | None:
        if unless is not None and not isinstance(unless, ScriptedStream):
            raise TypeError("accept() takes a stream of the same connector")
        while True:
            coming = self._waiting
            if coming is not None and not coming.waits:
                self._waiting = None
                self._connector.opened.append(coming)
                return coming
            if unless is not None and unless.can_be_read():
                return None
            both = [stream for stream in (coming, unless) if stream is not None]
            sleep = Sleep(min((stream.due_in() for stream in both), default=inf))
            try:
                await sleep
            finally:
                for stream in both:
                    stream.let_pass(sleep.passed)

    def close(self) -> None:
        self.ended = "closed"


class ScriptedRunning:
    """A program whose end is scripted."""

    def __init__(self, end: Coroutine[Any, Any, Ended]) -> None:
        self._end = end

    async def ended(self) -> Ended:
        return await self._end


class ScriptedEvent:
    """Who waits for it waits for ever: there is no other run."""

    def set(self) -> None: ...

    async def wait(self) -> None:
        await Sleep(inf)


class ScriptedConnector:
    """Gives each connection the next script; an error in place of a script is raised by connecting.

    A listener takes the next script too, for whoever connects to it; None is for nobody, an error is raised by
    listening. It has `LISTENING` of the family of the last connection as its address, and ports from 40001 on. A
    program or a file takes its turn as well: `Ended` and `Contents` are what it comes to, `Hang` is no end.

    ``opened`` holds what was opened, ``asked`` the programs and files that were asked for, in order; ``pings`` is what
    becomes of echo requests.
    """

    def __init__(
        self,
        *scripts: Script | Ended | Contents | Hang | ProbeFailed | LocalFault | None,
        pings: Sequence[Fate] = (),
        trace: PhaseTrace | None = None,
    ) -> None:
        self._scripts = list(scripts)
        self._pings = pings
        self._listened = 0
        self._listening = LISTENING[0]
        self.trace = trace or PhaseTrace()
        self.clock = ScriptedClock()
        self.opened: list[ScriptedStream | ScriptedDatagram | ScriptedEcho | ScriptedListener] = []
        self.asked: list[Program | str] = []

    async def echo(self, address: str, /) -> ScriptedEcho:
        self.trace.connecting(address, 0)
        self.trace.connected()
        echo = ScriptedEcho(self._pings, self.clock)
        self.opened.append(echo)
        return echo

    async def listen(self, beside: Stream, ports: tuple[int, int] | None = None, /) -> ScriptedListener:  # noqa: ARG002
        if not self._scripts:
            raise ScriptError("no script is left for a listener")
        script = self._scripts.pop(0)
        if isinstance(script, ProbeFailed | LocalFault):
            raise script
        if not (script is None or isinstance(script, Script)):
            raise ScriptError(f"the probe listens, but the next step is {script}")
        self._listened += 1
        listener = ScriptedListener(self._listening, (ports[0] if ports else 40000) + self._listened, script, self)
        self.opened.append(listener)
        return listener

    def awaiting(self, what: str, /) -> None:
        self.trace.awaiting(what)

    async def connect(self, address: str, port: int, /) -> ScriptedStream:
        self._listening = LISTENING[":" in address]
        stream = ScriptedStream(self._next(address, port), self.trace, self._listening)
        self.opened.append(stream)
        return stream

    async def datagram(self, address: str, port: int, /) -> ScriptedDatagram:
        datagram = ScriptedDatagram(self._next(address, port), self.trace, LISTENING[":" in address])
        self.opened.append(datagram)
        return datagram

    def _next(self, address: str, port: int) -> Script:
        self.trace.connecting(address, port)
        if not self._scripts:
            raise ScriptError(f"no script is left for a connection to {address} port {port}")
        script = self._scripts.pop(0)
        if isinstance(script, ProbeFailed | LocalFault):
            raise script
        if not isinstance(script, Script):
            raise ScriptError(f"the probe connects to {address} port {port}, but the next step is {script}")
        self.trace.connected()
        return script

    async def start_program(self, program: Program, /) -> "ScriptedRunning":
        self.asked.append(program)
        self.trace.awaiting(f"the start of {program.argv[0]}")
        if self._scripts and isinstance(fault := self._scripts[0], LocalFault):
            del self._scripts[0]
            raise fault
        self.trace.awaiting(f"the end of {program.argv[0]}")
        return ScriptedRunning(self._come_to(Ended))

    async def read_file(self, path: str, limit: int, /) -> Contents:
        self.asked.append(path)
        self.trace.awaiting(f"what {path} holds")
        found = await self._come_to(Contents)
        return found if found.data is None else Contents(found.data[:limit], found.age)

    async def _come_to(self, wanted: type[_T]) -> _T:
        if not self._scripts:
            raise ScriptError(f"no {wanted.__name__} is left")
        script = self._scripts.pop(0)
        if isinstance(script, ProbeFailed | LocalFault):
            raise script
        if isinstance(script, Hang):
            await Sleep(inf)
        if not isinstance(script, wanted):
            raise ScriptError(f"the probe asks for {wanted.__name__}, but the next step is {script}")
        return script

    def event(self) -> "ScriptedEvent":
        return ScriptedEvent()

    async def pause(self, seconds: float, /) -> None:
        await Sleep(seconds)

    async def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> _T | None:
        return await within(seconds, part)

    def close_all(self) -> None:
        for opened in self.opened:
            opened.close()


def run_scripted(
    probe: Probe,
    target: Target,
    connector: ScriptedConnector,
    timeout: float = 3.0,
    *,
    clock: ScriptedClock | None = None,
    shared: Shared | None = None,
) -> Outcome:
    """Return what the runner would make of this run, on virtual time; bugs and script errors are raised."""
    clock, shared = clock or ScriptedClock(), shared or Shared()
    connector.clock = clock
    context = Context(net=connector, deadline=Deadline(at=clock.now + timeout), clock=clock, shared=shared)
    try:
        outcome = play(probe.check(target, context), timeout, clock)
    except DeadlinePassed:
        outcome = missed(timeout, connector.trace.where)
    except (ProbeFailed, LocalFault) as error:
        outcome = judge(error)
    finally:
        connector.close_all()
    return masker_of(probe).outcome(outcome)
