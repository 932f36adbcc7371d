"""Who looks: at the kernel's table, at lvsmon's log, at its process, and from clients of the VIPs."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kernel.chaos import setting
from kernel.chaos.asking import EXCHANGES, PACE, source_ports
from kernel.chaos.history import Asked, Observed, Said, VirtualRules, Weighed
from kernel.chaos.world import World
from kernel.lab.spaces import enter

LOOK: Final = 0.1
"""Seconds between looks at the table."""

READ: Final = 0.3
WEIGH: Final = 5.0
YOUNG: Final = 10.0
"""Seconds for which a process of lvsmon is not weighed: it is still loading."""


class _Watcher(threading.Thread):
    """A thread that looks until it is told to stop; what breaks it is kept."""

    def __init__(self, world: World, stop: threading.Event) -> None:
        super().__init__(name=type(self).__name__)
        self.world = world
        self.stopped = stop
        self.broken: BaseException | None = None

    def run(self) -> None:
        try:
            self.watch()
        except BaseException as broken:  # noqa: BLE001  the run fails with it at its end
            self.broken = broken

    def watch(self) -> None:
        raise NotImplementedError


class TableWatcher(_Watcher):
    """Reads /proc/net/ip_vs on the director: no program is started for a look, and one look is one moment."""

    def watch(self) -> None:
        enter(self.world.network.director.name)
        while not self.stopped.wait(LOOK):
            self.world.ledger.tell(lambda now: Observed(now, self.world.look()))


class LogWatcher(_Watcher):
    """Reads every line that lvsmon says, and keeps those for the history that are not one of many."""

    def watch(self) -> None:
        with (self.world.monitor.folder / "lvsmon.log").open(errors="replace") as log:
            rest = ""
            while True:
                last = self.stopped.wait(READ)
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    self.world.ledger.tell(lambda now, line=line: Said(now, line))
                    if " verdict=PASS " not in line and " event=transcript " not in line:
                        self.world.ledger.note(f"lvsmon: {line}")
                if last:
                    return


class WeightWatcher(_Watcher):
    """Weighs lvsmon's process, and has ipvsadm confirm what /proc shows."""

    def watch(self) -> None:
        since: dict[int, float] = {}
        while not self.stopped.wait(WEIGH):
            pid = self.world.monitor.pid
            if time.monotonic() - since.setdefault(pid, time.monotonic()) < YOUNG:
                continue
            try:
                status = dict(
                    line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
                )
                resident, threads = int(status["VmRSS"].split()[0]), int(status["Threads"])
                descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
            except (OSError, KeyError):  # it was killed just now, or is a zombie
                continue
            weighed = (pid, resident, descriptors, threads)
            self.world.ledger.tell(lambda now, weighed=weighed: Weighed(now, *weighed))


class Asker(_Watcher):
    """A client of one VIP, one exchange after the other."""

    def __init__(self, world: World, virtual: VirtualRules, stop: threading.Event) -> None:
        super().__init__(world, stop)
        self._virtual = virtual
        self._ports: Iterator[int] = source_ports(setting.VIRTUALS.index(virtual))

    def watch(self) -> None:
        enter(self.world.network.client.name)
        exchange = EXCHANGES[self._virtual.daemon]
        address = self._virtual.shown.split()[1].rpartition(":")[0].strip("[]")
        port = setting.port_of(self._virtual)
        while not self.stopped.wait(PACE[self._virtual.daemon]):
            began, answered, trouble = time.monotonic(), None, ""
            try:
                answered = exchange(address, port, next(self._ports))
            except OSError as error:
                trouble = f"{type(error).__name__}: {error}"
            seen = (began, self._virtual.name, answered, trouble)
            self.world.ledger.tell(lambda now, seen=seen: Asked(now, *seen))
