"""redis against Redis: a master, its replica, and what becomes of them."""

import signal
import socket

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, answers, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.redis import RedisProbe
from lvsmon.wire.redis import command

CONF = """
bind 127.0.0.1 ::1
dir {directory}
save ""
repl-diskless-sync-delay 0
repl-timeout 3600
"""
ANY = RedisProbe(login="optional", link="ignore")


def redis(start, directory, *lines, port=None):
    """Start a server with ``lines`` in its configuration; return it and its port."""
    port = port or free_port()
    conf = CONF.format(directory=directory) + "\n".join((f"port {port}", *lines, ""))
    daemon = start("redis-server", "{directory}/redis.conf", files={"redis.conf": conf}, directory=directory)
    eventually(lambda: probe_once(ANY, port), answers)
    return daemon, port


def tell(port, *words):
    """Say a command and return the beginning of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(command(*(word.encode() for word in words)))
        return connection.recv(4096)


@pytest.fixture
def pair(start, tmp_path):
    master, master_port = redis(start, tmp_path / "master")
    replica, replica_port = redis(start, tmp_path / "replica", f"replicaof 127.0.0.1 {master_port}")
    eventually(lambda: probe_once(RedisProbe(role="replica"), replica_port))
    return master, master_port, replica, replica_port


def test_roles_and_a_master_that_goes(pair):
    master, master_port, _, replica_port = pair
    for host in HOSTS:
        outcome = probe_once(RedisProbe(role="master"), master_port, host)
        assert (Verdict.PASS, 1) == (outcome.verdict, outcome.facts["replicas"]), outcome
        assert Verdict.FAIL is probe_once(RedisProbe(role="replica"), master_port, host).verdict
        outcome = probe_once(RedisProbe(lag_fail=60), replica_port, host)
        assert (Verdict.PASS, "up") == (outcome.verdict, outcome.facts["master_link"])
        assert outcome.facts["lag"] < 60
    master.end()
    outcome = eventually(lambda: probe_once(RedisProbe(), replica_port), lambda found: found.verdict is Verdict.FAIL)
    assert (Reason.EXPECTATION, "down") == (outcome.reason, outcome.facts["master_link"])
    assert Verdict.WARN is probe_once(RedisProbe(link="warn"), replica_port).verdict
    assert tell(replica_port, "CONFIG", "SET", "replica-serve-stale-data", "no").startswith(b"+OK")
    outcome = probe_once(RedisProbe(link="warn"), replica_port)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "serves no stale data: MASTERDOWN" in outcome.detail


def test_a_master_that_hangs_is_a_lag_of_its_replica(pair):
    master, master_port, _, replica_port = pair
    master.stop()
    assert Reason.DEADLINE is probe_once(RedisProbe(), master_port, timeout=0.4).reason
    lagging = RedisProbe(lag_warn=0.5, lag_fail=60)
    assert "behind" in eventually(
        lambda: probe_once(lagging, replica_port), lambda found: found.verdict is Verdict.WARN
    ).detail  # fmt: skip
    master.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(RedisProbe(), master_port)).verdict


def test_keys(start, tmp_path):
    daemon, port = redis(start, tmp_path)
    assert tell(port, "SET", "health", "ready").startswith(b"+OK")
    assert tell(port, "RPUSH", "list", "x").startswith(b":1")
    for host in HOSTS:
        assert Verdict.PASS is probe_once(RedisProbe(key=b"health", value=b"ready"), port, host).verdict
        assert Reason.EXPECTATION is probe_once(RedisProbe(key=b"health", value=b"read"), port, host).reason
        assert Reason.EXPECTATION is probe_once(RedisProbe(key=b"nothing"), port, host).reason
        assert Reason.REJECTED is probe_once(RedisProbe(key=b"list"), port, host).reason
    daemon.end()
    assert Reason.REFUSED is probe_once(RedisProbe(), port).reason


def test_logins(start, tmp_path):
    """The default user's password, and a user who may do only what the page says that a probe needs."""
    _, port = redis(start, tmp_path, "requirepass s3cret", "user lvsmon on >t0psecret +ping +info +get ~health")
    for settings, reason in (
        ({}, Reason.AUTHENTICATION),
        ({"login": "optional"}, Reason.OK),
        ({"password": Secret("s3cret")}, Reason.OK),
        ({"password": Secret("wrong")}, Reason.AUTHENTICATION),
        ({"username": "lvsmon", "password": Secret("t0psecret")}, Reason.OK),
        ({"username": "lvsmon", "password": Secret("t0psecret"), "key": b"health"}, Reason.EXPECTATION),
        ({"username": "lvsmon", "password": Secret("t0psecret"), "key": b"other"}, Reason.AUTHENTICATION),
    ):
        outcome = probe_once(RedisProbe(**settings), port)
        assert reason is outcome.reason, (settings, outcome)
    _, port = redis(start, tmp_path / "open")
    outcome = probe_once(RedisProbe(password=Secret("s3cret")), port)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)


def test_too_many_clients(start, tmp_path):
    _, port = redis(start, tmp_path, "maxclients 1")
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(command(b"PING"))
        assert other.recv(100) == b"+PONG\r\n"
        outcome = probe_once(RedisProbe(), port)
    # It says so and hangs up at once, so the request may meet a reset.
    assert Verdict.FAIL is outcome.verdict
    assert outcome.reason in {Reason.REJECTED, Reason.RESET}, outcome


def test_a_server_that_still_loads_its_data(start, tmp_path):
    daemon, port = redis(start, tmp_path)
    assert tell(port, "EVAL", "for i=1,5000 do redis.call('SET', i, i) end", "0").startswith(b"$-1")
    assert tell(port, "SAVE").startswith(b"+OK")
    daemon.end()
    slow = ("key-load-delay 2000", "loading-process-events-interval-bytes 1024")
    _, port = redis(start, tmp_path, *slow)
    outcome = probe_once(RedisProbe(), port)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "still loading its data: LOADING" in outcome.detail


def test_within_tls(start, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.server().write(tmp_path, "server")
    port = free_port()
    lines = f"port 0\ntls-port {port}\ntls-cert-file {certificate}\ntls-key-file {key}\ntls-auth-clients no"
    conf = CONF.format(directory=tmp_path) + lines
    start("redis-server", "{directory}/redis.conf", files={"redis.conf": conf}, directory=tmp_path)
    probe = RedisProbe(tls="implicit", tls_ca_file=authority.ca_file, tls_name="shop.example.org")
    for host in HOSTS:
        outcome = eventually(lambda host=host: probe_once(probe, port, host))
        assert outcome.facts["tls_version"] == "TLSv1.3"
    wrong = RedisProbe(tls="implicit", tls_ca_file=authority.ca_file, tls_name="other.example.org")
    assert Reason.CERTIFICATE is probe_once(wrong, port).reason
    outcome = probe_once(RedisProbe(), port)
    assert (Verdict.FAIL, True) == (outcome.verdict, outcome.reason in {Reason.CLOSED, Reason.RESET, Reason.PROTOCOL})
