r"""A scripted network on virtual time: probes run on it without sockets and without an event loop.

A script is what the peer does, step by step:

    ScriptedConnector(Script(Send(b"220 ready\r\n"), Expect(b"QUIT\r\n"), Close()))

`play` steps a coroutine and jumps its clock over every wait, so a probe that waits for its deadline takes no time.
That the script behaves as a real socket does is shown by `lvsmon.testing.stream_conformance`, run over both.
"""

import errno
import types
from collections.abc import Coroutine, Generator, Sequence
from dataclasses import dataclass
from math import inf
from operator import itemgetter
from typing import Any, Final, TypeAlias, TypeVar

from lvsmon.errors import LocalFault, ProbeFailed
from lvsmon.model import Outcome, Target
from lvsmon.monitor.masking import masker_of
from lvsmon.monitor.runner import PhaseTrace, judge, missed
from lvsmon.net import faults
from lvsmon.net.base import Arrival, Stream, Trace
from lvsmon.net.files import Contents
from lvsmon.net.programs import Ended, Program
from lvsmon.net.shared import Shared
from lvsmon.net.tls.values import TlsProfile, TlsSession
from lvsmon.probes.base import Context, Deadline, Probe

_T = TypeVar("_T")

LISTENING: Final = ("192.0.2.254", "2001:db8::fe")
"""The director's addresses in the scripted network."""


@dataclass(frozen=True, slots=True)
class Expect:
    """The peer waits until it has been sent exactly these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Until:
    """The peer waits until it has been sent these bytes, whatever came before them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """The peer sends ``data``, so that a read returns at most ``chunk`` bytes of it."""

    data: bytes
    chunk: int = 65536


@dataclass(frozen=True, slots=True)
class Wait:
    """The peer does nothing for so many (virtual) seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """The peer closes its side: reads give b"" from here on."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer resets the connection: reads and writes fail from here on."""


@dataclass(frozen=True, slots=True)
class Hang:
    """The peer says no more and keeps the connection."""


Fate: TypeAlias = float | ProbeFailed | LocalFault | None
"""What becomes of an echo request."""

_ECHO_REPLIES: Final = {8: 0, 128: 129}


@dataclass(frozen=True, slots=True)
class Secure:
    """The peer does a TLS handshake, which comes to a session or to an error; what follows is said within TLS."""

    result: TlsSession | ProbeFailed | LocalFault


@dataclass(frozen=True, slots=True)
class UntilEnd:
    """The peer waits until the probe has said that it will write no more."""


Step: TypeAlias = Expect | Until | UntilEnd | Send | Secure | Wait | Close | Reset | Hang


class Script:
    """The steps of one peer; after the last it hangs."""

    def __init__(self, *steps: Step) -> None:
        self.steps: Final = steps


class ScriptError(AssertionError):
    """The probe did what the script does not allow: it wrote other bytes, or reads while the peer waits for bytes."""


class DeadlinePassed(Exception):
    """The coroutine was still waiting at its deadline."""


class _Sleep:
    """Awaited by the scripted network only: asks `play` to let virtual time go by.

    ``passed`` is less than ``seconds`` where `ScriptedConnector.within` has cut it short.
    """

    __slots__ = ("passed", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = self.passed = seconds

    def __await__(self) -> Generator["_Sleep", None, None]:
        yield self


@types.coroutine
def _within(seconds: float, part: Coroutine[Any, Any, _T]) -> Generator[_Sleep, None, _T | None]:
    """Pass on the sleeps of ``part`` as long as they fit into ``seconds``."""
    left = seconds
    try:
        while True:
            sleep = part.send(None)
            if sleep.seconds >= left:
                sleep.passed = left
                yield _Sleep(left)
                return None
            yield sleep
            left -= sleep.seconds
    except StopIteration as stop:
        result: _T = stop.value
        return result
    finally:
        part.close()


class ScriptedClock:
    """Virtual time: seconds since the script began; on the wall it began at ``started``."""

    def __init__(self, started: float = 1_750_000_000.0, *, synchronised: bool = True) -> None:
        self.now = 0.0
        self._started = started
        self._synchronised = synchronised

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> float:
        return self._started + self.now

    def synchronised(self) -> bool:
        return self._synchronised


def play(coroutine: Coroutine[Any, Any, _T], timeout: float = inf, clock: ScriptedClock | None = None) -> _T:
    """Run ``coroutine`` on virtual time, that of ``clock``, and return its result.

    Raise `DeadlinePassed` where it still waits after ``timeout`` virtual seconds (a peer that hangs waits for ever).
    """
    clock = clock or ScriptedClock()
    deadline = clock.now + timeout
    try:
        while True:
            clock.now += coroutine.send(None).seconds
            if clock.now >= deadline:
                raise DeadlinePassed
    except StopIteration as stop:
        result: _T = stop.value
        return result
    finally:
        coroutine.close()


def run_scripted(
    probe: Probe,
    target: Target,
    connector: "ScriptedConnector",
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


class ScriptedStream:
    """A stream whose peer follows a script.

    ``written`` is all that the probe wrote, ``secured`` each handshake's profile and server name, ``ended`` how it
    closed.
    """

    def __init__(self, script: Script, trace: Trace) -> None:
        self._steps = list(script.steps)
        self._trace = trace
        self._unread = b""
        self._pending = bytearray()
        self._finished = False
        self.secured: list[tuple[TlsProfile, str | None]] = []
        self.written = b""
        self.ended = ""

    async def read(self, limit: int = 65536, /) -> bytes:
        while True:
            self._take_expected()
            match self._steps[0] if self._steps else Hang():
                case Send(data, chunk):
                    piece = data[: min(limit, chunk)]
                    rest = data[len(piece) :]
                    self._steps[:1] = [Send(rest, chunk)] if rest else []
                    if piece:
                        self._trace.received(piece)
                        return piece
                case Wait(seconds):
                    sleep = _Sleep(seconds)
                    try:
                        await sleep
                    finally:
                        left = seconds - sleep.passed
                        self._steps[:1] = [Wait(left)] if left > 0 else []
                case Close():
                    self._trace.ended()
                    return b""
                case Reset():
                    raise faults.later(errno.ECONNRESET)
                case Hang():
                    await _Sleep(inf)
                case Expect(data) | Until(data):
                    raise ScriptError(f"the probe reads, but the peer still waits for {data!r}; got {self._pending!r}")
                case UntilEnd() | Secure() as step:
                    raise ScriptError(f"the probe reads, but the peer waits for {step}")

    async def start_tls(self, profile: TlsProfile, sni: str | None = None, /) -> TlsSession:
        self._trace.securing()
        while True:
            match self._steps[0] if self._steps else Hang():
                case Secure(result):
                    del self._steps[0]
                    self.secured.append((profile, sni))
                    if not isinstance(result, TlsSession):
                        raise result
                    self._trace.secured()
                    return result
                case Wait(seconds):
                    await _Sleep(seconds)
                    del self._steps[0]
                case Hang():
                    await _Sleep(inf)
                case step:
                    raise ScriptError(f"the probe starts TLS, but the peer's next step is {step}")

    async def finish(self) -> None:
        self._finished = True
        self._take_expected()

    async def write(self, data: bytes, /) -> None:
        if self._steps and isinstance(self._steps[0], Reset):
            raise faults.later(errno.ECONNRESET)
        self._trace.sent(data)
        self.written += data
        self._pending += data
        self._take_expected()

    def due_in(self) -> float:
        """Return the virtual seconds until the peer does the next thing of its own accord."""
        self._take_expected()
        match self._steps[0] if self._steps else Hang():
            case Wait(seconds):
                return seconds
            case Hang() | Expect() | Until() | UntilEnd() | Secure():
                return inf
            case _:
                return 0

    @property
    def waits(self) -> bool:
        """Whether the peer's next step is a `Wait`."""
        return bool(self._steps) and isinstance(self._steps[0], Wait)

    def can_be_read(self) -> bool:
        """Return whether a read would come back at once."""
        return self.due_in() == 0

    def let_pass(self, seconds: float) -> None:
        """Let virtual time go by for the peer."""
        if self._steps and isinstance(step := self._steps[0], Wait):
            left = step.seconds - seconds
            self._steps[:1] = [Wait(left)] if left > 0 else []

    def _take_expected(self) -> None:
        """Go past the steps that what was written has satisfied."""
        while self._steps:
            match self._steps[0]:
                case Expect(data):
                    common = min(len(data), len(self._pending))
                    if self._pending[:common] != data[:common]:
                        raise ScriptError(f"the peer wanted {data!r} and got {bytes(self._pending)!r}")
                    if common < len(data):
                        return
                    del self._pending[: len(data)]
                case Until(data):
                    found = self._pending.find(data)
                    if found < 0:
                        return
                    del self._pending[: found + len(data)]
                case UntilEnd():
                    if not self._finished:
                        return
                case _:
                    return
            del self._steps[0]

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = self.ended or "reset"


class ScriptedDatagram:
    """A datagram socket whose peer follows a script: each `Send` is one datagram, each `Expect` wants one."""

    def __init__(self, script: Script, trace: Trace) -> None:
        self._steps = list(script.steps)
        self._trace = trace
        self.sent: list[bytes] = []
        self.ended = ""

    async def send(self, data: bytes, /) -> None:
        self._trace.sent(data)
        self.sent.append(data)
        if self._steps and isinstance(wanted := self._steps[0], Expect):
            if wanted.data != data:
                raise ScriptError(f"the peer wanted {wanted.data!r} and got {data!r}")
            del self._steps[0]

    async def receive(self, limit: int = 65536, /) -> bytes:
        while True:
            match self._steps[0] if self._steps else Hang():
                case Send(data):
                    del self._steps[0]
                    self._trace.received(data[:limit])
                    return data[:limit]
                case Wait(seconds):
                    sleep = _Sleep(seconds)
                    try:
                        await sleep
                    finally:
                        left = seconds - sleep.passed
                        self._steps[:1] = [Wait(left)] if left > 0 else []
                case Reset() | Close():
                    raise faults.later(errno.ECONNREFUSED)
                case _:
                    await _Sleep(inf)

    def close(self) -> None:
        self.ended = "closed"


class ScriptedEcho:
    """An echo socket whose host answers each request as the next of ``fates`` says; after the last it is silent.

    A number is the seconds until the answer, None loses the request, an error comes back at once.
    """

    def __init__(self, fates: Sequence[Fate], clock: ScriptedClock) -> None:
        self._fates = list(fates)
        self._clock = clock
        self._coming: list[tuple[float, bytes | ProbeFailed | LocalFault]] = []

    async def send(self, message: bytes, /) -> None:
        fate = self._fates.pop(0) if self._fates else None
        if isinstance(fate, ProbeFailed | LocalFault):
            self._coming.append((self._clock.now, fate))
        elif fate is not None:
            answer = bytes([_ECHO_REPLIES[message[0]]]) + message[1:]
            self._coming.append((self._clock.now + fate, answer))

    async def receive(self) -> Arrival:
        while True:
            first = min(self._coming, key=itemgetter(0), default=None)
            if first is None:
                await _Sleep(inf)
                continue
            if first[0] > self._clock.now:
                await _Sleep(first[0] - self._clock.now)
                continue
            self._coming.remove(first)
            at, what = first
            if not isinstance(what, bytes):
                raise what
            return Arrival(what, at)

    def close(self) -> None:
        self._coming.clear()


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
            sleep = _Sleep(min((stream.due_in() for stream in both), default=inf))
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
        stream = ScriptedStream(self._next(address, port), self.trace)
        self.opened.append(stream)
        return stream

    async def datagram(self, address: str, port: int, /) -> ScriptedDatagram:
        datagram = ScriptedDatagram(self._next(address, port), self.trace)
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
            await _Sleep(inf)
        if not isinstance(script, wanted):
            raise ScriptError(f"the probe asks for {wanted.__name__}, but the next step is {script}")
        return script

    async def pause(self, seconds: float, /) -> None:
        await _Sleep(seconds)

    async def within(self, seconds: float, part: Coroutine[Any, Any, _T], /) -> _T | None:
        return await _within(seconds, part)

    def close_all(self) -> None:
        for opened in self.opened:
            opened.close()
