"""IPVS's sync daemon: a backup director that lvsmon keeps too takes live connections over, as trap 14 has it."""

import socket
import sys
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from kernel.lab.cases import only_dr
from kernel.lab.monitor import WEIGHTS, Monitor, Virtual
from kernel.lab.spaces import ip, namespaces
from kernel.lab.topology import VIP, Director
from kernel.lab.waiting import until

WEB = Virtual(name="web", probe="http", port=80)
SLOW_GUEST = 2.0


@pytest.fixture
def backup(network):
    """A second director in the realservers' network, with the VIP, to which nothing of the clients' comes yet."""
    with namespaces(["backup"]), ExitStack() as stack:
        backup = stack.enter_context(closing(Director(network.realservers, "backup")))
        backup.sysctl({"ipv6/conf/all/accept_dad": 0, "ipv6/conf/default/accept_dad": 0})
        ip("link add eth1 netns backup type veth peer name backup netns lan\n")
        ip("link set backup master br0 up", host="lan")
        ip(f"link set lo up\nlink set eth1 up\naddr add 10.1.0.2/24 dev eth1\naddr add {VIP}/32 dev lo", host="backup")
        backup.sysctl({"ipv4/ip_forward": 1, "ipv4/conf/all/rp_filter": 0, "ipv4/conf/eth1/rp_filter": 0})
        yield backup


@only_dr
def test_a_backup_with_the_same_configuration_takes_a_live_connection_over(network, backup, tmp_path):
    """The connection has its destination there and goes on; both lvsmons find a dead realserver, and agree."""
    network.launch("nginx")
    directors = {"master": network.director, "backup": backup}
    monitors = []
    for state, director in directors.items():
        director.sysctl({"ipv4/vs/sync_threshold": "1 2"})
        director.ipvsadm("--start-daemon", state, "--mcast-interface", "eth1", "--syncid", "7")
        (tmp_path / state).mkdir()
        monitors.append(Monitor(replace(network, director=director), tmp_path / state))
    try:
        for monitor in monitors:
            monitor.configure([WEB])
            monitor.start()
        for monitor in monitors:
            monitor.until_serving(WEB)
        _go_over(network, backup)
        network.realservers[0].kill("nginx")
        for director in directors.values():
            director.until_weights(WEB.shown, WEIGHTS | {"rs1": 0}, WEB.down_within + SLOW_GUEST)
        assert network.director.saved() == backup.saved()
    finally:
        for monitor in monitors:
            sys.stdout.write("\n".join(monitor.log().splitlines()[-20:]))


def _go_over(network, backup):
    """Talk on one connection by way of the first director, and then of the other."""
    client = network.client
    with client.inside(socket.create_connection, (VIP, 80), 5) as talk:
        talk.settimeout(5)
        for _ in range(4):
            _say(talk)
        port = talk.getsockname()[1]
        seen = until(
            "the connection is known to the backup",
            lambda: [line for line in backup.ipvsadm("-Lnc").splitlines() if f":{port} " in line],
            bool,
            10.0,
        )
        assert any(f"{server.rip}:80" in seen[0] for server in network.realservers)
        ip(f"route replace {VIP}/32 via 10.1.0.2 dev eth1", host="client")
        for _ in range(4):
            _say(talk)
    ip(f"route del {VIP}/32 via 10.1.0.2 dev eth1", host="client")


def _say(talk):
    """Ask once more on the same connection, and wait for the answer."""
    talk.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
    heard = b""
    while not heard.endswith(b"\n") or b"\r\n\r\nrs" not in heard:
        more = talk.recv(4096)
        assert more, "the connection was closed"
        heard += more
