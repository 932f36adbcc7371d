"""The cast of the demo: realserver processes, and the configuration that describes them."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ADDRESSES: Final = {"rs1": "127.0.0.11", "rs2": "127.0.0.12", "rs3": "127.0.0.13"}

_MAIN: Final = """\
[director]
backend = "memory"               # the embedded stand-in; "netlink" is the kernel
state_directory = "{state}"

[defaults]
interval = "1s"
timeout = "900ms"
fall = 2
rise = 2
on_failure = "quiesce"
"""

_REALSERVER: Final = """
[[realserver]]
name = "{name}"
address = "{address}"
"""

_VIRTUAL: Final = """\
[[virtual]]
name = "{name}"
vip = "192.0.2.10"
port = {vip_port}
hostname = "www.example.org"
forward = "masq"
scheduler = "wlc"
realservers = [{realservers}]

[[virtual.probe]]
kind = "{kind}"
{settings}"""

_SERVICES: Final = (
    ("web", 80, "http", 'expect = "ready"\n'),
    ("console", 23, "telnet", ""),
    ("mail", 25, "smtp", ""),
)


class RealServerProcess:
    """One realserver as a child process; killed for good by `kill`, back on the same ports by `start`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.ports = ["0", "0", "0"]
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Raise RuntimeError if it cannot listen on its address."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lvsmon.demo.realserver", self.address, *self.ports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        self.ports = self._process.stdout.readline().split()
        if not self.ports:
            raise RuntimeError(f"the demo's realserver cannot listen on {self.address}: see the lines above")

    def kill(self) -> None:
        """Kill it as `kill -9` does; nothing if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def write_configuration(directory: Path, realservers: dict[str, RealServerProcess]) -> Path:
    """Write lvsmon.toml and monitors.d into ``directory`` as a person would; return the main file."""
    main = directory / "lvsmon.toml"
    described = (_REALSERVER.format(name=name, address=each.address) for name, each in realservers.items())
    main.write_text(_MAIN.format(state=directory / "state") + "".join(described))
    (directory / "monitors.d").mkdir()
    for place, (name, vip_port, kind, settings) in enumerate(_SERVICES):
        entries = ", ".join(f'{{ name = "{rs}", port = {each.ports[place]} }}' for rs, each in realservers.items())
        text = _VIRTUAL.format(name=name, vip_port=vip_port, kind=kind, settings=settings, realservers=entries)
        (directory / "monitors.d" / f"{name}.toml").write_text(text)
    return main
