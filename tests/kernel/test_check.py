"""`lvsmon check` on a real kernel, with ipvsadm as the witness."""

import subprocess

import pytest

from kernel.lab.cases import only_nat
from kernel.lab.monitor import FALL, LVSMON, RISE, WEIGHTS, Monitor, Virtual
from kernel.lab.topology import VIP

WEB = Virtual(name="web", probe="http", port=80)


@pytest.fixture
def check(network, tmp_path):
    """Return a function that runs `lvsmon check` on the director: exit status, and all that it printed."""

    def run(*arguments, configured=True):
        where = ("--config", str(tmp_path)) if configured else ()
        done = network.director.inside(
            subprocess.run,
            [str(LVSMON), "check", *where, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    Monitor(network, tmp_path).configure([WEB])
    return run


@only_nat
def test_without_a_configuration_it_tells_what_is_true_and_writes_nothing(network, check):
    """A person who has just installed it: a table made by hand, one realserver dead."""
    rs1, rs2, rs3 = network.realservers
    rs1.launch("nginx")
    rs3.launch("telnetd")
    network.director.restore(
        f"-A -t {VIP}:80 -s rr\n-a -t {VIP}:80 -r {rs1.rip}:80 -m -w 3\n-a -t {VIP}:80 -r {rs2.rip}:80 -m -w 1\n"
        f"-A -t {VIP}:23 -s rr\n-a -t {VIP}:23 -r {rs3.rip}:23 -m -w 1\n"
    )
    before = network.director.saved()
    status, printed = check(configured=False)
    assert status == 1
    told = {line.split()[0]: line for line in printed.splitlines() if line.startswith("  10.1.0.")}
    for address, words in {rs1.rip: "UP http", rs2.rip: "DOWN http refused", rs3.rip: "UP telnet"}.items():
        assert not [word for word in words.split() if word not in told[address]], printed
    assert network.director.saved() == before


@only_nat
def test_apply_counts_over_runs_as_the_daemon_would(network, check):
    network.launch("nginx")
    for _ in range(RISE):
        status, printed = check("--apply")
    assert status == 0, printed
    assert network.director.weights(WEB.shown) == WEIGHTS
    network.realservers[0].kill("nginx")
    seen = []
    for _ in range(FALL):
        status, printed = check("--apply")
        assert status == 1, printed
        seen.append(network.director.weights(WEB.shown))
    assert seen == [WEIGHTS] * (FALL - 1) + [WEIGHTS | {"rs1": 0}]
    network.realservers[0].launch("nginx")
    for _ in range(RISE):
        check("--apply")
    assert network.director.weights(WEB.shown) == WEIGHTS


@only_nat
def test_dry_run_prints_what_ipvsadm_then_does(network, check):
    """The printed plan, typed by hand, is what --apply would have made."""
    network.launch("nginx")
    before = network.director.saved()
    _, printed = check("--dry-run")
    assert network.director.saved() == before
    commands = [line for line in printed.splitlines() if line.startswith("ipvsadm ")]
    assert commands, printed
    for command in commands:
        network.director.run(*command.split())
    made = network.director.saved()
    network.director.ipvsadm("-C")
    status, printed = check("--apply")
    assert status == 0, printed
    assert network.director.saved() == made
