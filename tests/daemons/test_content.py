"""content over realservers of three makes: nginx, sshd, and memcached; the odd one out is named, over IPv4 and IPv6."""

import getpass
import signal
import subprocess
from pathlib import Path

import pytest

from daemons.conftest import HOSTS, eventually, free_port, probe_once
from daemons.conftest import seen as note
from daemons.webservers import NGINX, NGINX_ARGUMENTS
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.config import load
from lvsmon.model import Reason, Verdict
from lvsmon.oneshot.job import Request, look
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.memcached import MemcachedProbe
from lvsmon.probes.ssh import SshProbe

SERVER = """
    server {{
        listen 127.0.0.1:{port};
        listen [::1]:{port};
        location / {{ return 200 "{page}"; }}
    }}
"""
SSHD = "ListenAddress 127.0.0.1:{port}\nListenAddress [::1]:{port}\nPidFile none\nUsePAM no\nHostKey {key}\n"


def seen(folder, host, ports, probe):
    """Return the outcome of each realserver in one look."""
    vip = "2001:db8::10" if ":" in host else "192.0.2.10"
    entries = ", ".join(f'{{ name = "rs{n}", port = {port} }}' for n, port in enumerate(ports, 1))
    declared = "".join(f'[[realserver]]\nname = "rs{n}"\naddress = "{host}"\n' for n in range(1, len(ports) + 1))
    path = folder / "lvsmon.toml"
    path.write_text(
        f'[director]\nstate_directory = "{folder}/state"\n[defaults]\ninterval = "9s"\ntimeout = "9s"\n{declared}'
        f'[[virtual]]\nname = "all"\nvip = "{vip}"\nport = 80\nrealservers = [{entries}]\n'
        f'[[virtual.probe]]\nkind = "content"\n{probe}\n'
    )
    report = look(Request(plan=load(path)), MemoryIpvs)
    views = [one.probes[0] for one in report.destinations]
    return [note(view.spec.probe, host, port, view.outcome) for view, port in zip(views, ports, strict=True)]


def reasons(outcomes):
    return [outcome.reason for outcome in outcomes]


OK, DIFFERS, UNDECIDED = Reason.OK, Reason.DIFFERS, Reason.UNDECIDED


@pytest.fixture(scope="module")
def pages(start, tmp_path_factory):
    """Three web servers; the last one serves an older page, and all say something that is new each time."""
    servers = []
    for page in ("release 7, $request_id", "release 7, $request_id", "release 6, $request_id"):
        folder, port = tmp_path_factory.mktemp("web"), free_port()
        text = NGINX.format(folder=folder, servers=SERVER.format(port=port, page=page))
        daemon = start("nginx", *NGINX_ARGUMENTS, directory=folder, files={"nginx.conf": text})
        daemon.port = port
        servers.append(daemon)
        for host in HOSTS:
            eventually(lambda host=host, port=port: probe_once(HttpProbe(), port, host))
    return servers


IGNORING = 'of = { kind = "http", digest_ignore = [", [0-9a-f]+"] }'


@pytest.mark.parametrize("host", HOSTS)
def test_the_older_page_is_found(pages, tmp_path, host):
    ports = [daemon.port for daemon in pages]
    found = seen(tmp_path, host, ports, IGNORING)
    assert reasons(found) == [OK, OK, DIFFERS]
    assert found[2].detail.endswith("on rs1, rs2, 2 of 3")
    assert reasons(seen(tmp_path, host, ports, IGNORING + '\nreference = "rs3"')) == [DIFFERS, DIFFERS, OK]
    warned = seen(tmp_path, host, ports, IGNORING + '\non_failure = "warn"')
    assert [outcome.verdict for outcome in warned] == [Verdict.PASS, Verdict.PASS, Verdict.WARN]


def test_what_differs_by_its_nature_is_undecided_and_takes_nobody_out(pages, tmp_path):
    found = seen(tmp_path, HOSTS[0], [daemon.port for daemon in pages], 'of = "http"')
    assert reasons(found) == [UNDECIDED] * 3


def test_one_that_stands_still_is_not_in_the_vote(pages, tmp_path):
    ports = [daemon.port for daemon in pages]
    pages[0].stop()
    try:
        found = seen(tmp_path, HOSTS[0], ports, IGNORING + '\ntimeout = "2s"')
    finally:
        pages[0].signal_all(signal.SIGCONT)
    assert reasons(found) == [Reason.DEADLINE, UNDECIDED, UNDECIDED]
    eventually(lambda: probe_once(HttpProbe(), ports[0]))


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_key_that_is_not_the_common_one_is_found(start, tmp_path, host):
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    ports = []
    for name in ("own", "common", "common"):
        key, port = tmp_path / name, free_port()
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        text = SSHD.format(port=port, key=key)
        start("sshd", "-D", "-e", "-f", "{directory}/sshd.conf", files={"sshd.conf": text})
        eventually(lambda port=port: probe_once(SshProbe(), port, host))
        ports.append(port)
    found = seen(tmp_path, host, ports, 'of = "ssh"')
    assert reasons(found) == [DIFFERS, OK, OK]
    assert "host_key is 'SHA256:" in found[0].detail
    assert reasons(seen(tmp_path, host, ports, 'of = { kind = "ssh", mode = "banner" }')) == [OK] * 3


def test_one_of_them_gone(start, tmp_path):
    """The rest is still compared."""
    daemons = []
    for _ in range(3):
        port = free_port()
        daemon = start("memcached", "-l", "127.0.0.1", "-p", str(port), "-u", "root")
        daemon.port = port
        daemons.append(daemon)
        eventually(lambda port=port: probe_once(MemcachedProbe(), port))
    ports = [daemon.port for daemon in daemons]
    assert reasons(seen(tmp_path, HOSTS[0], ports, 'of = "memcached"')) == [OK] * 3
    daemons[1].end()
    found = seen(tmp_path, HOSTS[0], ports, 'of = "memcached"')
    assert reasons(found) == [OK, Reason.REFUSED, OK]
    assert "version the same on 2 of 2, 1 without an answer" == found[0].detail
    daemons[2].end()
    assert reasons(seen(tmp_path, HOSTS[0], ports, 'of = "memcached"')) == [UNDECIDED, Reason.REFUSED, Reason.REFUSED]
