"""One worker process as the supervisor sees it: started, spoken to, listened to with suspicion, ended."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from lvsmon.errors import LocalFault
from lvsmon.logs import event
from lvsmon.model import Through
from lvsmon.monitor.news import Look, News
from lvsmon.monitor.prober import BEAT
from lvsmon.monitor.vitals import ProbingVitals
from lvsmon.monitor.waiting import Ran
from lvsmon.monitor.workers import down, gate, pings, up
from lvsmon.monitor.workers.budget import Budget, Flood
from lvsmon.monitor.workers.down import Begin, LookAt, Order, RunNow, Update, Watch
from lvsmon.monitor.workers.frames import MOST_UP, Frames, TooLong, framed
from lvsmon.monitor.workers.gate import Gate, NotAsked
from lvsmon.monitor.workers.starting import start
from lvsmon.monitor.workers.ways import NotOurs, Porter, ways_of
from lvsmon.net import programs
from lvsmon.probes.part import Part

_log: Final = logging.getLogger(__name__)

SILENCE: Final = 10
"""Beats of ours without a word after which a worker hangs: 5 s. Ours, so that it counts nothing while we are stopped
ourselves."""

STARTING: Final = 240
"""Beats in which a new worker must be ready: two minutes, since a busy machine may take long to load Python."""

_READ: Final = 1 << 16
_UNREAD: Final = 1 << 26
"""Bytes, beyond what it was given at once, that wait for a worker that does not read."""

_ASKED: Final = 1000
"""Questions that wait for an answer; who asks more is not answered."""

_REFUSED: Final = 1 << 16
"""Bytes of the budget that asking for a program which nobody runs costs."""

_ASKING: Final = 256
"""Bytes of the budget that any other request costs."""

_WORDS: Final = 2000
"""Bytes told of what a worker wrote to standard error before it ended."""


class Listener(Protocol):
    """Who has workers."""

    def ready(self, worker: "Worker", missing: Iterable[str]) -> None: ...

    def heard(self, news: list[News]) -> None: ...

    def ended(self, worker: "Worker", why: str) -> None:
        """Hear that it is gone; not when it was told to `stop`."""
        ...


class Worker:
    """Needs a running event loop; raise OSError where no process can be started."""

    def __init__(self, index: int, begin: Begin, listener: Listener, porter: Porter) -> None:
        self._porter = porter
        self.index = index
        self.part = Part()
        self.is_ready = False
        self.vitals = ProbingVitals()
        """How it is doing, as it told last."""
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._started = start()
        self.pid = self._started.pid
        self.since = time.time()
        self._gone = self._loop.create_future()
        self._stopping = False
        self._why = ""
        self._frames, self._budget, self._gate = Frames(MOST_UP), Budget(), Gate()
        self._out = bytearray()
        self._most_out = _UNREAD
        self._ways: dict[str, Through] = {}
        self._silent = 0
        self._number = 0
        self._parts: dict[int, Part] = {}
        self._looks: dict[int, tuple[asyncio.Future[dict[str, Look]], dict[str, Look]]] = {}
        self._runs: dict[int, tuple[asyncio.Future[Ran | None], str]] = {}
        self._loop.add_reader(self._started.watch, self._reap)
        self._loop.add_reader(self._started.words.fileno(), self._read)
        self._loop.add_reader(self._started.programs.fileno(), self._pass_on)
        self._loop.add_reader(self._started.pings.fileno(), self._deal)
        self._loop.add_reader(self._started.ways.fileno(), self._lead)
        self._say(begin)

    def update(self, part: Part, known: Mapping[str, Any]) -> None:
        """Have it probe ``part``; until it says that it does, it may still speak of the one before."""
        self._number += 1
        self._say(Update.between(self._number, self.part, part, known))
        self._parts[self._number - 1] = self.part
        self.part = part
        self._budget.update(len(part.probes))
        self._gate.update(part.probes)
        self._ways = ways_of(part.probes.values())

    def watch(self, probes: frozenset[str]) -> None:
        self._say(Watch(probes & self.part.probes.keys()))

    async def look(self, probes: Iterable[str]) -> Mapping[str, Look]:
        """Ask how ``probes`` are; what it does not answer is left out."""
        if len(self._looks) >= _ASKED:
            return {}
        self._number += 1
        future: asyncio.Future[dict[str, Look]] = self._loop.create_future()
        self._looks[self._number] = future, {}
        number = self._number
        self._say(LookAt(number, tuple(probes)))
        try:
            return await future
        finally:
            self._looks.pop(number, None)

    async def run_now(self, probe: str) -> Ran | None:
        if len(self._runs) >= _ASKED:
            return None
        self._number += 1
        future: asyncio.Future[Ran | None] = self._loop.create_future()
        self._runs[self._number] = future, probe
        number = self._number
        self._say(RunNow(number, probe))
        try:
            return await future
        finally:
            self._runs.pop(number, None)

    def beat(self) -> None:
        """Hear that `BEAT` seconds of ours have passed."""
        self._budget.passed(BEAT)
        self._silent += 1
        if self._silent > (SILENCE if self.is_ready else STARTING):
            self.kill(f"it has said nothing for {self._silent * BEAT:g} s")

    def kill(self, why: str) -> None:
        """End it at once; who has it hears why."""
        self._why = self._why or why
        if self._gone.done():
            return
        try:
            signal.pidfd_send_signal(self._started.watch, signal.SIGKILL)
        except ProcessLookupError:
            pass
        except PermissionError:  # it is of another user: without CAP_KILL it ends only when it sees that we are gone
            self._over(f"{self._why}; and it cannot be killed: that takes CAP_KILL")

    async def stop(self) -> None:
        """End it, and wait for that."""
        self._stopping = True
        self.kill("it was told to")
        await asyncio.shield(self._gone)

    def _reap(self) -> None:
        self._loop.remove_reader(self._started.watch)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._started.watch)
        if not self._gone.done():
            how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit status {os.WEXITSTATUS(status)}"
            self._over(self._why or f"it ended by itself with {how}")

    def _over(self, why: str) -> None:
        """Let go of it, and tell whoever waits for it or has it."""
        said = os.pread(self._started.last_words, 1 << 20, 0)[-_WORDS:].decode("utf-8", "backslashreplace")
        for each in self._started.all:
            self._loop.remove_reader(each.fileno())
        self._loop.remove_writer(self._started.words.fileno())
        self._started.close()
        self._gone.set_result(None)
        for looked, _ in self._looks.values():
            _settle(looked, {})
        for ran, _ in self._runs.values():
            _settle(ran, None)
        if not self._stopping:
            event(
                _log, logging.ERROR, "worker_ended",
                worker=self.index, pid=self.pid, why=why, last_words=said.strip() or None,
            )  # fmt: skip
            self._listener.ended(self, why)

    def _say(self, order: Order) -> None:
        body = framed(down.encode(order))
        self._most_out = (
            max(self._most_out, len(self._out) + len(body)) if isinstance(order, Update | Begin) else self._most_out
        )
        self._out += body
        self._write()

    def _write(self) -> None:
        if self._gone.done():
            return
        words = self._started.words
        try:
            while self._out:
                del self._out[: words.send(memoryview(self._out)[:_READ].tobytes())]
        except BlockingIOError:
            self._loop.add_writer(words.fileno(), self._write)
            if len(self._out) > self._most_out + _UNREAD:
                self.kill("it does not read what it is told")
            return
        except OSError:  # it has ended, which the pidfd tells
            self._out.clear()
        self._loop.remove_writer(words.fileno())

    def _read(self) -> None:
        """Take one portion: others have their turn before the next."""
        try:
            data = self._started.words.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._started.words.fileno())
            self._loop.call_later(BEAT, self.kill, "it has closed its stream")  # where it has not ended
            return
        if self._why:
            return  # it is being ended: nothing of it counts any more
        try:
            self._budget.heard(len(data))
            self._frames.feed(data)
            while (frame := self._frames.next()) is not None:
                self._take(up.decode(frame))
        except (Flood, TooLong, up.Refused) as error:
            self.kill(f"{error}")

    def _take(self, said: up.Said) -> None:
        self._silent = 0
        if self.is_ready == isinstance(said, up.Ready):
            raise up.Refused("it says that it is ready more than once" if self.is_ready else "it is not ready yet")
        match said:
            case up.Ready(missing=missing):
                self.is_ready = True
                self._listener.ready(self, missing)
            case up.Took(number=number):
                self._parts = {one: part for one, part in self._parts.items() if one >= number}
            case up.News(news=news):
                self._news([each.heard() for each in news])
            case up.Looked(number=number):
                self._looked(said)
            case up.Ended(number=number, ran=ran):
                self._ran(number, ran)
            case up.Vitals(vitals=vitals):
                self.vitals = vitals.vitals()
            case up.Log(level=level, event=name, fields=fields):
                if _log.isEnabledFor(level) and (level < logging.INFO or self._budget.logs()):
                    _log.log(level, name, extra={"fields": {**fields, "worker": self.index}})

    def _news(self, news: list[News]) -> None:
        for each in news:
            self._own(each.probe)
        self._budget.changed(sum(each.transition is not None for each in news))
        self._listener.heard([each for each in news if each.probe in self.part.probes])

    def _own(self, probe: str) -> None:
        """Raise Refused where ``probe`` was not given to this worker."""
        if probe not in self.part.probes and not any(probe in part.probes for part in self._parts.values()):
            raise up.Refused("it speaks of a probe that is not its own")

    def _looked(self, said: up.Looked) -> None:
        future, found = self._looks.get(said.number, (None, {}))
        for each in said.looks:
            self._own(each.probe)
            found[each.probe] = each.look()
        if future is not None and not said.more:
            _settle(future, found)

    def _ran(self, number: int, ran: Any) -> None:
        future, probe = self._runs.get(number, (None, ""))
        spec = self.part.probes.get(probe)
        if future is not None:
            _settle(future, None if ran is None or spec is None else ran.run_of(spec))

    def _pass_on(self) -> None:
        """Have a program started that one of its probes runs."""
        way = self._started.programs
        try:
            asked = gate.take(way, self._gate)
        except NotAsked as error:
            event(_log, logging.WARNING, "worker_refused", worker=self.index, pid=self.pid, what=error)
            self._charge(_REFUSED)
            return
        except OSError:
            asked = None
        if asked is None:
            self._loop.remove_reader(way.fileno())
            return
        program, descriptors = asked
        self._charge(_ASKING)
        try:
            programs.forward(
                program, descriptors, gate.AT_ONCE
            )  # where the spawner is busy, nobody answers, and the run says so
        except LocalFault as error:
            event(_log, logging.WARNING, "worker_refused", worker=self.index, pid=self.pid, what=error)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _deal(self) -> None:
        """Hand sockets for pings over."""
        self._charge(_ASKING)
        if not pings.answer(self._started.pings):
            self._loop.remove_reader(self._started.pings.fileno())

    def _lead(self) -> None:
        """Have a socket made that goes by way of the VIP, as one of its probes does."""
        self._charge(_ASKING)
        try:
            if self._porter.answer(self._started.ways, self._ways):
                return
        except NotOurs as error:
            event(_log, logging.WARNING, "worker_refused", worker=self.index, pid=self.pid, what=error)
            self._charge(_REFUSED)
            return
        except OSError:
            pass
        self._loop.remove_reader(self._started.ways.fileno())

    def _charge(self, count: int) -> None:
        try:
            self._budget.heard(count)
        except Flood as error:
            self.kill(f"{error}")


def _settle(future: "asyncio.Future[Any]", result: object) -> None:
    if not future.done():
        future.set_result(result)
