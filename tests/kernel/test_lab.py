"""The lab itself: what the other tests of this folder stand on is real. Nothing of lvsmon takes part here."""

import errno
import os
from pathlib import Path

import pytest

from kernel.lab.cases import only_nat
from kernel.lab.topology import VIP, VIP6
from kernel.lab.waiting import until

DAEMON_ON = {80: "nginx", 25: "exim", 23: "telnetd", 53: "dnsmasq"}


def virtual(network, port, vip=VIP, weights=(1, 1, 1)):
    """Write one round-robin virtual service, in ipvsadm's notation."""
    service = f"{'-u' if port == 53 else '-t'} {f'[{vip}]' if ':' in vip else vip}:{port}"
    return f"-A {service} -s wrr\n" + "".join(
        f"-a {service} -r {f'[{server.rip6}]' if ':' in vip else server.rip}:{port} {network.flag} -w {weight}\n"
        for server, weight in zip(network.realservers, weights, strict=True)
    )


def test_every_daemon_serves_clients_of_the_vip(network):
    """NAT and DR, IPv4 and IPv6, TCP and UDP: each of Debian's daemons is reached on every realserver."""
    for daemon in DAEMON_ON.values():
        network.launch(daemon)
    network.director.restore("".join(virtual(network, port, vip) for vip in (VIP, VIP6) for port in DAEMON_ON))
    for vip in (VIP, VIP6):
        for port in DAEMON_ON:
            assert network.client.who(vip, port, 3) == {"rs1": 1, "rs2": 1, "rs3": 1}, (vip, port)


def test_a_fwmark_virtual_service_takes_what_is_marked(network):
    """One virtual service by fwmark balances what iptables marked, for either family."""
    network.launch("nginx")
    network.director.mark(7, 80)
    network.director.restore(
        "-A -f 7 -s rr\n"
        + "".join(f"-a -f 7 -r {server.rip}:0 {network.flag} -w 1\n" for server in network.realservers)
        + "-A -f 7 -6 -s rr\n"
        + "".join(f"-a -f 7 -6 -r [{server.rip6}]:0 {network.flag} -w 1\n" for server in network.realservers)
    )
    assert network.director.weights("-f 7") == {"rs1": 1, "rs2": 1, "rs3": 1}
    assert network.director.weights("-f 7 -6") == {"rs1": 1, "rs2": 1, "rs3": 1}
    for vip in (VIP, VIP6):
        assert network.client.who(vip, 80, 6) == {"rs1": 2, "rs2": 2, "rs3": 2}


@only_nat
def test_weights_are_what_clients_see(network):
    """The witness and the clients agree: weight 0 takes nothing, weight 2 twice as much as weight 1."""
    network.launch("nginx")
    network.director.restore(virtual(network, 80, weights=(0, 1, 2)))
    assert network.director.weights(f"-t {VIP}:80") == {"rs1": 0, "rs2": 1, "rs3": 2}
    assert network.client.who(VIP, 80, 6) == {"rs2": 2, "rs3": 4}


@only_nat
def test_a_killed_daemon_refuses_and_comes_back(network):
    """Without a monitor a dead realserver costs one client in three, and IPVS itself does nothing about it."""
    network.launch("nginx")
    network.director.restore(virtual(network, 80))
    rs1 = network.realservers[0]
    with network.client.steady(VIP) as record:
        until("all three answer", record.answered, {"rs1", "rs2", "rs3"}.__eq__, 5)
        assert not record.failures()
        rs1.kill("nginx")
        until("clients fail", record.failures, lambda failures: len(failures) >= 2, 5)
        assert network.director.weights(f"-t {VIP}:80") == {"rs1": 1, "rs2": 1, "rs3": 1}
        rs1.launch("nginx")
        back = record.attempts[-1].ended
        until("all three answer again", lambda: record.answered(back), {"rs1", "rs2", "rs3"}.__eq__, 5)
    assert {failure.trouble.split(":")[0] for failure in record.failures()} == {"ConnectionRefusedError"}


@only_nat
def test_a_frozen_daemon_and_a_pulled_cable_are_silence(network):
    """Neither refuses: a client waits in vain, which is why a probe needs a deadline."""
    network.launch("nginx")
    rs1 = network.realservers[0]
    rs1.freeze("nginx")
    network.director.restore(virtual(network, 80, weights=(1, 0, 0)))
    with pytest.raises(TimeoutError):
        network.client.get(VIP, timeout=0.5)
    rs1.thaw("nginx")
    assert network.client.get(VIP) == "rs1"
    rs1.cut()
    with pytest.raises(OSError, match=r"timed out|No route") as silence:
        network.client.get(VIP, timeout=0.5)
    assert silence.value.errno in (None, errno.EHOSTUNREACH)
    rs1.mend()
    until("rs1 answers", lambda: _try(network), "rs1".__eq__, 10)


def _try(network):
    try:
        return network.client.get(VIP)
    except OSError as trouble:
        return repr(trouble)


@only_nat
def test_each_test_has_a_table_of_its_own(network):
    """The director's table starts empty, and what is written there is not in the guest's own namespace."""
    assert network.director.saved() == ""
    network.director.restore(virtual(network, 80))
    assert len(network.director.saved().splitlines()) == 4
    assert "10.2.0.100" not in Path("/proc/net/ip_vs").read_text()


def test_nothing_written_here_reaches_the_host():
    """New files and overwritten ones stay in the guest; the launcher looks for them on the host when it is off."""
    canary = Path(os.environ["LVSMON_LAB_CANARY"])
    assert canary.read_text() == "canary"
    canary.write_text("eaten")
    made = [Path("/etc/lvsmon-lab-was-here"), Path(__file__).with_name("lvsmon-lab-was-here")]
    for path in made:
        path.write_text("written in the guest")
    Path("/results/written").write_text("".join(f"{path}\n" for path in made))
    assert canary.read_text() == "eaten"
    writable = [
        place
        for _, place, kind, options in (line.split()[:4] for line in Path("/proc/mounts").read_text().splitlines())
        if kind == "hostfs" and "rw" in options.split(",")
    ]
    assert writable == ["/results"]
