"""A director with two realservers for the tests of `lvsmon check`."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.cli import main
from lvsmon.model import VirtualService
from oneshot_support import VIP, destination, spec, virtual

CONFIG = """\
[director]
state_directory = "{state}"
backend = "memory"

[defaults]
interval = "1s"
timeout = "1s"
fall = 2
rise = 1

[[realserver]]
name = "rs1"
address = "127.0.0.1"

[[realserver]]
name = "rs2"
address = "127.0.0.2"

[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
forward = "masq"
realservers = [{{ name = "rs1", port = {port1} }}, {{ name = "rs2", port = {port2} }}]

[[virtual.probe]]
kind = "tcp"
"""


_MAIN = "from lvsmon.cli import main; main()"


class Director:
    """A configuration, the table in memory that stands for the kernel's, and `lvsmon check` on both."""

    def __init__(self, directory: Path, ports: tuple[int, int]) -> None:
        self.state = directory / "state"
        self.config = directory / "lvsmon.toml"
        self.ports = ports
        self.configure(ports)
        self.table = MemoryIpvs()

    def check(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["check", "--config", str(self.config), *words])

    def weights(self) -> list[int]:
        entry = self.table.get(VIP)
        return [] if entry is None else [to.settings.weight for _, to in sorted(entry.destinations.items())]

    def configure(self, ports: tuple[int, int], timeout: str = "1s") -> None:
        text = CONFIG.format(state=self.state, port1=ports[0], port2=ports[1])
        self.config.write_text(text.replace('"1s"', f'"{timeout}"'))

    @contextmanager
    def started(self, *words: str) -> "Iterator[subprocess.Popen[str]]":
        """Run the command in a process of its own, whose memory table is its own as well; it does not outlive this."""
        with subprocess.Popen(
            [sys.executable, "-c", _MAIN, "check", "--config", str(self.config), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def probing(self) -> "Iterator[subprocess.Popen[str]]":
        """Run ``check --apply`` until it holds the lock and probes a port that will not answer for 50 seconds."""
        path = self.state / "lock"
        with silent() as port:
            self.configure((self.ports[0], port), timeout="50s")
            with self.started("--apply") as process:
                while process.poll() is None and not (path.exists() and path.read_text() == f"check {process.pid}\n"):
                    pass
                assert process.poll() is None, process.communicate()
                self.configure(self.ports)
                yield process

    def service(self) -> VirtualService:
        """Return the virtual service as the configuration names it."""
        specs = [spec(f"127.0.0.{number}", port) for number, port in enumerate(self.ports, 1)]
        return virtual("shop", [destination(f"rs{number}", each) for number, each in enumerate(specs, 1)])


@contextmanager
def silent() -> Iterator[int]:
    """A port whose handshakes get no answer: its backlog is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.2", 0))
        server.listen(0)
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for client in clients:
            client.close()
