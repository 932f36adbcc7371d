"""Drains under real connections: what ipvsadm still shows is waited for, and nothing new comes meanwhile."""

import re
import socket
import struct
import subprocess

from kernel.lab.cases import only_nat
from kernel.lab.client import TIMEOUT
from kernel.lab.monitor import LVSMON, WEIGHTS, Virtual
from kernel.lab.topology import VIP
from kernel.lab.waiting import until

WEB = Virtual(name="web", probe="http", port=80)
STICKY = Virtual(name="web", probe="http", port=80, more='persistence = "15s"')

AT_ONCE = 10.0
"""Seconds for a command in the guest, and for what follows from it."""

CLOSED = 20.0
"""Seconds: the kernel keeps an entry that was reset for 10 (net/netfilter/ipvs/ip_vs_proto_tcp.c)."""

STUCK = 45.0
"""Seconds: a persistence template outlives its last connection by the persistence, here 15."""


def lvsmon(network, monitor, *words, code=0):
    command = [str(LVSMON), *words, "--config", str(monitor.folder)]
    done = network.director.inside(subprocess.run, command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def connect(network):
    """Return a connection to the VIP that stays, and the name of the realserver at its end."""
    stream = network.client.inside(socket.create_connection, (VIP, 80), TIMEOUT)
    stream.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
    text = b""
    while not (found := re.search(rb"\r\n\r\n\s*(rs\d)", text)):
        data = stream.recv(4096)
        assert data, text
        text += data
    return stream, found[1].decode()


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def shown(network, name):
    """Return what ipvsadm shows of a realserver: weight, active, inactive; None where it is not in the table."""
    rip = next(server.rip for server in network.realservers if server.name == name)
    row = re.search(rf"-> {re.escape(rip)}:80 +\w+ +(\d+) +(\d+) +(\d+)", network.director.ipvsadm("-Ln"))
    return None if row is None else tuple(map(int, row.groups()))


def drained(monitor):
    """Return the stage of the one drain there is, and what lvsmon says is left."""
    (wish,) = monitor.ask("maintenance")["wishes"]
    (destination,) = wish["destinations"]
    return destination["drain"]["stage"], *(destination[name] for name in ("active", "inactive", "persistent"))


@only_nat
def test_a_long_connection_holds_the_drain_open_and_then_it_is_removed(network, monitor, tmp_path):
    network.launch("nginx")
    monitor.configure([WEB])
    monitor.start()
    monitor.until_serving(WEB)
    stream, name = connect(network)
    others = {other: weight for other, weight in WEIGHTS.items() if other != name}
    said = tmp_path / "drain.log"
    drain = network.director.start(
        str(LVSMON), "drain", name, "--remove", "--wait", "--timeout", "5m", "--reason", "new kernel",
        "--config", str(monitor.folder), log=said,
    )  # fmt: skip
    network.director.until_weights(WEB.shown, others | {name: 0}, AT_ONCE)
    until("the drain waits", said.read_text, lambda text: f"web/{name}: 1 active, 0 inactive" in text, AT_ONCE)
    assert drained(monitor) == ("draining", 1, 0, 0)
    assert shown(network, name) == (0, 1, 0)
    assert name not in network.client.who(VIP, 80, 6), "nothing new comes"
    stream.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
    assert b" 200 " in stream.recv(4096), "and what is there goes on"
    reset(stream)
    until("it is removed", lambda: shown(network, name), lambda seen: seen is None, CLOSED)
    assert until("the command ends", drain.poll, lambda code: code is not None, AT_ONCE) == 0
    assert said.read_text().endswith(f"web/{name}: out of the table\n")
    assert f"cleared: {name}: drain, then remove, reason new kernel" in lvsmon(network, monitor, "enable", name)
    network.director.until_weights(WEB.shown, WEIGHTS, AT_ONCE)


@only_nat
def test_a_persistence_template_holds_a_drain_open(network, monitor):
    """Traps 1 and 13: at weight 0 its client's new connections still come, which connections alone do not show."""
    network.launch("nginx")
    monitor.configure([STICKY])
    monitor.start()
    monitor.until_serving(STICKY)
    stream, name = connect(network)
    reset(stream)
    lvsmon(network, monitor, "drain", f"web/{name}", "--timeout", "never")
    until("weight 0", lambda: shown(network, name)[0], lambda weight: weight == 0, AT_ONCE)
    again, same = connect(network)
    assert same == name, "the kernel sends the client there all the same"
    reset(again)
    until("no connection is left", lambda: shown(network, name), lambda seen: seen == (0, 0, 0), CLOSED)
    stage, active, inactive, persistent = drained(monitor)
    assert (stage, active, inactive, persistent) == ("draining", 0, 0, 1)
    assert "persistent clients go on until their 15s are over" in lvsmon(network, monitor, "maintenance")
    until("it is drained", lambda: drained(monitor), lambda seen: seen == ("drained", 0, 0, 0), STUCK)
    assert shown(network, name) == (0, 0, 0), "and stays in the table, where nobody asked for more"


@only_nat
def test_a_drain_outlives_kill_9_and_ends_at_its_deadline(network, monitor):
    """Trap 5: a connection that nothing ends is not waited for beyond the deadline."""
    network.launch("nginx")
    monitor.configure([WEB])
    monitor.start()
    monitor.until_serving(WEB)
    stream, name = connect(network)
    lvsmon(network, monitor, "drain", name, "--remove", "--timeout", "15s")
    until("weight 0", lambda: shown(network, name), lambda seen: seen == (0, 1, 0), AT_ONCE)
    monitor.kill()
    monitor.start()
    until("it is asked again", lambda: monitor.ask("maintenance"), lambda told: told["daemon"], AT_ONCE)
    assert shown(network, name)[:2] == (0, 1)
    until("it is removed", lambda: shown(network, name), lambda seen: seen is None, 30.0)
    stream.close()
