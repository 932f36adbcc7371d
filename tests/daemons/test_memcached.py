"""memcached against memcached."""

import signal
import socket

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.memcached import MemcachedProbe


def memcached(start, *options, probe=None, **more):
    """Start a cache on both addresses; return it and its port."""
    port = free_port()
    daemon = start("memcached", "-p", str(port), "-l", "127.0.0.1,::1", "-u", "root", "-m", "16", *options, **more)
    eventually(lambda: probe_once(probe or MemcachedProbe(), port), lambda found: found.reason is not Reason.REFUSED)
    return daemon, port


def put(port, key, value):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"set %b 0 0 %d\r\n%b\r\n" % (key, len(value), value))
        assert connection.recv(100) == b"STORED\r\n"


@pytest.mark.parametrize("host", HOSTS)
def test_version_statistics_and_a_value(start, host):
    _, port = memcached(start)
    outcome = probe_once(MemcachedProbe(stats=True), port, host)
    assert (Verdict.PASS, 0) == (outcome.verdict, outcome.facts["curr_items"]), outcome
    put(port, b"health", b"ready\r\nEND")
    for key, value, reason in (
        (b"health", b"ready\r\nEND", Reason.OK),
        (b"health", None, Reason.OK),
        (b"health", b"ready", Reason.EXPECTATION),
        (b"nothing", None, Reason.EXPECTATION),
    ):
        assert reason is probe_once(MemcachedProbe(key=key, value=value), port, host).reason


def test_a_cache_that_hangs_or_is_gone(start):
    daemon, port = memcached(start)
    daemon.stop()
    assert Reason.DEADLINE is probe_once(MemcachedProbe(), port, timeout=0.4).reason
    daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(MemcachedProbe(), port)).verdict
    daemon.end()
    for host in HOSTS:
        assert Reason.REFUSED is probe_once(MemcachedProbe(), port, host).reason


def test_logins(start, tmp_path):
    users = tmp_path / "users"
    users.write_text("lvsmon:s3cret\n")
    _, port = memcached(start, "-Y", "{directory}/users", directory=tmp_path)
    for settings, reason in (
        ({}, Reason.AUTHENTICATION),
        ({"username": "lvsmon", "password": Secret("wrong")}, Reason.AUTHENTICATION),
        ({"username": "lvsmon", "password": Secret("s3cret")}, Reason.OK),
    ):
        outcome = probe_once(MemcachedProbe(**settings), port)
        assert reason is outcome.reason, outcome


def test_too_many_clients(start):
    _, port = memcached(start, "-t", "1", "-c", "24")
    others = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    outcome = eventually(
        lambda: probe_once(MemcachedProbe(), port, timeout=0.5), lambda found: found.verdict is Verdict.FAIL
    )
    for other in others:
        other.close()
    assert outcome.reason in {Reason.REJECTED, Reason.RESET, Reason.CLOSED, Reason.DEADLINE}, outcome


def test_within_tls(start, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.server().write(tmp_path, "server")
    probe = MemcachedProbe(tls="implicit", tls_ca_file=authority.ca_file, tls_name="shop.example.org")
    options = ("-Z", "-o", f"ssl_chain_cert={certificate},ssl_key={key}")
    daemon, port = memcached(start, *options, probe=probe)
    for host in HOSTS:
        outcome = eventually(lambda host=host: probe_once(probe, port, host))
        assert str(outcome.facts["tls_version"]).startswith("TLSv1."), daemon.log()
    assert Verdict.FAIL is probe_once(MemcachedProbe(), port, timeout=0.5).verdict
