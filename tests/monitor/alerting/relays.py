"""How late probes start while a relay is dead: a whole director with alerting, beside it relays of many kinds.

Run it alone, on a calm machine, to have the figures of docs/explanation/alerting.md; the number is a turn's seconds:

.venv/bin/python tests/monitor/alerting/relays.py 20
"""

import asyncio
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.config import load
from lvsmon.monitor import schedule
from lvsmon.monitor.alerting.informer import Informer
from lvsmon.monitor.director import Director
from lvsmon.monitor.timetable import Timetable
from lvsmon.testing.misbehaving import MisbehavingServers

DEAD = {"SYN black hole": "full_backlog", "accepts, never answers": "silent", "drips": "drip"}
"""What is the matter with the relay, and who behaves so."""

WELL = "no relay"
BEAT = 0.01
"""Seconds between the beats of the loop that are measured."""

TEXT = """
[director]
backend = "memory"
state_directory = "{folder}/state"
reconcile_interval = "1s"
[defaults]
interval = "1s"
timeout = "900ms"
fall = 1
rise = 1
{realservers}
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = {port}
realservers = [{names}]
[[virtual.probe]]
kind = "tcp"
[[virtual]]
name = "broken"
vip = "192.0.2.11"
port = {closed}
realservers = ["rs1", "rs2", "rs3"]
[[virtual.probe]]
kind = "tcp"
[channel.book]
kind = "file"
path = "{folder}/told"
{channels}
[[alert]]
name = "book"
to = ["book"]
severities = ["down"]
group_by = "destination"
group_wait = "0s"
every = "1s"
limit = "off"
{alert}
"""


@dataclass
class Turn:
    """How late probes started and the loop's beats came, in seconds, and what the other channel was told."""

    starts: list = field(default_factory=list)
    beats: list = field(default_factory=list)
    told: list = field(default_factory=list)


class Watched(Timetable):
    """Tells how late each probe is taken."""

    late = None

    def take(self, now):
        self.late += [now - due for due, serial, probe in self._heap if due <= now and self._is_current(serial, probe)]
        return super().take(now)

    def _is_current(self, serial, probe):
        entry = self._entries.get(probe)
        return entry is not None and entry.serial == serial


def configuration(folder, port, closed, relay, count):
    """``relay`` None is a director that has no relay at all."""
    realservers = "".join(
        f'[[realserver]]\nname = "rs{number}"\naddress = "127.0.{number // 200}.{number % 200 + 1}"\n'
        for number in range(1, count + 1)
    )
    channels, alert = "", ""
    if relay is not None:
        mail = f'[channel.mail]\nkind = "email"\nto = ["ops@example.org"]\nrelays = ["127.0.0.1:{relay}"]\n'
        channels = mail + 'timeout = "3s"\n'
        alert = (
            '[[alert]]\nname = "mail"\nto = ["mail"]\ngroup_by = "destination"\ngroup_wait = "0s"\nevery = "1s"\n'
            'limit = "off"\n'
        )
    names = ", ".join(f'"rs{number}"' for number in range(1, count + 1))
    path = folder / "lvsmon.toml"
    path.write_text(
        TEXT.format(
            folder=folder,
            realservers=realservers,
            names=names,
            port=port,
            closed=closed,
            channels=channels,
            alert=alert,
        )
    )
    return path


def turn(folder, port, closed, relay, *, seconds, count):
    """Let a director work for so many seconds, and return what was measured."""
    measured = Turn()
    Watched.late = measured.starts
    plan = load(configuration(folder, port, closed, relay, count))
    informer = Informer(plan.state_directory, "lb1")

    async def main():
        director = Director(plan, MemoryIpvs, observe=informer.decided)
        work = asyncio.create_task(director.run())
        loop = asyncio.get_running_loop()
        await asyncio.sleep(2.5)  # the first runs are spread, and loading has its own costs
        measured.starts.clear()
        end = loop.time() + seconds
        while (due := loop.time() + BEAT) < end:
            await asyncio.sleep(BEAT)
            measured.beats.append(loop.time() - due)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    usual, schedule.Timetable = schedule.Timetable, Watched
    try:
        asyncio.run(main())
    finally:
        schedule.Timetable = usual
        informer.close(5.0)
    measured.told = (folder / "told").read_text().splitlines()
    return measured


def turns(seconds, rounds, count=200):
    """Return by relay what was measured in all its turns, which alternate."""
    found = {WELL: Turn(), **{name: Turn() for name in DEAD}}
    with ExitStack() as stack:
        servers = stack.enter_context(MisbehavingServers())
        listener = stack.enter_context(socket.create_server(("", 0), backlog=1000))
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=_take_all, args=[listener], daemon=True).start()
        for number in range(rounds * len(found)):
            name = list(found)[number % len(found)]
            relay = servers.port(DEAD[name], "127.0.0.1") if name in DEAD else None
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            ports = listener.getsockname()[1], closed.getsockname()[1]
            made = turn(folder, *ports, relay, seconds=seconds, count=count)
            found[name].starts += made.starts
            found[name].beats += made.beats
            found[name].told += made.told
    return found


def _take_all(listener):
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


def milliseconds(values):
    """Return the median, the 99th percentile and the longest, in milliseconds."""
    cuts = statistics.quantiles(values, n=100)
    return 1000 * statistics.median(values), 1000 * cuts[98], 1000 * max(values)


def main(seconds):
    began = time.monotonic()
    for name, found in turns(seconds, rounds=3).items():
        line = " ".join(f"{value:7.2f}" for values in (found.starts, found.beats) for value in milliseconds(values))
        sys.stdout.write(f"{name:24} {len(found.starts):6} starts {line} ms, {len(found.told)} told\n")
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main(float(sys.argv[1]))
