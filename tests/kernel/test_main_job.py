"""The main job on a real kernel: dead realservers leave the table and come back, as ipvsadm and clients see it."""

import time

import pytest

from kernel.lab.cases import only_dr, only_nat
from kernel.lab.monitor import FALL, RECONCILE, WEIGHTS, Virtual
from kernel.lab.topology import VIP, VIP6
from kernel.lab.waiting import until

MARK = 7
WEB = Virtual(name="web", probe="http", port=80)
MAIL = Virtual(name="mail", probe="smtp", port=25)
LOGIN = Virtual(name="login", probe="telnet", port=23, interval=2.0)
WEB6 = Virtual(name="web6", probe="http", port=80, vip=VIP6)
WEB6_REMOVE = Virtual(name="web6", probe="http", port=80, vip=VIP6, on_failure="remove")
MARKED = Virtual(name="marked", probe="http", port=80, vip=MARK)
MARKED6 = Virtual(name="marked6", probe="http", port=80, vip=MARK, family="inet6")
NAMES = Virtual(name="names", probe="tcp", port=53, protocol="udp")  # probed where the daemon listens on TCP

SETTLED = 4
"""Connections after which a test believes who takes part: one round of the scheduler over weights 1, 2 and 1."""

BACK_WITHIN = 15.0
"""Seconds from a daemon's start to its weight: nothing is promised but rise passes in a row, and some start slowly."""

SLOW_GUEST = 0.5
"""Seconds on top of a promise whose worst case has no slack of its own, for the guest's slow programs."""


def settle(record, *, without=frozenset()):
    """Wait for connections that begin after now: none may fail, and none be answered by who is out."""
    now = time.monotonic()
    attempts = until("clients go on", lambda: record.since(now), lambda since: len(since) >= SETTLED, within=20.0)
    assert not [attempt for attempt in attempts if attempt.trouble]
    answered = {attempt.answered for attempt in attempts}
    assert not answered & without
    return answered


def left_of(virtual, name):
    """Return the weights that ipvsadm shows while one realserver is down."""
    others = {other: weight for other, weight in WEIGHTS.items() if other != name}
    return others if virtual.on_failure == "remove" else others | {name: 0}


def go_and_come_back(network, monitor, tell, cases):
    """Kill a realserver's daemon in each case and start it again, under clients of the VIP that never pause.

    Down within interval x fall + timeout as ipvsadm shows it, no failure of a client after that, the configured weight
    back in time. Each case is a virtual service, the VIP to ask, a daemon and the realserver it dies on.
    """
    for daemon in {daemon for _, _, daemon, _ in cases}:
        network.launch(daemon)
    monitor.configure([virtual for virtual, *_ in cases])
    monitor.start()
    monitor.until_serving(*(virtual for virtual, *_ in cases))
    for virtual, vip, daemon, number in cases:
        server = network.realservers[number - 1]
        with network.client.steady(vip, virtual.port) as record:
            settle(record)
            killed = time.monotonic()
            server.kill(daemon)
            monitor.until_out(virtual, left_of(virtual, server.name))
            out = time.monotonic() - killed
            left = killed + out
            settle(record, without={server.name})
            server.launch(daemon)
            started = time.monotonic()
            network.director.until_weights(virtual.shown, WEIGHTS, BACK_WITHIN)
            back = time.monotonic() - started
            assert server.name in settle(record)
        assert not record.failures(since=left)
        tell(
            f"{network.forward:6}{virtual.name:8}{daemon:8} out after {out:.2f} s (promised {virtual.down_within:g}), "
            f"back after {back:.2f} s"
        )


@pytest.mark.parametrize(
    ("virtual", "daemon"), [(WEB, "nginx"), (MAIL, "exim"), (LOGIN, "telnetd")], ids=["nginx", "exim", "telnetd"]
)
def test_a_dead_daemon_gets_weight_0_and_its_own_back(network, monitor, tell, virtual, daemon):
    go_and_come_back(network, monitor, tell, [(virtual, VIP, daemon, 2)])


@only_nat
def test_remove_takes_the_destination_out(network, monitor, tell):
    go_and_come_back(network, monitor, tell, [(WEB6_REMOVE, VIP6, "nginx", 2)])


@only_dr
def test_ipv6(network, monitor, tell):
    go_and_come_back(network, monitor, tell, [(WEB6, VIP6, "nginx", 2)])


def test_fwmark_virtual_services(network, monitor, tell):
    """One of each family with the same mark: two virtual services (trap 10)."""
    network.director.mark(MARK, 80)
    go_and_come_back(network, monitor, tell, [(MARKED, VIP, "nginx", 1), (MARKED6, VIP6, "nginx", 2)])


@only_nat
def test_a_udp_virtual_service(network, monitor, tell):
    go_and_come_back(network, monitor, tell, [(NAMES, VIP, "dnsmasq", 3)])


@only_nat
def test_silence_is_found_within_the_same_time(network, monitor):
    """A frozen daemon and a pulled cable refuse nothing: the deadline of each run finds them."""
    network.launch("nginx")
    monitor.configure([WEB])
    monitor.start()
    monitor.until_serving(WEB)
    _, rs2, rs3 = network.realservers
    rs2.freeze("nginx")
    monitor.until_out(WEB, WEIGHTS | {"rs2": 0}, SLOW_GUEST)
    rs3.cut()
    monitor.until_out(WEB, WEIGHTS | {"rs2": 0, "rs3": 0}, SLOW_GUEST)
    rs2.thaw("nginx")
    rs3.mend()
    monitor.until_serving(WEB)


@only_nat
def test_sigterm_leaves_the_table_serving(network, monitor):
    network.launch("nginx")
    monitor.configure([WEB])
    monitor.start()
    monitor.until_serving(WEB)
    with network.client.steady(VIP) as record:
        settle(record)
        table = network.director.saved()
        assert monitor.terminate() == 0
        settle(record)
        assert network.director.saved() == table
        assert not record.failures()


@only_nat
@pytest.mark.parametrize("policy", ["quiesce", "remove"])
def test_a_killed_lvsmon_goes_on_without_one_needless_write(network, monitor, policy):
    """kill -9 and restart, with one realserver down: what serves is not touched, what is down stays out."""
    virtual = Virtual(name="web", probe="http", port=80, on_failure=policy)
    network.launch("nginx")
    monitor.configure([virtual])
    monitor.start()
    monitor.until_serving(virtual)
    network.realservers[0].kill("nginx")
    monitor.until_out(virtual, left_of(virtual, "rs1"))
    table = network.director.saved()
    monitor.kill()
    written = monitor.events("ipvs_write")
    assert written
    with network.client.steady(VIP) as record:
        settle(record)
        monitor.start()
        monitor.until_probed(runs=3 * (FALL + 1))
        settle(record)
        assert not record.failures()
    assert network.director.saved() == table
    assert monitor.events("ipvs_write") == written
    network.realservers[0].launch("nginx")
    network.director.until_weights(virtual.shown, WEIGHTS, BACK_WITHIN)


@only_nat
def test_drift_is_mended_and_the_foreign_left_alone(network, monitor):
    """Whatever a hand changes in what lvsmon manages is put right; what it does not manage is reported and stays."""
    network.launch("nginx")
    monitor.configure([WEB])
    monitor.start()
    monitor.until_serving(WEB)
    director, (rs1, rs2, rs3) = network.director, network.realservers
    director.restore(f"-A -t {VIP}:8080 -s rr\n-a -t {VIP}:8080 -r {rs1.rip}:80 -m -w 9\n")
    for by_hand in (
        f"-e {WEB.shown} -r {rs1.rip}:80 -m -w 7",
        f"-d {WEB.shown} -r {rs2.rip}:80",
        f"-e {WEB.shown} -r {rs3.rip}:80 -m -w 0",
        f"-D {WEB.shown}",
    ):
        seen = len(monitor.events("drift"))
        director.ipvsadm(*by_hand.split())
        director.until_weights(WEB.shown, WEIGHTS, 2 * RECONCILE)
        until("the drift is told", lambda: len(monitor.events("drift")), lambda now, seen=seen: now > seen, 2.0)
    assert director.weights(f"-t {VIP}:8080") == {"rs1": 9}
    assert [line for line in monitor.events("ipvs_trouble") if f"{VIP}:8080" in line]
