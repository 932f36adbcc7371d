"""ftp against vsftpd and Pure-FTPd, over IPv4 and IPv6, healthy and as they fail in life."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from daemons.conftest import HOSTS, eventually, find
from daemons.ftp_servers import ANONYMOUS, JOE, VSFTPD, pure_ftpd, vsftpd
from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret


@pytest.fixture(params=[(make, host) for make in ("vsftpd", "pure-ftpd") for host in HOSTS], ids=str)
def healthy(request, start, served):
    """A server and who may log in."""
    make, host = request.param
    if make == "vsftpd":
        return vsftpd(start, served, host), ANONYMOUS
    return pure_ftpd(start, served, host, "-E"), JOE


def test_a_healthy_server_passes_and_its_content_is_seen(healthy):
    server, who = healthy
    outcome = server.probe(**who, min_entries=3, expect=Regex(rb"README$"))
    assert Verdict.FAIL is outcome.verdict
    outcome = server.probe(**who, expect=Regex(rb"README$"), file="README", file_expect=Regex(b"^ready$"))
    assert (Verdict.PASS, 1, 1, 6) == (
        outcome.verdict,
        outcome.facts["entries_passive"],
        outcome.facts["entries_active"],
        outcome.facts["file_size"],
    ), outcome
    assert ":" in server.host or server.host == outcome.facts["pasv_address"]
    if who is ANONYMOUS:
        outcome = server.probe(listing="NLST", min_entries=3, extended=True, file="pub/a b")
    else:
        outcome = server.probe(**who, listing="MLSD", min_entries=3, extended=True, file="pub/a b")
    assert (Verdict.PASS, 100_000) == (outcome.verdict, outcome.facts["file_size"]), outcome


def test_what_a_healthy_server_has_not_got_fails(healthy):
    server, who = healthy
    assert Verdict.PASS is server.probe(**who, directory="empty").verdict
    outcome = server.probe(**who, directory="empty", min_entries=1)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason), outcome
    outcome = server.probe(**who, directory="nowhere")
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert outcome.detail.startswith("CWD is refused: 550")
    outcome = server.probe(**who, file="nowhere")
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    outcome = server.probe(**who, file="pub/a b", max_file=99_999)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize("make", [vsftpd, pure_ftpd])
def test_a_wrong_password_fails(start, served, make):
    """They take seconds to say so, whence one attempt."""
    server = make(start, served, "127.0.0.1")
    outcome = server.probe(user="joe", password=Secret("wrong"))
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason), outcome
    assert "530" in outcome.detail


def test_a_daemon_that_hangs_or_is_gone(healthy):
    server, who = healthy
    server.daemon.stop()
    outcome = server.probe(**who, timeout=0.4)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
    assert "still waiting for the greeting" in outcome.detail
    server.daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: server.probe(**who)).verdict
    server.daemon.end()
    eventually(lambda: server.probe(**who), lambda outcome: outcome.reason is Reason.REFUSED)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("setting", "left", "gone", "command"),
    [
        ("pasv_enable=NO", "active", "passive", "(PASV|EPSV)"),
        ("port_enable=NO", "passive", "active", "(PORT|EPRT)"),
    ],
)
def test_a_mode_that_is_switched_off(start, served, host, setting, left, gone, command):
    server = vsftpd(start, served, host, setting)
    assert Verdict.PASS is server.probe(modes=(left,)).verdict
    for modes in ((gone,), ("passive", "active")):
        outcome = server.probe(modes=modes)
        assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
        assert re.match(f"{gone} mode: {command} is refused: 550", outcome.detail)


def test_passive_mode_that_pure_ftpd_has_been_told_not_to_use(start, served):
    server = pure_ftpd(start, served, "127.0.0.1", "-E", "-N")
    assert Verdict.PASS is server.probe(**JOE, modes=("active",)).verdict
    outcome = server.probe(**JOE)
    assert (Verdict.FAIL, True) == (outcome.verdict, outcome.detail.startswith("passive mode: ")), outcome


@pytest.mark.parametrize("make", ["vsftpd", "pure-ftpd"])
def test_an_address_that_clients_cannot_reach_is_named_by_the_daemon(start, served, make):
    """As behind a wrong pasv_address: the data still comes, by the address that was probed."""
    if make == "vsftpd":
        server, who = vsftpd(start, served, "127.0.0.1", "pasv_address=10.9.9.9"), ANONYMOUS
    else:
        server, who = pure_ftpd(start, served, "127.0.0.1", "-E", "-P", "10.9.9.9"), JOE
    outcome = server.probe(**who)
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason), outcome
    assert "10.9.9.9, a private address of some other host" in outcome.detail
    assert Reason.EXPECTATION is server.probe(**who, pasv_address="fail").reason
    assert Verdict.PASS is server.probe(**who, pasv_accept=("10.9.9.9",)).verdict


@pytest.mark.parametrize("host", HOSTS)
def test_a_root_directory_that_is_missing(start, served, host):
    """vsftpd says so where the login should be (500 OOPS) and hangs up."""
    server = vsftpd(start, served, host)
    shutil.rmtree(served)
    outcome = server.probe()
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
    assert "500 OOPS" in outcome.detail


def test_anonymous_users_are_turned_away(start, served):
    server = vsftpd(start, served, "127.0.0.1", "anonymous_enable=NO")
    outcome = server.probe(login="optional", modes=("passive",))
    assert (Verdict.PASS, True) == (outcome.verdict, "lets no anonymous in" in outcome.detail)


def test_too_many_users(start, served):
    """421 in place of the greeting, while another one is being served."""
    server = vsftpd(start, served, "127.0.0.1", "max_clients=1")
    with contextlib.ExitStack() as others:

        def greeted():
            other = others.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            return other.recv(3)

        eventually(greeted, lambda code: code == b"220")  # once the one before has left
        outcome = server.probe()
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "421" in outcome.detail
    eventually(server.probe)


BLOCKED = """
import asyncio, subprocess, sys
from lvsmon.model import Target
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.ftp import FtpProbe

def sh(*words):
    subprocess.run(words, check=True)

sh("ip", "link", "set", "lo", "up")
sh("nft", "add table inet t; add chain inet t in {{ type filter hook input priority 0; }}")
sh("nft", "add rule inet t in tcp dport 40000-40999 tcp flags & (syn|ack) == syn {verdict}")
daemon = subprocess.Popen(["{vsftpd}", "{conf}"])

async def main():
    async def look(probe, timeout):
        return await in_reactor(lambda engine: run(probe, Target(address="{host}", port={port}), timeout, engine))
    while (await look(FtpProbe(login="none"), 1)).verdict != "PASS":
        await asyncio.sleep(0.02)
    for probe in (FtpProbe(modes=("passive",)), FtpProbe(modes=("active",), active_ports=(40000, 40999))):
        outcome = await look(probe, 1.5)
        print(outcome.verdict, outcome.reason, outcome.detail)

try:
    asyncio.run(main())
finally:
    daemon.kill()
"""


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("verdict", ["drop", "reject with tcp reset"])
def test_data_ports_that_a_firewall_blocks(served, host, verdict):
    """In a network namespace of its own: first what blocks the realserver's ports, then the director's."""
    programs = {name: find(name) for name in ("vsftpd", "nft", "unshare", "ip")}
    if not all(programs.values()) or os.getuid():
        pytest.skip(f"needs root and {programs}: run `make daemons` as root on a Debian machine")
    over6 = ":" in host
    conf = served.parent / "vsftpd.conf"
    conf.write_text(
        VSFTPD.format(
            six="_ipv6" if over6 else "",
            six_="6" if over6 else "",
            host=host,
            port=2121,
            files=served,
            empty=served.parent / "jail",
            directory=served.parent,
            more="pasv_min_port=40000\npasv_max_port=40999\nconnect_timeout=5",
        )
    )
    script = textwrap.dedent(BLOCKED).format(
        vsftpd=programs["vsftpd"], conf=conf, host=host, port=2121, verdict=verdict
    )
    done = subprocess.run(
        [programs["unshare"], "-n", sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    if "Operation not permitted" in done.stderr or "Operation not supported" in done.stderr:
        pytest.skip(f"no network namespace with nftables here: {done.stderr.splitlines()[-1]}")
    passive, active = done.stdout.splitlines()
    if verdict == "drop":
        assert re.match(r"FAIL deadline .*still connecting to .* port 40\d\d\d$", passive), done
        assert re.match(r"FAIL deadline .*either it opens none, or a firewall, perhaps the director's own", active), (
            done
        )
    else:
        assert re.match(r"FAIL refused passive mode: the data connection to its port 40\d\d\d fails", passive), done
        assert re.match(r"FAIL rejected active mode: LIST gets no data connection .*425.*director's own", active), done
