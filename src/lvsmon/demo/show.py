"""The demo itself: watch a realserver die, go to weight 0, and come back."""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.config import load
from lvsmon.demo.cast import ADDRESSES, RealServerProcess, write_configuration
from lvsmon.monitor.director import Director
from lvsmon.monitor.snapshot import Snapshot

PATIENCE: Final = 8.0
"""Seconds that each act may take: interval 1 s, two passes or failures, and a slow machine."""

_LOOK: Final = 0.1


class DemoFailed(Exception):
    """An act did not come about in its time."""


async def show(out: TextIO, *, keep: bool) -> None:
    """Play the demo, writing to ``out``; with ``keep`` go on until cancelled. Raise DemoFailed."""
    cast = {name: RealServerProcess(address) for name, address in ADDRESSES.items()}
    with tempfile.TemporaryDirectory(prefix="lvsmon-demo-") as directory:
        try:
            for realserver in cast.values():
                realserver.start()
            main = write_configuration(Path(directory), cast)
            await _Stage(out, main).play(cast, keep=keep)
        finally:
            for realserver in cast.values():
                realserver.kill()


class _Stage:
    """One director with its table in memory, and the terminal."""

    def __init__(self, out: TextIO, main: Path) -> None:
        self._out = out
        self._main = main
        self._began = time.monotonic()
        self._shown = ""

    async def play(self, cast: dict[str, RealServerProcess], *, keep: bool) -> None:
        plan = load(self._main)
        self._director = Director(plan, MemoryIpvs)
        work = asyncio.create_task(self._director.run())
        victim = cast["rs2"]
        try:
            self._say(
                f"A director with its IPVS table in memory; {len(cast)} realservers on loopback, each with HTTP,\n"
                f"        telnet and SMTP: {len(plan.probes)} probes, one a second. 2 failures make DOWN, 2 passes UP."
            )
            await self._until(
                work, "every realserver is probed and let in", lambda weights: set(weights.values()) == {1}
            )
            self._say(f"rs2 is killed (kill -9 {victim.pid}):")
            victim.kill()
            await self._until(work, "rs2 has weight 0 everywhere", lambda weights: _of("rs2", weights) == {0})
            self._say("rs2 is started again:")
            victim.start()
            await self._until(work, "rs2 has its weight back", lambda weights: _of("rs2", weights) == {1})
            self._say("That is the main job." if not keep else self._instructions(cast))
            while keep:
                await self._until(work, "", lambda _: False, patience=3600)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _until(
        self,
        work: "asyncio.Task[None]",
        what: str,
        true: Callable[[dict[tuple[str, str], int]], bool],
        patience: float = PATIENCE,
    ) -> None:
        """Show the table whenever it changes until ``true`` of the weights."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if work.done():
                work.result()
            snapshot = self._director.snapshot()
            self._show(snapshot)
            if true(_weights(snapshot)):
                return
            await asyncio.sleep(_LOOK)
        if what:
            raise DemoFailed(f"not within {patience:g} s: {what}")

    def _show(self, snapshot: Snapshot) -> None:
        table = _table(snapshot)
        if table != self._shown:
            self._shown = table
            self._say(table.replace("\n", "\n        "))

    def _say(self, text: str) -> None:
        self._out.write(f"\n[{time.monotonic() - self._began:4.1f} s] {text}\n")
        self._out.flush()

    def _instructions(self, cast: dict[str, RealServerProcess]) -> str:
        pids = ", ".join(f"{name} {each.pid}" for name, each in cast.items())
        return (
            f"It goes on until Ctrl-C. The realservers' process ids: {pids}. Stop one with\n"
            f"        kill -STOP, continue it with kill -CONT, end it with kill -9.\n"
            f"        The configuration is in {self._main.parent}."
        )


def _weights(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """Return {(virtual service, realserver): weight in the table}; what is not in the table is left out."""
    return {
        (virtual.name, each.realserver.name): entry.destinations[each.key].settings.weight
        for virtual in snapshot.plan.virtuals
        if (entry := snapshot.observed.get(virtual.key)) is not None
        for each in virtual.destinations
        if each.key in entry.destinations
    }


def _of(realserver: str, weights: dict[tuple[str, str], int]) -> set[int]:
    return {weight for (_, name), weight in weights.items() if name == realserver}


def _table(snapshot: Snapshot) -> str:
    """Return the table as it stands: a line per virtual service, a column per realserver."""
    weights = _weights(snapshot)
    names = [each.realserver.name for each in snapshot.plan.virtuals[0].destinations]
    lines = [(f"{'virtual service':29}" + "".join(f"{name:18}" for name in names)).rstrip()]
    for virtual in snapshot.plan.virtuals:
        cells = "".join(
            f"{snapshot.health_of(virtual, each):8}"
            f"{'weight ' + str(weights.get((virtual.name, each.realserver.name), '-')):10}"
            for each in virtual.destinations
        )
        lines.append(f"{virtual.name:8} {virtual.key!s:20}{cells}".rstrip())
    return "\n".join(lines)


def kernel_hint() -> str:
    """Say how to do the same on the kernel, where that is possible here."""
    if os.geteuid() == 0 and Path("/proc/net/ip_vs").exists():
        return 'This kernel has IPVS and you are root: set backend = "netlink" in lvsmon.toml and run `lvsmon daemon`.'
    return "On a director: modprobe ip_vs, then as root `lvsmon check` and `lvsmon daemon` (see README.md)."
