"""pgsql against PostgreSQL: a primary, its replica, logins by every method, and how it says no."""

import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.pgsql import PgsqlProbe
from lvsmon.wire import pgsql

# It does not run as root, nor as a user without a name. User namespaces are not to be had in many containers, so root
# becomes the package's user, which may still go through pytest's folders, closed to others as they are.
AS_USER = (
    "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
    "--inh-caps=-all,+dac_override,+dac_read_search", "--ambient-caps=-all,+dac_override,+dac_read_search",
)  # fmt: skip
NAME = "shop.example.org"
SECRET = Secret("s3cret pass")
HBA = """
local all all trust
host replication all all trust
hostssl all onlytls all trust
host all onlytls all reject
host all refused all reject
host all hashed all md5
host all clear all password
host all trusted,nobody all trust
host all all all scram-sha-256
"""
CONF = """
listen_addresses = '127.0.0.1, ::1'
unix_socket_directories = '{directory}'
fsync = off
shared_buffers = 1MB
max_connections = 12
max_wal_senders = 3
superuser_reserved_connections = 3
wal_receiver_status_interval = 1
ssl = on
ssl_cert_file = '{certificate}'
ssl_key_file = '{key}'
"""
ROLES = """
CREATE ROLE lvsmon LOGIN PASSWORD 's3cret pass';
CREATE ROLE clear LOGIN PASSWORD 's3cret pass';
CREATE ROLE trusted LOGIN; CREATE ROLE onlytls LOGIN; CREATE ROLE refused LOGIN;
SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 's3cret pass';
CREATE TABLE health (state text); INSERT INTO health VALUES ('ready'); GRANT SELECT ON health TO lvsmon;
"""


def program(name):
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        pytest.skip("postgresql is not installed: run `make daemons` as root on a Debian machine")
    return str(found[-1])


def run_tool(*argv):
    subprocess.run([*AS_USER, *argv], check=True, capture_output=True, timeout=120)


class Cluster:
    """A running server; ``say`` runs SQL as the superuser."""

    def __init__(self, start, directory, *options):
        self.directory, self.port = directory, free_port()
        arguments = ("-D", str(directory), "-p", str(self.port), *options)
        self.daemon = start(*AS_USER, program("postgres"), *arguments, directory=directory)

    def say(self, sql):
        address = ("-h", str(self.directory), "-p", str(self.port))
        run_tool(program("psql"), *address, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qc", sql, "postgres")

    def probe(self, host=HOSTS[0], **settings):
        settings.setdefault("database", "postgres")
        return probe_once(PgsqlProbe(**settings), self.port, host)

    def pass_eventually(self):
        return eventually(self.probe)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def primary(start, tmp_path_factory, authority):
    directory = tmp_path_factory.mktemp("primary") / "data"
    run_tool(program("initdb"), "-D", str(directory), "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions")
    certificate, key = authority.server().write(directory, "server")
    conf = CONF.format(directory=directory, certificate=certificate, key=key)
    (directory / "postgresql.conf").write_text(conf)
    (directory / "pg_hba.conf").write_text(HBA)
    cluster = Cluster(start, directory)
    cluster.pass_eventually()
    cluster.say(ROLES.replace("\n", " "))
    return cluster


def replica_of(start, primary, directory, *options):
    address = ("-h", "127.0.0.1", "-p", str(primary.port))
    run_tool(
        program("pg_basebackup"), *address, "-D", str(directory), "-U", "postgres", "-R", "-c", "fast", "--no-sync"
    )
    return Cluster(start, directory, *options)


@pytest.mark.parametrize("host", HOSTS)
def test_without_a_login_it_leaves_nothing_in_the_log(primary, host):
    before = primary.daemon.log()
    outcome = primary.probe(host)
    assert (Verdict.PASS, "scram-sha-256") == (outcome.verdict, outcome.facts["auth"])
    assert primary.daemon.log() == before
    assert Verdict.PASS is primary.probe(host, user="lvsmon", password=SECRET).verdict
    assert primary.daemon.log() == before


@pytest.mark.parametrize(
    ("settings", "reason", "words"),
    [
        ({"user": "lvsmon", "password": SECRET}, Reason.OK, ""),
        ({"user": "hashed", "password": SECRET}, Reason.OK, ""),
        ({"user": "clear", "password": SECRET}, Reason.OK, ""),
        ({"user": "trusted"}, Reason.OK, ""),
        ({"user": "lvsmon", "password": Secret("wrong")}, Reason.AUTHENTICATION, "28P01"),
        ({"user": "hashed", "password": Secret("wrong")}, Reason.AUTHENTICATION, "28P01"),
        ({"user": "clear", "password": Secret("wrong")}, Reason.AUTHENTICATION, "28P01"),
        ({"user": "lvsmon"}, Reason.AUTHENTICATION, "set password_file"),
        ({"user": "nobody"}, Reason.AUTHENTICATION, "28000"),
        ({"user": "refused"}, Reason.AUTHENTICATION, "pg_hba.conf rejects"),
        ({"user": "onlytls"}, Reason.AUTHENTICATION, "28000"),
        ({"user": "trusted", "database": "nothing"}, Reason.AUTHENTICATION, "3D000"),
    ],
)
def test_logins(primary, settings, reason, words):
    outcome = primary.probe(**settings)
    assert reason is outcome.reason, outcome
    assert words in outcome.detail


@pytest.mark.parametrize("host", HOSTS)
def test_a_query_and_its_value(primary, host):
    login = {"user": "lvsmon", "password": SECRET, "host": host}
    select = "SELECT state FROM health"
    assert Verdict.PASS is primary.probe(query=select, value="ready", **login).verdict
    assert Reason.EXPECTATION is primary.probe(query=select, value="read", **login).reason
    assert Reason.EXPECTATION is primary.probe(query=f"{select} WHERE false", **login).reason
    assert Reason.EXPECTATION is primary.probe(query="SELECT NULL", value="", **login).reason
    assert "42P01" in primary.probe(query="SELECT 1 FROM nothing", **login).detail
    assert Reason.REJECTED is primary.probe(query="SELECT 1/0", **login).reason
    assert Reason.EXPECTATION is primary.probe(query=" ;", **login).reason


def test_within_tls(primary, authority):
    settings = {"user": "onlytls", "tls": "starttls", "tls_ca_file": authority.ca_file}
    for host in HOSTS:
        outcome = primary.probe(host, tls_name=NAME, **settings)
        assert (Verdict.PASS, "TLSv1.3") == (outcome.verdict, outcome.facts["tls_version"]), outcome
        login = {**settings, "user": "lvsmon", "password": SECRET}
        assert Verdict.PASS is primary.probe(host, tls_name=NAME, **login).verdict
    assert Reason.CERTIFICATE is primary.probe(tls_name="other.example.org", **settings).reason


def test_too_many_connections(primary):
    held = [socket.create_connection(("127.0.0.1", primary.port), timeout=20) for _ in range(9)]
    for one in held:
        one.sendall(pgsql.startup("trusted", "postgres"))
        assert one.recv(1) == b"R"
    for settings in ({"user": "trusted"}, {"user": "lvsmon", "password": SECRET}):
        outcome = primary.probe(**settings)
        assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
        assert "it has too many connections: FATAL 53300" in outcome.detail
    for one in held:
        one.close()
    assert Verdict.PASS is eventually(lambda: primary.probe(user="trusted")).verdict


def test_roles_and_lag(start, primary, tmp_path):
    replica = replica_of(start, primary, tmp_path / "replica")
    login = {"user": "lvsmon", "password": SECRET}
    eventually(lambda: replica.probe(role="replica", lag_fail=60, **login))
    for host in HOSTS:
        assert Verdict.FAIL is replica.probe(host, role="primary", **login).verdict
        assert Verdict.PASS is primary.probe(host, role="primary", **login).verdict
        outcome = primary.probe(host, role="replica", **login)
        assert (Verdict.FAIL, "it is a primary, wanted is a replica") == (outcome.verdict, outcome.detail)
    primary.say("UPDATE health SET state = 'still ready'")
    primary.say("UPDATE health SET state = 'ready'")
    select = {"query": "SELECT state FROM health", "value": "ready"}
    assert Verdict.PASS is eventually(lambda: replica.probe(role="replica", lag_fail=60, **select, **login)).verdict
    # Cut off from its primary, it gets older; it is not as fresh as what it last received.
    (replica.directory / "postgresql.auto.conf").write_text("primary_conninfo = 'host=127.0.0.1 port=1'\n")
    replica.daemon.process.send_signal(signal.SIGHUP)
    stale = eventually(
        lambda: replica.probe(lag_fail=0.05, **login), lambda found: found.reason is Reason.EXPECTATION
    )  # fmt: skip
    assert "s behind: lag_fail is 50ms" in stale.detail
    assert Verdict.WARN is replica.probe(lag_warn=0.05, lag_fail=600, **login).verdict


def test_a_replica_that_takes_no_connections_yet(start, primary, tmp_path):
    replica = replica_of(start, primary, tmp_path / "replica", "-c", "hot_standby=off")
    outcome = eventually(replica.probe, lambda found: found.reason is Reason.REJECTED)
    assert Verdict.FAIL is outcome.verdict
    assert "it takes no connections now: FATAL 57P03" in outcome.detail


def test_a_server_that_hangs_or_is_gone(start, primary, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    replica = replica_of(start, primary, copy / "data")
    replica.pass_eventually()
    replica.daemon.stop()
    assert Reason.DEADLINE is probe_once(PgsqlProbe(), replica.port, timeout=0.4).reason
    replica.daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is replica.pass_eventually().verdict
    replica.daemon.end()
    for host in HOSTS:
        assert Reason.REFUSED is replica.probe(host).reason
    shutil.rmtree(copy)
