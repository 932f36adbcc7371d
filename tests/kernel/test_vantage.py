"""vantage = "vip": a probe goes as the packets of the VIP's clients do, to the one realserver that it is for."""

from dataclasses import replace

from kernel.lab.cases import only_dr, only_nat
from kernel.lab.monitor import WEIGHTS, Monitor, Virtual
from kernel.lab.spaces import ip
from kernel.lab.topology import VIP, VIP6
from kernel.lab.waiting import until

OWN, OWN6 = "10.1.0.250", "fd00:1::250"
BACK, BACK6 = "198.18.0.2", "fd00:ffff::2"
SECTION = f'[vantage]\ninterface = "eth1"\naddresses = ["{OWN}", "{OWN6}"]\nreturn_addresses = ["{BACK}", "{BACK6}"]\n'

WEB = Virtual(name="web", probe="http", port=80, more='vantage = "vip"')
WEB6 = Virtual(name="web6", probe="http", port=80, vip=VIP6, more='vantage = "vip"')
NAMES = Virtual(
    name="names", probe='dns"\nname = "whoami.lab"\ntype = "TXT', port=53, protocol="udp", on_failure="quiesce",
    more='vantage = "vip"',
)  # fmt: skip
PLAIN = Virtual(name="plain", probe="http", port=80)
SLOW_GUEST = 2.0
"""Seconds on top of a promise, for the guest's slow programs."""


def out(virtual, name="rs1"):
    return WEIGHTS | {name: 0}


def found(network, *virtuals):
    """Wait until rs1, and nobody else, is out everywhere."""
    for virtual in virtuals:
        network.director.until_weights(virtual.shown, out(virtual), virtual.down_within + SLOW_GUEST)


@only_dr
def test_a_realserver_that_does_not_have_the_vip_is_found_though_its_own_address_answers(network, monitor):
    """With LVS-DR; the director's table, its counters and its namespace see nothing of the probes."""
    for daemon in ("nginx", "dnsmasq"):
        network.launch(daemon)
    monitor.configure([WEB, WEB6, NAMES], SECTION)
    monitor.start()
    monitor.until_serving(WEB, WEB6, NAMES)
    assert "FWM" not in network.director.ipvsadm("-Ln")
    rs1 = network.realservers[0]
    ip(f"addr del {VIP}/32 dev lo\naddr del {VIP6}/128 dev lo", host="rs1")
    found(network, WEB, WEB6, NAMES)
    # As if it were a router too: what is not its own goes on, to the director, whose table would choose another one.
    rs1.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
    monitor.until_probed(20)
    assert network.director.weights(WEB.shown) == out(WEB)
    ip(f"addr add {VIP}/32 dev lo\naddr add {VIP6}/128 dev lo", host="rs1")
    monitor.until_serving(WEB, WEB6, NAMES)
    assert all(line.split()[-5:] == ["0"] * 5 for line in _counted(network))
    assert "probe0" not in network.director.run("ip", "link")


def _counted(network):
    """Return the lines of ipvsadm's counters: connections, packets and bytes both ways stand last."""
    lines = network.director.ipvsadm("-Ln", "--stats", "--exact").splitlines()
    counted = [line for line in lines if line.startswith(("TCP ", "UDP ", "  -> 10", "  -> ["))]
    assert len(counted) == 12, lines
    return counted


@only_nat
def test_a_realserver_with_another_gateway_is_found_though_it_answers_the_director(network, monitor):
    """With LVS-NAT a realserver's answers must pass the director, or no client hears them. A kill -9 leaves nothing."""
    network.launch("nginx")
    monitor.configure([WEB, WEB6], SECTION)
    monitor.start()
    monitor.until_serving(WEB, WEB6)
    ip("route replace default via 10.1.0.254\nroute replace default via fd00:1::254", host="rs1")
    found(network, WEB, WEB6)
    monitor.kill()
    until("nothing is left", lambda: network.director.run("ip", "link"), lambda seen: "lvsmon" not in seen, 30.0)
    monitor.start()
    ip("route replace default via 10.1.0.1\nroute replace default via fd00:1::1", host="rs1")
    monitor.until_serving(WEB, WEB6)


@only_dr
def test_a_realserver_that_does_not_unwrap_is_found(network, monitor):
    """With LVS-Tun (IP in IP)."""
    for server in network.realservers:
        server.sysctl({"ipv4/conf/all/rp_filter": 0, "ipv4/conf/default/rp_filter": 0})
        ip("link set tunl0 up", host=server.name)
        server.sysctl({"ipv4/conf/tunl0/rp_filter": 0})
    network.launch("nginx")
    monitor = Monitor(replace(network, forward="tunnel"), monitor.folder)
    monitor.configure([WEB], SECTION)
    monitor.start()
    monitor.until_serving(WEB)
    ip("link set tunl0 down", host="rs1")
    found(network, WEB)
    ip("link set tunl0 up", host="rs1")
    monitor.until_serving(WEB)


@only_dr
def test_an_address_that_somebody_else_has_makes_probes_unknown_and_nobody_dead(network, monitor):
    """As where two directors have the same configuration."""
    ip(f"addr add {OWN}/32 dev eth1\naddr add {OWN6}/128 dev eth1", host="client")
    network.launch("nginx")
    monitor.configure([PLAIN], SECTION)
    monitor.start()
    monitor.until_serving(PLAIN)
    monitor.configure([replace(PLAIN, more='vantage = "vip"')], SECTION)
    monitor.reload()
    (line,) = until("a word of it", lambda: _taken(monitor), bool, 15.0)[:1]
    assert "verdict=UNKNOWN" in line
    assert network.director.weights(PLAIN.shown) == WEIGHTS


def _taken(monitor):
    return [line for line in monitor.events("outcome") if f"{OWN} is in use by" in line]
