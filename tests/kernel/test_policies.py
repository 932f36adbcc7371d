"""What is decided beside health, on a real kernel: ipvsadm and clients of the VIP are the witnesses."""

import time

import pytest

from kernel.lab.cases import only_nat
from kernel.lab.monitor import FALL, RECONCILE, WEIGHTS, Virtual
from kernel.lab.topology import VIP
from kernel.lab.waiting import until

pytestmark = only_nat

WEB = Virtual(name="web", probe="http", port=80)
MAIL = Virtual(name="mail", probe="smtp", port=25)
SLOW_GUEST = 2.0
"""Seconds on top of a promise: the guest's programs are slow."""

GATEWAY = """
[[host]]
name = "gateway"
address = "10.1.0.254"

[[host.probe]]
kind = "ping"
interval = "1s"
timeout = "1s"
"""
"""The client's leg in the realservers' network."""

BRAKE = '\n[brake]\nfailing = "50%"\nwindow = "30s"\nself_test = ["gateway"]\n'


def begin(network, monitor, *virtuals, more="", daemons=("nginx",)):
    for daemon in daemons:
        network.launch(daemon)
    monitor.configure(virtuals, more)
    monitor.start()
    monitor.until_serving(*virtuals)


def told(monitor, kind, within=5.0):
    until(
        f"{kind} is told",
        lambda: [line for line in monitor.events("notice") if f"kind={kind}" in line],
        bool,
        within,
    )


def test_the_last_one_stays_in_at_the_floor(network, monitor):
    """Promise 2: with a floor of 1 the last realserver is not taken out, whatever its probes say."""
    web = Virtual(name="web", probe="http", port=80, more="floor = 1")
    begin(network, monitor, web)
    for number, left in ((1, {"rs1": 0, "rs2": 2, "rs3": 1}), (2, {"rs1": 0, "rs2": 0, "rs3": 1})):
        network.realservers[number - 1].kill("nginx")
        monitor.until_out(web, left, SLOW_GUEST)
    network.realservers[2].kill("nginx")
    told(monitor, "floor")
    monitor.until_probed(runs=3 * FALL)
    assert network.director.weights(web.shown) == {"rs1": 0, "rs2": 0, "rs3": 1}
    network.realservers[0].launch("nginx")
    network.director.until_weights(web.shown, {"rs1": 1, "rs2": 0, "rs3": 0}, 15.0)


def test_a_director_that_is_cut_off_takes_nobody_out_and_a_real_mass_failure_is_carried_out(network, monitor):
    begin(network, monitor, WEB, more=BRAKE + GATEWAY)
    network.director.cut()
    told(monitor, "brake", within=WEB.down_within + SLOW_GUEST)
    network.director.until_weights(WEB.shown, WEIGHTS, 2 * SLOW_GUEST)  # the first may be out before anybody can know
    written = monitor.events("ipvs_write")
    monitor.until_probed(runs=12)
    assert network.director.weights(WEB.shown) == WEIGHTS
    network.director.mend()
    until("the brake is off", lambda: monitor.events("notice_over"), bool, 30.0)
    monitor.until_probed(runs=12)
    assert network.director.weights(WEB.shown) == WEIGHTS
    assert monitor.events("ipvs_write") == written, "nothing was written all the time"
    for server in network.realservers[:2]:
        server.kill("nginx")
    network.director.until_weights(WEB.shown, {"rs1": 0, "rs2": 0, "rs3": 1}, WEB.down_within + 2 + SLOW_GUEST)


def test_what_a_group_ties_falls_and_comes_back_together(network, monitor):
    group = '\n[[group]]\nname = "host"\nleads = ["web"]\n'
    begin(network, monitor, WEB, MAIL, more=group, daemons=("nginx", "exim"))
    rs2 = network.realservers[1]
    rs2.kill("nginx")
    for virtual in (WEB, MAIL):
        monitor.until_out(virtual, WEIGHTS | {"rs2": 0}, SLOW_GUEST)
    rs2.launch("nginx")
    monitor.until_serving(WEB, MAIL)


def test_behind_a_dead_parent_nobody_is_down(network, monitor):
    """The gateway does not answer: what the probes say of the realservers behind it does not count."""
    parent = GATEWAY.replace("10.1.0.254", "10.1.0.253")
    web = Virtual(name="web", probe="http", port=80, more='depends = "gateway"\ninitial = "up"')
    network.launch("nginx")
    monitor.configure([web], parent)
    monitor.start()
    network.director.until_weights(web.shown, WEIGHTS, 15.0)
    until("the gateway is down", lambda: monitor.events("transition"), lambda lines: "after=DOWN" in str(lines), 15.0)
    network.realservers[0].kill("nginx")
    monitor.until_probed(runs=12)
    assert network.director.weights(web.shown) == WEIGHTS


def test_a_realserver_that_comes_back_rises_step_by_step(network, monitor):
    web = Virtual(name="web", probe="http", port=80, more='slow_start = "6s"')
    servers = 'realservers = [{ name = "rs1", weight = 60 }, { name = "rs2", weight = 60 }]'
    network.launch("nginx")
    monitor.configure([web])
    monitor.rewrite("web", lambda text: "\n".join(
        servers if line.startswith("realservers") else line for line in text.splitlines()
    ))  # fmt: skip
    monitor.start()
    full = {"rs1": 60, "rs2": 60}
    network.director.until_weights(web.shown, full, 30.0)
    rs2 = network.realservers[1]
    rs2.kill("nginx")
    monitor.until_out(web, full | {"rs2": 0}, SLOW_GUEST)
    rs2.launch("nginx")
    seen = []

    def look():
        weight = network.director.weights(web.shown)["rs2"]
        if not seen or seen[-1] != weight:
            seen.append(weight)
        return weight

    until("the whole weight", look, lambda weight: weight == 60, 30.0)
    assert seen == sorted(seen)
    assert len(seen) >= 4


def test_weights_only_and_observe_leave_the_table_to_others(network, monitor):
    rs1, rs2, rs3 = network.realservers
    director = network.director
    director.restore(
        f"-A {WEB.shown} -s sh\n"
        + "".join(f"-a {WEB.shown} -r {server.rip}:80 -m -w 5\n" for server in (rs1, rs2))
        + f"-A {MAIL.shown} -s rr\n-a {MAIL.shown} -r {rs3.rip}:25 -m -w 9\n"
    )
    network.launch("nginx")
    monitor.configure(
        [
            Virtual(name="web", probe="http", port=80, on_failure="remove", more='manage = "weights"'),
            Virtual(name="mail", probe="smtp", port=25, more='manage = "observe"'),
        ]
    )
    rs2.kill("nginx")
    monitor.start()
    director.until_weights(WEB.shown, {"rs1": 1, "rs2": 0}, 15.0)
    monitor.until_probed(runs=18)
    assert director.weights(MAIL.shown) == {"rs3": 9}
    assert f"-A {WEB.shown} -s sh" in director.saved()
    monitor.configure([])
    (monitor.folder / "monitors.d" / "web.toml").unlink()
    monitor.reload()
    until("the reload", lambda: monitor.events("reloaded"), bool, 10.0)
    monitor.until_probed(runs=6)
    assert director.weights(WEB.shown) == {"rs1": 1, "rs2": 0}, "what was never ours is not deleted"


def test_drift_that_is_only_reported_stays_until_something_of_our_own_changes(network, monitor):
    web = Virtual(name="web", probe="http", port=80, more='on_drift = "report"')
    begin(network, monitor, web)
    director, (rs1, rs2, _) = network.director, network.realservers
    director.ipvsadm(*f"-e {web.shown} -r {rs1.rip}:80 -m -w 7".split())
    told(monitor, "drift", within=2 * RECONCILE + SLOW_GUEST)
    rs2.kill("nginx")
    monitor.until_out(web, {"rs1": 7, "rs2": 0, "rs3": 1}, SLOW_GUEST)
    rs1.kill("nginx")
    monitor.until_out(web, {"rs1": 0, "rs2": 0, "rs3": 1}, SLOW_GUEST)


def test_a_sticky_client_leaves_a_dead_realserver_where_the_configuration_sets_the_sysctl(network, monitor):
    """Trap 1 and the users' complaint 4: without the setting it is told of, with it the client goes elsewhere."""
    web = Virtual(name="web", probe="http", port=80, more='persistence = "10m"')
    begin(network, monitor, web)
    until(
        "it is told of", lambda: monitor.events("ipvs_trouble"), lambda lines: "quiescent_template" in str(lines), 5.0
    )
    sticky = network.client.get(VIP)
    number = int(sticky[-1])
    network.realservers[number - 1].kill("nginx")
    monitor.until_out(web, WEIGHTS | {sticky: 0}, SLOW_GUEST)
    with pytest.raises(OSError, match=r"refused|reset"):
        network.client.get(VIP)
    monitor.configure([web], "\n[director.sysctl]\nexpire_quiescent_template = 1\n")
    monitor.reload()
    until("it is set", lambda: monitor.events("sysctl_write"), bool, 10.0)
    assert network.client.get(VIP) != sticky


def test_a_starved_director_takes_nobody_out(network, monitor):
    """Stopped for longer than interval x fall + timeout, and then without descriptors: UNKNOWN, and nothing written."""
    begin(network, monitor, WEB)
    written = monitor.events("ipvs_write")
    monitor.stop_running()
    stopped = time.monotonic()
    until(
        "it was stopped long enough", lambda: time.monotonic() - stopped, lambda since: since > 2 * WEB.down_within, 30
    )
    monitor.go_on()
    monitor.until_probed(runs=9)
    assert network.director.weights(WEB.shown) == WEIGHTS
    monitor.limit_descriptors(8)
    until(
        "it has no descriptors",
        lambda: [line for line in monitor.events("outcome") if "verdict=UNKNOWN" in line],
        lambda lines: len(lines) >= 3 * (FALL + 1),
        20.0,
    )
    assert network.director.weights(WEB.shown) == WEIGHTS
    assert monitor.events("ipvs_write") == written
    monitor.limit_descriptors(1024)
    network.realservers[0].kill("nginx")
    monitor.until_out(WEB, WEIGHTS | {"rs1": 0}, SLOW_GUEST)
