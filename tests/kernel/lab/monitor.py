"""lvsmon itself in the lab: its configuration, written for a network, and `lvsmon daemon` on the director."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kernel.lab.topology import VIP, VIP6, Network
from kernel.lab.waiting import until

LVSMON: Final = Path(sys.executable).with_name("lvsmon")
WEIGHTS: Final = {"rs1": 1, "rs2": 2, "rs3": 1}
"""Not all the same, so that the one that comes back is seen to be the configured one."""

RISE: Final = 2
FALL: Final = 2
RECONCILE: Final = 1.0
STARTED_WITHIN: Final = 15.0
"""Seconds until a daemon that has just been started has decided on everything: Python alone takes two in the guest."""

STOPPED_WITHIN: Final = 10.0
UNBEGUN: Final = 3
"""Runs that the guest may keep from being judged while one realserver is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Virtual:
    """One virtual service as a test wants it; ``vip`` may be a fwmark's number instead, of ``family``."""

    name: str
    probe: str
    port: int
    vip: str | int = VIP
    family: str = "inet"
    protocol: str = "tcp"
    on_failure: str = "quiesce"
    interval: float = 1.0
    """Seconds; the timeout is the same."""
    more: str = ""
    """Further keys of its section."""

    @property
    def down_within(self) -> float:
        """The promise, in seconds from a realserver's failure to its weight 0: interval x fall + timeout."""
        return self.interval * FALL + self.interval

    @property
    def shown(self) -> str:
        """How ipvsadm writes it."""
        if isinstance(self.vip, int):
            return f"-f {self.vip}" + (" -6" if self.family == "inet6" else "")
        host = f"[{self.vip}]" if self.is_v6 else self.vip
        return f"{'-u' if self.protocol == 'udp' else '-t'} {host}:{self.port}"

    @property
    def is_v6(self) -> bool:
        return self.vip == VIP6 or self.family == "inet6"

    def text(self, forward: str) -> str:
        """Return its file below monitors.d."""
        if isinstance(self.vip, int):
            key = f'fwmark = {self.vip}\nfamily = "{self.family}"'
        else:
            key = f'vip = "{self.vip}"\nport = {self.port}\nprotocol = "{self.protocol}"'
        suffix = "-v6" if self.is_v6 else ""
        servers = ", ".join(f'{{ name = "{name}{suffix}", weight = {weight} }}' for name, weight in WEIGHTS.items())
        return (
            f'[[virtual]]\nname = "{self.name}"\n{key}\nforward = "{forward}"\nscheduler = "wrr"\n'
            f'interval = "{self.interval:g}s"\ntimeout = "{self.interval:g}s"\n'
            f'on_failure = "{self.on_failure}"\nrealservers = [{servers}]\n{self.more}\n\n'
            f'[[virtual.probe]]\nkind = "{self.probe}"\nport = {self.port}\n'
        )


class Monitor:
    """`lvsmon daemon` on the director, started as often as a test wants."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._director = network.director
        self._network = network
        self.folder = folder
        self._log = folder / "lvsmon.log"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, virtuals: Iterable[Virtual], more: str = "") -> None:
        """Write the configuration; ``more`` are further sections of the main file."""
        dropped = self.folder / "monitors.d"
        dropped.mkdir(exist_ok=True)
        servers = "".join(
            f'\n[[realserver]]\nname = "{server.name}"\naddress = "{server.rip}"\n'
            f'\n[[realserver]]\nname = "{server.name}-v6"\naddress = "{server.rip6}"\n'
            for server in self._network.realservers
        )
        (self.folder / "lvsmon.toml").write_text(
            f'[director]\nreconcile_interval = "{RECONCILE:g}s"\nstate_directory = "{self.folder}/state"\n\n'
            f'[control]\nsocket = "{self.folder}/control.sock"\n\n'
            f"[defaults]\nrise = {RISE}\nfall = {FALL}\n{servers}\n{more}"
        )
        for virtual in virtuals:
            (dropped / f"{virtual.name}.toml").write_text(virtual.text(self._network.forward))

    def rewrite(self, name: str, change: Callable[[str], str]) -> None:
        """Change the file of one virtual service."""
        path = self.folder / "monitors.d" / f"{name}.toml"
        path.write_text(change(path.read_text()))

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def reload(self) -> None:
        """Ask it to load its configuration anew (SIGHUP)."""
        os.kill(self.pid, signal.SIGHUP)

    @property
    def pids(self) -> list[int]:
        """The daemon and everything that it has started: workers, the starter of programs."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def limit_descriptors(self, number: int) -> None:
        """Let it and its workers open no descriptor from this number on."""
        for pid in self.pids:
            with suppress(ProcessLookupError):  # a worker that was replaced meanwhile
                _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, max(number, hard)))

    def stop_running(self) -> None:
        """Let it and its workers not run, until `go_on`."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def start(self) -> None:
        self._process = self._director.start(
            str(LVSMON), "daemon", "--config", str(self.folder), "--log-level", "debug", log=self._log
        )

    def ask(self, *words: str) -> Any:
        """Run a command of lvsmon that prints JSON; return its document, whatever its exit status."""
        command = [str(LVSMON), *words, "--output", "json", "--config", str(self.folder)]
        done = self._director.inside(subprocess.run, command, capture_output=True, text=True, check=False, timeout=60)
        return json.loads(done.stdout)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def events(self, name: str) -> list[str]:
        """Return the log lines of one kind of event, of all starts together."""
        word = f" event={name} "
        return [line for line in self.log().splitlines() if word in f"{line} "]

    def until_serving(self, *virtuals: Virtual) -> None:
        """Wait until ipvsadm shows every configured weight."""
        for virtual in virtuals:
            self._director.until_weights(virtual.shown, WEIGHTS, STARTED_WITHIN)

    def until_out(self, virtual: Virtual, expected: dict[str, int], slack: float = 0.0) -> None:
        """Wait until ipvsadm shows these weights, as long as is promised from a realserver's failure, and ``slack``.

        A run for which the guest had no time tells nothing of a realserver, and is logged as such: each, to `UNBEGUN`,
        is waited for once more.
        """
        before = len(self._starved())
        try:
            self._director.until_weights(virtual.shown, expected, virtual.down_within + slack)
        except AssertionError:
            unbegun = min(len(self._starved()) - before, UNBEGUN)
            if not unbegun:
                raise
            self._director.until_weights(virtual.shown, expected, unbegun * virtual.interval)

    def _starved(self) -> list[str]:
        return [line for line in self.events("outcome") if "reason=starved" in line]

    def until_probed(self, runs: int) -> None:
        """Wait until so many more outcomes have come in."""
        before = len(self.events("outcome"))
        until("outcomes", lambda: len(self.events("outcome")) - before, lambda more: more >= runs, STARTED_WITHIN)

    def terminate(self) -> int:
        """Ask it to end (SIGTERM) and return its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def status(self) -> int | None:
        """Return the exit status, None while it runs."""
        assert self._process is not None, "not started"
        return self._process.poll()

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None, "not started"
        assert self._process.poll() is None, f"lvsmon had ended by itself:\n{self.log()}"
        self._process.send_signal(how)
        return self._process.wait(STOPPED_WITHIN)
