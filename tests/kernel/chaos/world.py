"""The lab as the faults see it: the network, lvsmon, and the oracle that is told of everything done to them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kernel.chaos import setting
from kernel.chaos.history import (
    Configured,
    Ended,
    Event,
    Freed,
    HandBegins,
    HandEnds,
    Harmed,
    Hindered,
    Mended,
    Observed,
    Said,
    Table,
    Truth,
    Violation,
    VirtualRules,
    Weighed,
)
from kernel.chaos.oracle import Oracle
from kernel.chaos.plan import Step
from kernel.chaos.table import parse
from kernel.lab.monitor import LVSMON, Monitor
from kernel.lab.topology import Network, RealServer

ANSWERS_WITHIN: Final = 20.0
"""Seconds within which lvsmon says that it has started or loaded: Python alone takes two, more in a busy guest."""

FOREIGN: Final = "10.1.0.77:80"
"""A foreign destination in the virtual service "web"; its weight is 0, so that no client gets there."""


@dataclass(slots=True)
class Ledger:
    """Everything in the order in which it happened: to the oracle as events, to people as lines."""

    oracle: Oracle = field(default_factory=Oracle)
    lines: list[tuple[float, str]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _shown: Table = field(default_factory=dict)

    def tell(self, make: Callable[[float], Event]) -> None:
        """Hand an event to the oracle; ``make`` gets the time, and nothing else is told in between."""
        with self.lock:
            event = make(time.monotonic())
            for violation in self.oracle.take(event):
                self.violations.append(violation)
                self.note(f"VIOLATION: {violation.what}")
            if isinstance(event, Observed):
                self._note_changes(event.table)
            elif not isinstance(event, Said | Weighed) and type(event).__name__ != "Asked":
                self.note(f"{type(event).__name__} {_brief(event)}")

    def note(self, line: str) -> None:
        with self.lock:
            self.lines.append((time.monotonic(), line))

    def _note_changes(self, table: Table) -> None:
        for shown in sorted(self._shown.keys() | table.keys()):
            if self._shown.get(shown) != table.get(shown):
                self.lines.append((time.monotonic(), f"table {shown}: {table.get(shown, 'gone')}"))
        self._shown = table


def _brief(event: Event) -> str:
    match event:
        case Harmed(_, fault, truth, where):
            return f"#{fault} {truth.value}: {', '.join(sorted(f'{server}/{daemon}' for server, daemon in where))}"
        case Mended(_, fault) | Hindered(_, fault) | Freed(_, fault, _):
            return f"#{fault}"
        case Ended(_, how):
            return how
        case HandEnds(_, foreign):
            return f"foreign now: {foreign}"
        case Configured(_, rules):
            return "; ".join(
                f"{each.name} {each.on_failure} every {each.interval:g} s {dict(each.weights)}"
                for each in rules.virtuals
            )
        case _:
            return ""


@dataclass(slots=True)
class World:
    """What a fault may use."""

    network: Network
    monitor: Monitor
    ledger: Ledger
    virtuals: tuple[VirtualRules, ...] = setting.VIRTUALS
    foreign: dict[str, dict[str, int]] = field(default_factory=dict)
    waiting: list[Callable[[], None]] = field(default_factory=list)
    """What is to be done as soon as lvsmon can hear it."""

    def server(self, name: str) -> RealServer:
        return next(server for server in self.network.realservers if server.name == name)

    def harm(self, step: Step, truth: Truth, *where: tuple[str, str]) -> None:
        self.ledger.tell(lambda now: Harmed(now, step.number, truth, frozenset(where)))

    def mend(self, step: Step) -> None:
        self.ledger.tell(lambda now: Mended(now, step.number))

    def hinder(self, step: Step) -> None:
        self.ledger.tell(lambda now: Hindered(now, step.number))

    def free(self, step: Step, *, anew: bool = False) -> None:
        self.ledger.tell(lambda now: Freed(now, step.number, anew))

    def by_hand(self, *commands: str) -> None:
        """Edit the table as somebody else would; what the kernel refuses is noted, and no matter."""
        self.ledger.tell(HandBegins)
        for command in commands:
            try:
                self.network.director.ipvsadm(*command.split())
            except AssertionError as refusal:
                self.ledger.note(f"by hand, refused: {str(refusal).splitlines()[0]}")
            else:
                self.ledger.note(f"by hand: ipvsadm {command}")
        seen = self.table()
        foreign = {
            shown: {address: weight for address, weight in entries.items() if address in seen.get(shown, {})}
            for shown, entries in self.foreign.items()
            if shown in seen
        }
        self.ledger.tell(lambda now: HandEnds(now, foreign))

    def look(self) -> Table:
        """Return what the kernel shows to a thread that is in the director's namespace."""
        names = {address: server.name for server in self.network.realservers for address in (server.rip, server.rip6)}
        return parse(Path("/proc/thread-self/net/ip_vs").read_text(), names)

    def table(self) -> Table:
        """Return the table, from wherever it is asked."""
        return self.network.director.inside(self.look)

    def address(self, virtual: VirtualRules, realserver: str) -> str:
        server = self.server(realserver)
        host = f"[{server.rip6}]" if "[" in virtual.shown else server.rip
        return f"{host}:{setting.port_of(virtual)}"

    def heard(self, event: str) -> int:
        return len(self.monitor.events(event))

    def until_heard(self, event: str, before: int, what: str) -> bool:
        """Wait until lvsmon says ``event`` once more; if it does not, that is a violation."""
        deadline = time.monotonic() + ANSWERS_WITHIN
        while self.heard(event) <= before:
            if time.monotonic() > deadline or self.monitor.status() is not None:
                self.ended(f"did not {what} within {ANSWERS_WITHIN:g} s (its exit status: {self.monitor.status()})")
                return False
            time.sleep(0.1)
        return True

    def command(self, *words: str) -> None:
        """Do what an operator does on the director; lvsmon refusing it is a violation."""
        self.ledger.note(f"operator: lvsmon {' '.join(words)}")
        try:
            self.network.director.run(str(LVSMON), *words, "--config", str(self.monitor.folder))
        except AssertionError as refusal:
            self.ended(f"did not do what an operator asked: {refusal}")

    def reload(self) -> None:
        """Have lvsmon load its configuration; where it has ended unseen, that is a violation, and it is started."""
        if self.monitor.status() is not None:
            self.ended(f"had ended with {self.monitor.status()} when it was to load a configuration")
            self.start_monitor()
        self.monitor.reload()

    def when_free(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)
        self.do_waiting()

    def do_waiting(self) -> None:
        while self.waiting and not self.ledger.oracle.hindered:
            self.waiting.pop(0)()

    def ended(self, how: str) -> None:
        self.ledger.tell(lambda now: Ended(now, how))

    def start_monitor(self) -> None:
        before = self.heard("started")
        self.monitor.start()
        self.until_heard("started", before, "start")

    def configure(self) -> None:
        """Write the files of the virtual services as they are to be now."""
        folder = self.monitor.folder / "monitors.d"
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for virtual in self.virtuals:
            (folder / f"{virtual.name}.toml").write_text(setting.text(virtual, self.network.forward))

    def told_rules(self) -> None:
        self.ledger.tell(lambda now: Configured(now, setting.rules(self.virtuals)))

    @property
    def state(self) -> Path:
        return self.monitor.folder / "state"
