"""How long a realserver that is gone still gets connections: from its end to weight 0, as /proc/net/ip_vs shows it.

Interval 1 s, three failures needed, nginx and the kind http. The moment of the end is spread over the interval. The
guest's programs are slow and its timers tick at 10 ms: what is compared is what one run measured.
"""

import os
import random
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path

import pytest

from kernel.lab.cases import only_nat
from kernel.lab.monitor import Virtual
from kernel.lab.topology import VIP
from kernel.lab.waiting import until

pytestmark = [only_nat, pytest.mark.slow, pytest.mark.timeout(240)]

SLACK = 0.5
"""Seconds on top of the targets, for a guest whose host has other work; the figures that are told have none."""

LONGEST = 15.0
"""Seconds after which a realserver that is not noticed never will be."""

CONFIRM = "confirm = 2"
KEEPALIVED = "/usr/sbin/keepalived"


def weights_in_proc():
    """Return the weights by address, read in the namespace of the calling thread."""
    rows = (line.split() for line in Path("/proc/thread-self/net/ip_vs").read_text().splitlines())
    return {
        ".".join(str(int(row[1][at : at + 2], 16)) for at in range(0, 8, 2)): int(row[3])
        for row in rows
        if row[0] == "->" and row[1][0] != "R"
    }


def watch(address, wanted):
    """Return the moment at which the weight of ``address`` is, or is not, 0."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        if (weights_in_proc().get(address, 0) == 0) is wanted:
            return time.monotonic()
        time.sleep(0.002)
    raise AssertionError(f"{address} after {LONGEST} s: {weights_in_proc()}")


class Course:
    """Ends realservers in turn and measures."""

    def __init__(self, network):
        self.network, self.random, self.turn = network, random.Random(7), 0

    def next_server(self):
        self.turn += 1
        server = self.network.realservers[self.turn % 3]
        self.network.director.inside(watch, server.rip, wanted=False)
        phase = time.monotonic() + 0.6 + self.random.random()
        until("another moment of the interval", time.monotonic, lambda now: now >= phase, 5.0)
        return server

    def kill(self):
        server = self.next_server()
        group = server.running.pop("nginx")
        begin = time.monotonic()
        os.killpg(group.pid, signal.SIGKILL)
        took = self.network.director.inside(watch, server.rip, wanted=True) - begin
        group.wait()
        server.launch("nginx")
        return took

    def drop(self):
        server = self.next_server()
        begin = time.monotonic()
        server.cut()
        took = self.network.director.inside(watch, server.rip, wanted=True) - begin
        server.mend()
        return took

    def measure(self, tell, name, kills, drops):
        found = {}
        for what, act, times in (("kill -9", self.kill, kills), ("silent drop", self.drop, drops)):
            took = [act() for _ in range(times)]
            if took:
                found[what] = took
                sys.stdout.write(f"{what}: {sorted(round(1000 * one) for one in took)}\n")
                low, middle, high = (1000 * one for one in (min(took), statistics.median(took), max(took)))
                tell(f"{name:<42} {what:<12} {low:6.0f} / {middle:6.0f} / {high:6.0f} ms (min/median/max of {times})")
        return {what: statistics.median(took) for what, took in found.items()}


@pytest.mark.parametrize(
    ("more", "timeout", "tripwire", "kills", "drops"),
    [
        pytest.param("", "1s", False, 5, 2, id="plain"),
        pytest.param(CONFIRM, "200ms", False, 9, 5, id="confirm"),
        pytest.param(f"{CONFIRM}\nconfirm_interval = '20ms'", "200ms", True, 20, 0, id="tripwire"),
    ],
)
def test_from_the_end_of_a_realserver_to_weight_0(network, monitor, tell, more, timeout, tripwire, kills, drops):
    """Issue 6: kill -9 within 700 ms (median) with two confirmations, 100 ms with a tripwire; a drop within 1.8 s."""
    web = Virtual(name="web", probe="http", port=80, more=f"fall = 3\nrise = 1\n{more}")
    network.launch("nginx")
    monitor.configure([web])
    monitor.rewrite("web", lambda text: text.replace('timeout = "1s"', f'timeout = "{timeout}"'))
    if tripwire:
        monitor.rewrite("web", lambda text: text + "tripwire = true\n")
    monitor.start()
    monitor.until_serving(web)
    named = ", ".join(more.splitlines()) or "without confirmations"
    name = f"lvsmon, {named}, {'tripwire' if tripwire else f'timeout {timeout}'}".replace("confirm_interval = ", "")
    median = Course(network).measure(tell, name, kills, drops)
    if more:
        assert median["kill -9"] <= (0.1 if tripwire else 0.7) + SLACK
        assert median.get("silent drop", 0.0) <= 1.8 + SLACK


@pytest.mark.skipif(not shutil.which(KEEPALIVED), reason="keepalived is not installed on this machine")
def test_keepalived_beside_it(network, tmp_path, tell):
    """The same realservers, interval and number of failures; its timeout is whole seconds here, so 1 s."""
    network.launch("nginx")
    servers = "".join(
        f"real_server {server.rip} 80 {{\nweight 1\ninhibit_on_failure\n"
        f"HTTP_GET {{\nurl {{\npath /\nstatus_code 200\n}}\nconnect_timeout 1\n"
        "retry 2\ndelay_before_retry 1\n}\n}\n"
        for server in network.realservers
    )
    config = tmp_path / "keepalived.conf"
    config.write_text(
        f"virtual_server {VIP} 80 {{\ndelay_loop 1\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\n{servers}}}\n"
    )
    pids = ("--pid", f"{tmp_path}/k.pid", "--checkers_pid", f"{tmp_path}/c.pid")
    log = tmp_path / "keepalived.log"
    process = network.director.start(
        KEEPALIVED, "--dont-fork", "--log-console", "--check", "--use-file", str(config), *pids, log=log
    )
    try:
        name = "keepalived, delay_loop 1, retry 2, timeout 1 s"
        Course(network).measure(tell, name, 5, 2)
    finally:
        sys.stdout.write(log.read_text(errors="replace"))
        process.send_signal(signal.SIGTERM)
        process.wait(10)
