"""proxy against Squid: fetching, tunnels, denied, logged in, an origin that is dead, and Squid itself gone."""

import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.proxy import ProxyProbe
from lvsmon.probes.statuses import Statuses
from net.tls_servers import TlsServer, says, server_context

NAME = "www.example.org"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"
SQUID = """
http_port 127.0.0.1:{port}
http_port [::1]:{port}
visible_hostname proxy.example.org
pid_filename none
access_log none
cache_log /dev/null
cache_store_log none
cache_mem 1 MB
netdb_filename none
pinger_enable off
coredump_dir /tmp
shutdown_lifetime 0 seconds
connect_timeout 1 seconds
forward_timeout 2 seconds
retry_on_error off
dns_nameservers 127.0.0.1
hosts_file {folder}/hosts
{more}
acl denied dstdomain denied.example.org
http_access deny denied
http_access allow {who}
http_access deny all
"""


class Origin(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        status = 404 if self.path == "/missing" else 200
        body = b"from the origin"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class OriginServer(ThreadingHTTPServer):
    address_family = socket.AF_INET
    asked = 0


@pytest.fixture(scope="module")
def origin():
    with OriginServer(("127.0.0.1", 0), Origin) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def squid(start, tmp_path_factory):
    """Return a function that starts a Squid; its shared memory is removed with it."""
    names = []

    def start_squid(who="all", more=""):
        folder = tmp_path_factory.mktemp("squid")
        for path in (folder, *folder.parents[:2]):
            path.chmod(0o755)
        port = free_port()
        name = f"lvsmon{os.getpid()}x{len(names)}"
        names.append(name)
        hosts = f"127.0.0.1 {NAME}\n127.0.0.1 denied.example.org\n"
        files = {"hosts": hosts, "squid.conf": SQUID.format(port=port, folder=folder, who=who, more=more)}
        daemon = start("squid", "-N", "-d1", "-n", name, "-f", "{directory}/squid.conf", files=files, directory=folder)
        eventually(lambda: probe_once(ProxyProbe(any_answer=True), port))
        return daemon, port

    yield start_squid
    for name in names:
        for left in Path("/dev/shm").glob(f"{name}-*"):  # noqa: S108  Squid's own choice
            left.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def open_squid(squid):
    return squid()


@pytest.mark.parametrize("host", HOSTS)
def test_a_page_through_squid(open_squid, origin, host):
    _, port = open_squid
    url = f"http://{NAME}:{origin.server_address[1]}/"
    outcome = probe_once(ProxyProbe(url=url, expect_text="from the origin"), port, host)
    assert (Verdict.PASS, 200) == (outcome.verdict, outcome.facts["status"]), outcome
    assert "proxy.example.org (squid/" in outcome.facts["via"]
    asked = origin.asked
    for from_cache, more in ((False, 1), (True, 0)):
        assert Verdict.PASS is probe_once(ProxyProbe(url=url, from_cache=from_cache), port, host).verdict
        assert asked + 1 == origin.asked, (from_cache, more)


@pytest.mark.parametrize("host", HOSTS)
def test_the_origins_own_no_is_told_from_the_proxys(open_squid, origin, host):
    _, port = open_squid
    outcome = probe_once(ProxyProbe(url=f"http://{NAME}:{origin.server_address[1]}/missing"), port, host)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
    assert "said_by" not in outcome.facts
    outcome = probe_once(ProxyProbe(url="http://denied.example.org/"), port, host)
    assert Reason.REJECTED is outcome.reason
    assert "status 403 Forbidden, wanted 200-299: the proxy does not allow it (ERR_ACCESS_DENIED 0)" == outcome.detail


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("asked", ["url", "https", "connect"])
def test_a_dead_origin_is_named(open_squid, asked, host):
    _, port = open_squid
    dead = f"{NAME}:{free_port()}"
    settings = {"url": {"url": f"http://{dead}/"}, "https": {"url": f"https://{dead}/"}, "connect": {"connect": dead}}
    outcome = probe_once(ProxyProbe(**settings[asked]), port, host)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
    assert f"the proxy answers, but cannot get anything from the origin {dead} (ERR_CONNECT_FAIL 111)" in outcome.detail
    assert "proxy" == outcome.facts["said_by"]


@pytest.mark.parametrize("host", HOSTS)
def test_tunnels(open_squid, origin, host):
    _, port = open_squid
    alive = f"{NAME}:{origin.server_address[1]}"
    assert Verdict.PASS is probe_once(ProxyProbe(connect=alive), port, host).verdict
    denied = ProxyProbe(connect="denied.example.org:443", status=Statuses.read(403))
    outcome = probe_once(denied, port, host)
    assert (Verdict.PASS, "no tunnel to denied.example.org:443, 403 Forbidden") == (outcome.verdict, outcome.detail)


@pytest.mark.parametrize("host", HOSTS)
def test_a_page_through_a_tunnel_with_its_certificate(open_squid, host, tmp_path):
    _, port = open_squid
    authority = Authority(tmp_path)
    for names, verdict, words in (
        ((NAME,), Verdict.PASS, "200 OK, 5 bytes of https://"),
        (("other.example.org",), Verdict.FAIL, "but certificate is for other.example.org, clients ask for www."),
    ):
        context = server_context(tmp_path, authority.server(names=names), names[0])
        with TlsServer(context, says(None, OK)) as server:
            probe = ProxyProbe(url=f"https://{NAME}:{server.port}/", tls_ca_file=authority.ca_file)
            outcome = probe_once(probe, port, host)
        assert verdict is outcome.verdict, outcome
        assert words in outcome.detail


@pytest.mark.parametrize("host", HOSTS)
def test_logins(squid, origin, tmp_path, host):
    users = tmp_path / "helper"
    users.write_text('#!/bin/sh\nwhile read -r line; do [ "$line" = "me s3cret" ] && echo OK || echo ERR; done\n')
    users.chmod(0o755)
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    more = f"auth_param basic program {users}\nacl known proxy_auth REQUIRED"
    _, port = squid("known", more)
    url = f"http://{NAME}:{origin.server_address[1]}/"
    for login, reason in (
        ({}, Reason.AUTHENTICATION),
        ({"username": "me", "password": Secret("wrong")}, Reason.AUTHENTICATION),
        ({"username": "me", "password": Secret("s3cret")}, Reason.OK),
    ):
        for asked in ({"url": url}, {"connect": f"{NAME}:{origin.server_address[1]}"}):
            outcome = probe_once(ProxyProbe(**asked, **login), port, host)
            assert reason is outcome.reason, outcome
            assert (reason is Reason.OK) is ("wants a login, or does not take this one" not in outcome.detail)


def test_a_squid_that_hangs_or_is_gone(squid, origin):
    daemon, port = squid()
    probe = ProxyProbe(url=f"http://{NAME}:{origin.server_address[1]}/")
    daemon.stop()
    assert Reason.DEADLINE is probe_once(probe, port, timeout=0.4).reason
    daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(probe, port)).verdict
    daemon.end()
    for host in HOSTS:
        assert Reason.REFUSED is probe_once(probe, port, host).reason


def test_a_web_server_is_no_proxy(origin):
    """It takes a whole URL for its own (RFC 9112 section 3.2.2), but opens no tunnel."""
    outcome = probe_once(ProxyProbe(connect=f"{NAME}:443"), origin.server_address[1])
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
