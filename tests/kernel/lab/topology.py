"""The lab's network: a director, three realservers behind it, a client in front of it, each a namespace of its own.

    client eth0 ───────────── eth0 director eth1 ──┐
      .2      10.2.0.0/24  .1, VIP .100     .1     │ 10.1.0.0/24, a bridge in the namespace "lan"
    client eth1 ───────────────────────────────────┤
      .254, the realservers' router for DR         └── eth0 rs1 .11, rs2 .12, rs3 .13

NAT: the realservers' default route is the director. DR: the VIP is on their lo, ARP for it is off, and the answers go
to the client by the other way (eth1). IPv6 is the same with fd00:1:: and fd00:2::.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel.lab.client import Client
from kernel.lab.daemons import DAEMONS
from kernel.lab.spaces import Host, ip, namespaces
from kernel.lab.waiting import until

VIP: Final = "10.2.0.100"
VIP6: Final = "fd00:2::100"
FORWARD_FLAG: Final = {"masq": "-m", "route": "-g"}

STATE: Final = Path("/run/lab")
"""The daemons' files: in the guest's memory, and open to daemons that are not root, as pytest's folders are not."""

READY: Final = 10.0
"""Seconds within which a daemon listens, or is gone: the guest takes half a second for the slowest when it is alone."""


class RealServer(Host):
    """A realserver with the daemons that are started on it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"rs{number}")
        self.rip = f"10.1.0.{10 + number}"
        self.rip6 = f"fd00:1::{10 + number}"
        self.folder = STATE / self.name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def launch(self, daemon: str) -> None:
        """Start a daemon and wait until it listens."""
        self.begin(daemon)
        self.until_listening(daemon)

    def begin(self, daemon: str) -> None:
        kind = DAEMONS[daemon]
        folder = self.folder / daemon
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)  # some daemons change to a user of their own before they write
        command = kind.prepare(self.name, folder)
        self.running[daemon] = self.start(*command, log=folder / "output.log")

    def until_listening(self, daemon: str) -> None:
        port, process = DAEMONS[daemon].port, self.running[daemon]

        def look() -> tuple[bool, int | None]:
            return port in self.listening(), process.poll()

        what = f"{daemon} on {self.name}"
        listens, status = until(f"{what} listens", look, lambda seen: seen[0] or seen[1] is not None, READY)
        log = (self.folder / daemon / "output.log").read_text(errors="replace")
        assert listens, f"{what} ended with {status}: {log}"

    def kill(self, daemon: str) -> None:
        """End a daemon at once (SIGKILL, its workers with it) and return when its port is closed."""
        process = self.running.pop(daemon)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        port = DAEMONS[daemon].port
        until(f"{daemon} on {self.name} is gone", self.listening, lambda ports: port not in ports, READY)

    def freeze(self, daemon: str) -> None:
        """Stop a daemon where it stands: its port still takes connections, nobody answers."""
        os.killpg(self.running[daemon].pid, signal.SIGSTOP)

    def thaw(self, daemon: str) -> None:
        os.killpg(self.running[daemon].pid, signal.SIGCONT)

    def cut(self) -> None:
        """Pull the cable."""
        ip(f"link set {self.name} down", host="lan")

    def mend(self) -> None:
        ip(f"link set {self.name} up", host="lan")


class Director(Host):
    """The director; what `ipvsadm` prints there is the tests' witness."""

    def __init__(self, realservers: tuple[RealServer, ...], name: str = "director") -> None:
        super().__init__(name)
        self._names = {address: server.name for server in realservers for address in (server.rip, server.rip6)}
        self._looked: tuple[list[str], dict[str, dict[str, int]]] = ([], {})

    def cut(self) -> None:
        """Pull the cable to the realservers."""
        ip("link set director down", host="lan")

    def mend(self) -> None:
        ip("link set director up", host="lan")

    def ipvsadm(self, *arguments: str) -> str:
        return self.run("ipvsadm", *arguments)

    def restore(self, table: str) -> None:
        """Add to the table what is written in ipvsadm's own notation, one command a line."""
        self.run("ipvsadm", "-R", given=table)

    def saved(self) -> str:
        """Return the whole table as ipvsadm writes it down for itself."""
        return self.ipvsadm("-Sn")

    def table(self) -> dict[str, dict[str, int]]:
        """Return the table by virtual service ("-t 10.2.0.100:80", "-f 7 -6"): weights by the realservers' names."""
        table: dict[str, dict[str, int]] = {}
        for line in self.saved().splitlines():
            words = shlex.split(line)
            key = " ".join(words[1:3] + (["-6"] if "-6" in words else []))
            entry = table.setdefault(key, {})
            if words[0] == "-a":
                host = words[words.index("-r") + 1].rpartition(":")[0].strip("[]")
                entry[self._names.get(host, host)] = int(words[words.index("-w") + 1])
        return table

    def weights(self, service: str) -> dict[str, int] | None:
        """Return one virtual service's weights by the realservers' names, None if the kernel has no such one.

        ipvsadm is run where /proc shows another table than before: a wait looks often, and a program costs the guest.
        """
        state = self.inside(_table_in_proc)
        if state != self._looked[0]:
            self._looked = (state, self.table())
        return self._looked[1].get(service)

    def until_weights(self, service: str, expected: dict[str, int], within: float) -> float:
        """Wait until ipvsadm shows exactly these weights; return how many seconds it took."""
        start = time.monotonic()
        until(f"weights of {service}", lambda: self.weights(service), lambda seen: seen == expected, within)
        return time.monotonic() - start

    def mark(self, fwmark: int, port: int) -> None:
        """Mark what clients send to either VIP's port, TCP and UDP, as a fwmark virtual service needs."""
        for program, vip in (("iptables-legacy", VIP), ("ip6tables-legacy", VIP6)):
            for protocol in ("tcp", "udp"):
                match = ["-d", vip, "-p", protocol, "--dport", str(port)]
                self.run(program, "-t", "mangle", "-A", "PREROUTING", *match, "-j", "MARK", "--set-mark", str(fwmark))


def _table_in_proc() -> list[str]:
    """Return the lines of the calling thread's IPVS table without the numbers of connections."""
    lines = Path("/proc/thread-self/net/ip_vs").read_text().splitlines()
    return [" ".join(line.split()[:4]) if "->" in line else line for line in lines]


@dataclass(frozen=True, slots=True)
class Network:
    """All of it; ``forward`` is "masq" or "route"."""

    forward: str
    director: Director
    client: Client
    realservers: tuple[RealServer, ...]

    @property
    def flag(self) -> str:
        return FORWARD_FLAG[self.forward]

    def launch(self, daemon: str) -> None:
        """Start a daemon on every realserver."""
        for server in self.realservers:
            server.begin(daemon)
        for server in self.realservers:
            server.until_listening(daemon)


@contextmanager
def built(forward: str) -> Iterator[Network]:
    """Build the network and take it down again, with everything that was started in it."""
    with namespaces(["lan", "director", "client", "rs1", "rs2", "rs3"]), ExitStack() as stack:
        lan = stack.enter_context(closing(Host("lan")))
        servers = tuple(stack.enter_context(closing(RealServer(number))) for number in (1, 2, 3))
        director = stack.enter_context(closing(Director(servers)))
        client = stack.enter_context(closing(Client("client")))
        for host in (lan, director, client, *servers):  # before the links: an address is then good at once
            host.sysctl({"ipv6/conf/all/accept_dad": 0, "ipv6/conf/default/accept_dad": 0})
        _wire()
        director.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
        for server in servers:
            _set_up(server, forward)
        yield Network(forward, director, client, servers)


def _wire() -> None:
    plugs = ["director eth1", "client eth1", "rs1 eth0", "rs2 eth0", "rs3 eth0"]
    ip(
        "link add eth0 netns client type veth peer name eth0 netns director\n"
        + "".join(
            f"link add {name} netns {host} type veth peer name {host} netns lan\n"
            for host, name in map(str.split, plugs)
        )
    )
    ip(
        "link add br0 type bridge forward_delay 0\nlink set br0 up\n"
        + "".join(f"link set {plug.split()[0]} master br0 up\n" for plug in plugs),
        host="lan",
    )
    ip(
        f"""
        link set lo up
        link set eth0 up
        link set eth1 up
        addr add 10.2.0.1/24 dev eth0
        addr add {VIP}/32 dev eth0
        addr add 10.1.0.1/24 dev eth1
        addr add fd00:2::1/64 dev eth0
        addr add {VIP6}/128 dev eth0
        addr add fd00:1::1/64 dev eth1
        """,
        host="director",
    )
    ip(
        """
        link set lo up
        link set eth0 up
        link set eth1 up
        addr add 10.2.0.2/24 dev eth0
        addr add 10.1.0.254/32 dev eth1
        route add 10.1.0.0/24 dev eth1 src 10.1.0.254
        addr add fd00:2::2/64 dev eth0
        addr add fd00:1::254/64 dev eth1
        """,
        host="client",
    )


def _set_up(server: RealServer, forward: str) -> None:
    gateway = "1" if forward == "masq" else "254"
    if forward == "route":
        server.sysctl({"ipv4/conf/all/arp_ignore": 1, "ipv4/conf/all/arp_announce": 2})
    vips = f"addr add {VIP}/32 dev lo\naddr add {VIP6}/128 dev lo\n" if forward == "route" else ""
    ip(
        f"link set lo up\n{vips}"
        f"link set eth0 up\naddr add {server.rip}/24 dev eth0\naddr add {server.rip6}/64 dev eth0\n"
        f"route add default via 10.1.0.{gateway}\nroute add default via fd00:1::{gateway}\n",
        host=server.name,
    )
