"""What operators ask and do, on a real kernel: ipvsadm is the witness."""

import re
import socket

from kernel.lab.cases import only_nat
from kernel.lab.monitor import FALL, LVSMON, WEIGHTS, Virtual
from kernel.lab.topology import VIP
from kernel.lab.waiting import until

pytestmark = only_nat

WEB = Virtual(name="web", probe="http", port=80)


def destinations(monitor):
    (virtual,) = monitor.ask("status")["virtuals"]
    return {each["realserver"]: each for each in virtual["destinations"]}


def counted(network):
    """Return weight, active and inactive connections by realserver, as ipvsadm shows them."""
    rows = re.findall(r"-> 10\.1\.0\.1(\d):80 +Masq +(\d+) +(\d+) +(\d+)", network.director.ipvsadm("-Ln"))
    return {f"rs{number}": tuple(map(int, counts)) for number, *counts in rows}


def test_status_counts_what_ipvsadm_counts_and_a_pause_holds_the_table(network, monitor):
    """A connection that is held open is active; a dead realserver keeps its weight until the monitor is resumed."""
    network.launch("nginx")
    monitor.configure([WEB])
    monitor.start()
    monitor.until_serving(WEB)
    network.client.who(VIP, 80, 4)
    with network.client.inside(socket.create_connection, (VIP, 80), 5.0):
        until("a connection is active", lambda: sum(row[1] for row in counted(network).values()), lambda n: n == 1, 5.0)

        def shown():
            names = ("active", "inactive")
            found = destinations(monitor)
            return {name: (each["weight"]["observed"], *(each[key] for key in names)) for name, each in found.items()}

        until("both count alike", lambda: (shown(), counted(network)), lambda both: both[0] == both[1], 20.0)
    assert monitor.ask("status")["virtuals"][0]["connections"] == 5
    network.director.run(str(LVSMON), "pause", "--config", str(monitor.folder), "--reason", "lab")
    network.realservers[0].kill("nginx")
    until("rs1 is DOWN", lambda: destinations(monitor)["rs1"]["health"], lambda health: health == "DOWN", 30.0)
    monitor.until_probed(runs=3 * FALL)
    assert network.director.weights(WEB.shown) == WEIGHTS
    assert monitor.ask("status")["paused"]["held"] == 1
    network.director.run(str(LVSMON), "resume", "--config", str(monitor.folder))
    network.director.until_weights(WEB.shown, {**WEIGHTS, "rs1": 0}, 5.0)
    (found,) = monitor.ask("explain", "web/rs1")["destinations"]
    assert [step["kind"] for step in found["steps"]][-2:] in (["weight", "written"], ["health", "written"])
