"""The figures of the whole daemon beside those of others, measured in one run, as one table.

    python benchmarks/run.py [--quick] [--only SECTION …] [--output FILE]

Contestants are fresh processes that take turns, round after round, each with a fresh responder: the contestant on one
processor, the responder on another. Probes are counted by the responder. Everything stays on loopback addresses.
"""

import argparse
import itertools
import json
import os
import platform
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from contestants import HERE, Floor, Keepalived, Ldirectord, Lvsmon, Missing, versions
from processes import PATIENCE, cpu_of, running
from responder import COUNT
from starved import DELAY, starve
from table import Figures

from verdicts import FLAPPING, INTERVAL, MANY, fail_at_once, flap, prepare

LATE = 0.995
"""Share of the asked rate below which somebody was late."""

LADDER = (1000, 2000, 3000, 4000, 5000, 7500, 10000, 15000)
FULL = {
    "rounds": 5,
    "seconds": 2.0,
    "rates": (("tcp", 1000), ("tcp", 5000), ("http", 5000)),
    "starved": (("tcp", 5000), ("http", 1500)),
    "verdicts": (1000, 5000),
    "ladder": LADDER,
    "many": 10000,
    "settled": 8,
    "outcomes": 1000000,
}
QUICK = {
    "settled": 4,
    "rounds": 1,
    "seconds": 1.0,
    "rates": (("tcp", 500), ("http", 500)),
    "starved": (("tcp", 500), ("http", 500)),
    "verdicts": (500,),
    "ladder": (),
    "many": 1000,
    "outcomes": 10000,
}
SETTLE = 1.5
"""Seconds for each time that everybody is to be probed before it is measured; who is slower is measured as it goes.

What a start costs is measured apart. Part of that is the first save of everybody's state, five seconds after it.
"""

REST = 3.5
"""Seconds between a start and a reload."""


class Bench:
    """One run of the bench in a directory of its own."""

    def __init__(self, directory, options):
        self.figures = Figures()
        self._directory = directory
        self._options = options
        self._numbers = itertools.count()
        cpus = sorted(os.sched_getaffinity(0))
        self._theirs, self._ours = (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)
        if len(cpus) < 2:
            self.figures.note("one processor: contestants and responder share it")

    def _fresh(self):
        made = self._directory / f"{next(self._numbers)}"
        made.mkdir()
        return made

    def _rate(self, who, kind, count, seconds):
        """Return (CPU µs per probe, share of the asked rate, bytes in memory) of one contestant at ``count``/s."""
        at = self._fresh()
        argv = [sys.executable, str(HERE / "responder.py"), kind, str(at / "counter")]
        with running(argv, at / "port", cpu=self._ours) as responder:
            port = _first_line(responder)
            command = who.prepare(at, kind, count, port)
            counter = at / "counter"
            with running(command, at / "log", cpu=self._theirs, environment=who.environment) as program:
                _until(lambda: _served(counter) > 0, program, PATIENCE)
                settled = time.monotonic() + SETTLE * self._options["settled"]
                while _served(counter) < self._options["settled"] * count and time.monotonic() < settled:
                    time.sleep(0.05)
                program.must_run()
                cpu, served, began = program.cpu(), _served(counter), time.monotonic()
                time.sleep(seconds)
                cpu, served, took = program.cpu() - cpu, _served(counter) - served, time.monotonic() - began
                memory = program.memory()
                program.must_run()
                self.accounting = program.accounting
        shutil.rmtree(at)
        return cpu / max(served, 1) * 1e6, served / (count * took), memory

    def _turn(self, who, kind, count, seconds):
        try:
            cost, share, memory = self._rate(who, kind, count, seconds)
        except Missing as reason:
            self.figures.note(f"{who.name} left out: {reason}")
            return
        except RuntimeError as reason:
            self.figures.note(f"{who.name} left out at {count} {kind} probes/s: {reason}")
            return
        self.figures.add(f"CPU per {kind} probe, {count}/s", who.name, cost, "µs")
        self.figures.add(f"achieved ÷ asked, {kind}, {count}/s", who.name, share, "")
        self.figures.add(f"memory of all processes, {count} {kind} probes", who.name, memory / 1e6, "MB")

    def probes(self):
        """Cost per probe of everybody, in turns."""
        peers = [Lvsmon()]
        if not self._options["alone"]:
            peers += [Floor(), Keepalived(lingers=True), Keepalived(lingers=False)]
        for kind, rate in self._options["rates"]:
            for _ in range(self._options["rounds"]):
                for who in peers:
                    self._turn(who, kind, rate, self._options["seconds"])
        for kind in () if self._options["alone"] else ("tcp", "http"):
            self._turn(Ldirectord(), kind, 100, max(4.0, self._options["seconds"]))
            self._turn(Lvsmon(), kind, 100, max(4.0, self._options["seconds"]))

    def ladder(self):
        """The highest rate at which lvsmon is late with nobody, on one processor."""
        for kind in ("tcp", "http"):
            best = 0
            for rate in self._options["ladder"]:
                _, share, _ = self._rate(Lvsmon(), kind, rate, self._options["seconds"])
                if share < LATE:
                    break
                best = rate
            if self._options["ladder"]:
                what = f"highest {kind} rate on one core that is kept"
                self.figures.add(what, "lvsmon", best, "1/s")

    def start(self):
        """Ready and reloaded with many probes, and what they weigh."""
        many = self._options["many"]
        for _ in range(self._options["rounds"]):
            at = self._fresh()
            command = Lvsmon().prepare(at, "tcp", many, 9, interval=60.0)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(str(at / "notify"))
                manager.settimeout(PATIENCE * 4)
                told = {"NOTIFY_SOCKET": str(at / "notify")}
                with running(command, at / "log", cpu=self._theirs, environment=told) as daemon:
                    _hear(manager, b"READY=1")
                    took = time.monotonic() - daemon.began
                    self.figures.add(f"start, {many} probes, exec to ready", "lvsmon", took, "s")
                    time.sleep(REST)  # what a start leaves to do is no part of a reload
                    began, cpu = time.monotonic(), daemon.cpu()
                    daemon.process.send_signal(signal.SIGHUP)
                    _hear(manager, b"RELOADING=1")
                    _hear(manager, b"READY=1")
                    self.figures.add(f"reload, {many} probes unchanged", "lvsmon", time.monotonic() - began, "s")
                    self.figures.add(f"reload, {many} probes unchanged, CPU", "lvsmon", daemon.cpu() - cpu, "s")
                    memory = daemon.memory() / 1e6
                    self.figures.add(f"memory of all processes, {many} tcp probes", "lvsmon", memory, "MB")
            shutil.rmtree(at)

    def check(self):
        """`lvsmon check` on ten tcp probes, exec to exit."""
        for _ in range(self._options["rounds"]):
            at = self._fresh()
            argv = [sys.executable, str(HERE / "responder.py"), "tcp", str(at / "counter")]
            with running(argv, at / "port", cpu=self._ours) as responder:
                port = _first_line(responder)
                path = Lvsmon().prepare(at, "tcp", 10, port)[-1]
                status, cpu = cpu_of([sys.executable, "-m", "lvsmon", "check", "--config", path], at / "log")
                if status:
                    raise RuntimeError(f"lvsmon check ended with {status}: {(at / 'log').read_text()}")
                self.figures.add("check of 10 tcp probes, CPU exec to exit", "lvsmon", cpu, "s")
                _, empty = cpu_of([sys.executable, "-c", ""], at / "log")
                self.figures.add("check of 10 tcp probes, CPU exec to exit", "python3 -c ''", empty, "s")
            shutil.rmtree(at)

    def weights(self):
        """Writes to a real IPVS table, in the kernel lab."""
        sys.path.insert(0, str(HERE.parent / "tests"))
        at = self._fresh()
        lab = [sys.executable, "-m", "kernel.lab", "run", sys.executable, str(HERE / "bulk_weights.py")]
        with running([*lab, "--figures"], at / "log", environment={"PYTHONPATH": sys.path[0]}) as program:
            program.process.wait(PATIENCE * 8)
        found = [line.partition("FIGURES ")[2] for line in (at / "log").read_text().splitlines() if "FIGURES " in line]
        if not found:
            self.figures.note(f"weights left out: the lab does not run: {(at / 'log').read_text()[-400:]}")
            return
        for run in json.loads(found[0]):
            self.figures.add("CPU of one weight, lab", "lvsmon", run["ours"] * 1e6, "µs")
            self.figures.add("CPU of one weight, lab", "pyroute2", run["pyroute2"] * 1e6, "µs")
            self.figures.add("1000 destinations quiesced, lab, wall", "lvsmon", run["wall"] * 1000, "ms")

    def verdicts(self):
        """From a verdict to what was written, while others are probed, and of a thousand that fail at once."""
        for rate in self._options["verdicts"]:
            with self._probed(int(rate * INTERVAL), INTERVAL, flaps=True) as (_, daemon, at, port):
                vitals = flap(daemon, at, port)
            self._tell(f"one of {FLAPPING}, {vitals['runs']['per_second']:.0f} of {rate} tcp probes/s", vitals)
        with self._probed(MANY, 1.0) as (responder, daemon, at, _):
            self._tell(f"one of {MANY} at once", fail_at_once(daemon, responder, at))

    def _tell(self, what, vitals):
        for figure in ("p99", "longest"):
            took = vitals["verdict_to_write"][f"{figure}_seconds"] * 1000
            self.figures.add(f"verdict to write, {what}, {figure}", "lvsmon", took, "ms")

    @contextmanager
    def _probed(self, count, interval, *, flaps=False):
        """Give a responder, a daemon that has probed everybody, its directory, and the port that is to flap."""
        at = self._fresh()
        argv = [sys.executable, str(HERE / "responder.py"), "tcp", str(at / "counter")]
        with running(argv, at / "port", cpu=self._ours) as responder:
            with socket.create_server(("", 0)) as free:
                flapping = free.getsockname()[1]
            port = _first_line(responder)
            command = prepare(at, count, port, interval, flapping if flaps else None)
            with running(command, at / "log", cpu=self._theirs) as daemon:
                _until(lambda: _served(at / "counter") > self._options["settled"] * count, daemon, PATIENCE * 4)
                yield responder, daemon, at, flapping
                self.accounting = daemon.accounting
        shutil.rmtree(at)

    def starved(self):
        """What is said of healthy realservers while lvsmon's processor is taken away."""
        rates = self._options["starved"]
        total = sum(rate for _, rate in rates)
        for kind, rate in rates:
            at = self._fresh()
            argv = [sys.executable, str(HERE / "responder.py"), kind, str(at / "counter"), DELAY]
            with running(argv, at / "port", cpu=self._ours) as responder:
                command = Lvsmon().prepare(at, kind, rate, _first_line(responder))
                with running(command, at / "log", cpu=self._theirs) as daemon:
                    _until(lambda counter=at / "counter": _served(counter) > 0, daemon, PATIENCE * 4)
                    began, wanted = time.monotonic(), self._options["outcomes"] * rate // total
                    vitals, stops = starve(daemon, at, self._theirs, wanted)
                    took = time.monotonic() - began
                    self.accounting = daemon.accounting
            what = f"of healthy {kind} realservers, {rate}/s, stopped {stops} times"
            self.figures.add(f"outcomes {what}", "lvsmon", sum(vitals["outcomes"].values()), "")
            for verdict in ("FAIL", "UNKNOWN"):
                self.figures.add(f"{verdict} {what}", "lvsmon", vitals["outcomes"][verdict], "")
            self.figures.add(f"stalled {what}", "lvsmon", vitals["stalled_seconds"], "s")
            self.figures.add(f"time {what}", "lvsmon", took, "s")
            shutil.rmtree(at)


SECTIONS = ("check", "start", "probes", "ladder", "weights", "starved", "verdicts")


def _served(counter):
    return COUNT.unpack(counter.read_bytes())[0]


def _until(true, program, patience):
    deadline = time.monotonic() + patience
    while not true():
        program.must_run()
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing was probed within {patience:g} s")
        time.sleep(0.01)


def _rate_of(text):
    kind, _, rate = text.partition(":")
    return kind, int(rate)


def _first_line(program):
    _until(lambda: b"\n" in program.log.read_bytes(), program, PATIENCE)
    return int(program.log.read_text().split()[0])


def _hear(manager, word):
    while not manager.recv(4096).startswith(word):
        pass


def _compile_once(directory):
    """Let Python keep what it compiles, as an installed lvsmon does; here, not in the tree."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(directory / "compiled")
    path = Lvsmon().prepare(directory, "tcp", 1, 9)[-1]
    cpu_of([sys.executable, "-m", "lvsmon", "check", "--config", path], directory / "log")


def described():
    """Yield what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    yield f"- machine: {model}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"
    yield f"- python {platform.python_version()}; " + "; ".join(f"{name}: {said}" for name, said in versions().items())


def main():
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that all that runs is ended
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short run of each, at low rates")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--alone", action="store_true", help="lvsmon without the others")
    parser.add_argument("--rates", nargs="+", type=_rate_of, metavar="KIND:RATE", help="such as tcp:1000 http:5000")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--outcomes", type=int, help="of the section starved, in all")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--output", type=Path, help="write the table there too")
    given = parser.parse_args()
    options = dict(QUICK if given.quick else FULL)
    options["alone"] = given.alone
    options |= {
        name: value
        for name in ("rates", "rounds", "seconds", "outcomes")
        if (value := getattr(given, name)) is not None
    }
    if given.rates:
        options["starved"] = given.rates
        options["verdicts"] = [rate for kind, rate in given.rates if kind == "tcp"]
    before, began = os.getloadavg(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lvsmon-bench-") as directory:
        _compile_once(Path(directory))
        bench = Bench(Path(directory), options)
        try:
            for section in SECTIONS:
                if section in given.only:
                    print(f"measuring {section} …", file=sys.stderr, flush=True)
                    getattr(bench, section)()
        finally:  # what was measured until somebody ended it is worth having
            _show(bench, before, began, given.output)


def _show(bench, before, began, output):
    loads = " → ".join(f"{load[0]:.1f}" for load in (before, os.getloadavg()))
    accounting = getattr(bench, "accounting", "getrusage(2)")
    lines = [
        *described(),
        f"- load average {loads} over {time.monotonic() - began:.0f} s; CPU time by {accounting}",
        "",
        *bench.figures.lines(),
    ]
    print("\n".join(lines))
    if output is not None:
        output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
