"""tls against stunnel and against OpenSSL's own server, which can be set to be as odd as need be."""

import asyncio
import signal

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, seen
from daemons.conftest import probe_once as run_once
from lvsmon.model import Reason, Target, Verdict
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.tcp import TcpProbe
from lvsmon.probes.tls import TlsProbe

NAME = "shop.example.org"

STUNNEL = """
foreground = yes
debug = 5
pid =
[v4]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{behind}
cert = {certificate}
key = {key}
[v6]
accept = ::1:{port}
connect = 127.0.0.1:{behind}
cert = {certificate}
key = {key}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def probe_once(authority):
    def probe(port, host=HOSTS[0], timeout=5.0, **settings):
        async def whole():
            target = Target(address=host, port=port, hostname=NAME)
            return await in_reactor(lambda engine: run(made, target, timeout, engine))

        settings.setdefault("tls_ca_file", authority.ca_file)
        made = TlsProbe(**settings)
        return seen(made, host, port, asyncio.run(whole()))

    return probe


@pytest.fixture(scope="module")
def openssl(start, authority):
    """Return a function that starts `openssl s_server` with more options, and gives its port."""

    def serve(*options, issued=None, host=HOSTS[0]):
        certificate, key = (issued or authority.server()).write(authority.folder, "s_server")
        port = free_port()
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        given = ("-accept", at, "-cert", certificate, "-cert_chain", certificate, "-key", key, "-quiet", "-www")
        start("openssl", "s_server", *given, *options)
        return port

    return serve


@pytest.mark.parametrize("host", HOSTS)
def test_openssl(openssl, probe_once, host):
    port = openssl(host=host)
    outcome = eventually(lambda: probe_once(port, host))
    assert Reason.OK is outcome.reason


@pytest.mark.parametrize(
    ("options", "settings", "verdict", "words"),
    [
        (("-tls1_2",), {}, Verdict.PASS, "TLSv1.2"),
        (("-tls1_2",), {"tls_min_version": "1.3"}, Verdict.FAIL, "it speaks no TLS version of 1.3 or newer"),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), {}, Verdict.FAIL, "it speaks no TLS version of 1.2 or newer"),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), {"tls_min_version": "1.0"}, Verdict.PASS, "TLSv1 "),
        (("-no_ticket",), {}, Verdict.PASS, "TLSv1.3"),
        (("-num_tickets", "0"), {}, Verdict.PASS, "TLSv1.3"),
        (("-Verify", "3"), {}, Verdict.FAIL, "it demands a certificate of ours"),
        (("-Verify", "3", "-tls1_2"), {}, Verdict.FAIL, "demands a certificate of ours"),
        (("-verify", "3"), {}, Verdict.PASS, "TLSv1.3"),
        (("-servername", "other.example.org", "-servername_fatal"), {}, Verdict.FAIL, "unrecognized name"),
        (("-status",), {}, Verdict.PASS, "TLSv1.3"),
        (("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), {}, Verdict.PASS, "CHACHA20"),
    ],
)
def test_openssl_with_options(openssl, probe_once, options, settings, verdict, words, authority, tmp_path):
    more = ()
    if "-servername" in options:
        certificate, key = authority.server().write(tmp_path, "second")
        more = ("-cert2", certificate, "-key2", key)
    port = openssl(*options, *more)
    eventually(lambda: run_once(TcpProbe(), port))
    outcome = probe_once(port, **settings)
    assert verdict is outcome.verdict, outcome
    assert words in outcome.detail


def test_stunnel(start, probe_once, authority, tmp_path):
    """Its backend is away: the handshake is all that is asked for. Then it stops."""
    certificate, key = authority.server().write(tmp_path, "stunnel")
    port = free_port()
    text = STUNNEL.format(port=port, behind=free_port(), certificate=certificate, key=key)
    running = start("stunnel4", "{directory}/stunnel.conf", files={"stunnel.conf": text})
    for host in HOSTS:
        eventually(lambda host=host: probe_once(port, host))
    running.stop()
    outcome = probe_once(port, timeout=0.2)
    running.signal_all(signal.SIGCONT)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
    running.end()
    outcome = probe_once(port)
    assert (Verdict.FAIL, Reason.REFUSED) == (outcome.verdict, outcome.reason)
