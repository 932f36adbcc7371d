"""mysql against MariaDB: logins, queries, a replica, and how it says no."""

import shutil
import signal
import socket
import subprocess

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.mysql import MysqlProbe
from lvsmon.wire import mysql

NAME = "shop.example.org"
LOGIN = {"user": "probe", "password": Secret("s3cret")}
LIMITS = {"lag_warn": 50, "lag_fail": 60}
OPTIONS = (
    "--no-defaults", "--user=root",
    "--datadir={directory}/data", "--socket={directory}/socket", "--skip-log-error",
    "--pid-file={directory}/pid", "--bind-address=127.0.0.1,::1",
    "--innodb-buffer-pool-size=8M", "--key-buffer-size=1M",
    "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=4M",
    "--performance-schema=off", "--skip-name-resolve",
)  # fmt: skip
USERS = """
CREATE USER probe IDENTIFIED BY 's3cret'; GRANT REPLICA MONITOR ON *.* TO probe;
CREATE USER empty; CREATE USER poor IDENTIFIED BY 's3cret'; CREATE USER onlytls IDENTIFIED BY 's3cret' REQUIRE SSL;
CREATE USER copier; GRANT REPLICATION SLAVE ON *.* TO copier;
CREATE DATABASE shop; CREATE TABLE shop.health (state TEXT); INSERT INTO shop.health VALUES ('ready');
GRANT SELECT ON shop.* TO probe;
"""


class Server:
    """A running server; ``say`` runs SQL as the superuser."""

    def __init__(self, start, directory, *options):
        self.directory, self.port = directory, free_port()
        if shutil.which("mariadb-install-db") is None:
            pytest.skip("mariadb-server is not installed: run `make daemons` as root on a Debian machine")
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={directory}/data", "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        self.daemon = start("mariadbd", *OPTIONS, f"--port={self.port}", *options, directory=directory)
        eventually(self.probe)

    def say(self, sql):
        subprocess.run(
            ["mariadb", "--no-defaults", "-uroot", f"--socket={self.directory}/socket", "-e", sql],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip

    def probe(self, host=HOSTS[0], timeout=3.0, **settings):
        return probe_once(MysqlProbe(**settings), self.port, host, timeout)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def primary(start, tmp_path_factory, authority):
    directory = tmp_path_factory.mktemp("primary")
    certificate, key = authority.server().write(directory, "server")
    tls = (f"--ssl-cert={certificate}", f"--ssl-key={key}")
    server = Server(start, directory, "--server-id=1", "--log-bin", "--max-connections=10", *tls)
    server.say(USERS)
    return server


@pytest.mark.parametrize("host", HOSTS)
def test_without_and_with_a_login(primary, host):
    outcome = primary.probe(host)
    assert (Verdict.PASS, "takes logins") == (outcome.verdict, outcome.detail)
    outcome = primary.probe(host, **LOGIN)
    assert (Verdict.PASS, "logged in") == (outcome.verdict, outcome.detail)
    assert "MariaDB" in outcome.facts["version"]


@pytest.mark.parametrize(
    ("settings", "reason", "words"),
    [
        ({"user": "empty"}, Reason.OK, "logged in"),
        ({"user": "probe", "password": Secret("wrong")}, Reason.AUTHENTICATION, "error 1045"),
        ({"user": "probe"}, Reason.AUTHENTICATION, "error 1045"),
        ({"user": "nobody", "password": Secret("x")}, Reason.AUTHENTICATION, "error 1045"),
        ({"user": "onlytls", "password": Secret("s3cret")}, Reason.AUTHENTICATION, "error 1045"),
        ({**LOGIN, "database": "nothing"}, Reason.AUTHENTICATION, "error 104"),
        ({"user": "poor", "password": Secret("s3cret"), **LIMITS}, Reason.REJECTED, "MONITOR"),
        ({**LOGIN, **LIMITS}, Reason.EXPECTATION, "it is no replica"),
    ],
)
def test_logins_and_rights(primary, settings, reason, words):
    outcome = primary.probe(**settings)
    assert reason is outcome.reason, outcome
    assert words in outcome.detail


@pytest.mark.parametrize("host", HOSTS)
def test_a_query_and_its_value(primary, host):
    login = {**LOGIN, "database": "shop", "host": host}
    select = "SELECT state, state FROM health"
    assert Verdict.PASS is primary.probe(query=select, value="ready", **login).verdict
    assert Reason.EXPECTATION is primary.probe(query=select, value="read", **login).reason
    assert Reason.EXPECTATION is primary.probe(query=f"{select} WHERE false", **login).reason
    assert Reason.EXPECTATION is primary.probe(query="SELECT NULL", value="", **login).reason
    assert Reason.EXPECTATION is primary.probe(query="DO 1", **login).reason
    assert "error 1142" in primary.probe(query="SELECT * FROM mysql.global_priv", **login).detail
    assert "error 1064" in primary.probe(query="SELEKT", **login).detail


def test_within_tls(primary, authority):
    settings = {"user": "onlytls", "password": Secret("s3cret"), "tls": "starttls", "tls_ca_file": authority.ca_file}
    for host in HOSTS:
        outcome = primary.probe(host, tls_name=NAME, **settings)
        assert (Verdict.PASS, "TLSv1.3") == (outcome.verdict, outcome.facts["tls_version"]), outcome
    assert Reason.CERTIFICATE is primary.probe(tls_name="other.example.org", **settings).reason


def test_too_many_connections(primary):
    held = [socket.create_connection(("127.0.0.1", primary.port), timeout=20) for _ in range(11)]
    for one in held:
        assert one.recv(4096)
    for settings in ({}, LOGIN):
        outcome = primary.probe(**settings)
        assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
        assert "it has too many connections: error 1040" in outcome.detail
    for one in held:
        one.sendall(mysql.QUIT)
        one.close()
    assert Verdict.PASS is eventually(lambda: primary.probe(**LOGIN)).verdict


def test_a_replica_and_what_becomes_of_it(start, primary, tmp_path):
    replica = Server(start, tmp_path, "--server-id=2", "--read-only=1")
    replica.say(
        f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='copier',"
        " MASTER_USE_GTID=slave_pos; START SLAVE"
    )
    # What it copies are also the users.
    outcome = eventually(lambda: replica.probe(**LOGIN, **LIMITS))
    assert outcome.facts["lag"] < 50
    replica.say("STOP SLAVE SQL_THREAD")
    assert "stands still: stopped" in replica.probe(**LOGIN, **LIMITS).detail
    for host in HOSTS:
        assert Verdict.PASS is replica.probe(host, read_only=True, **LOGIN).verdict
        assert "it is read-only" in replica.probe(host, read_only=False, **LOGIN).detail
        assert "it is writable" in primary.probe(host, read_only=True, **LOGIN).detail
    replica.daemon.stop()
    assert Reason.DEADLINE is replica.probe(timeout=0.4).reason
    replica.daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(replica.probe).verdict
    replica.daemon.end()
    for host in HOSTS:
        assert Reason.REFUSED is replica.probe(host).reason
