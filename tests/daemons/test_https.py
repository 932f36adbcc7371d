"""https against nginx and apache on loopback: healthy, and in the ways that web servers fail."""

import asyncio
import re
import signal

import pytest

from certificates import Authority, issue
from daemons.conftest import HOSTS, eventually, free_port, seen
from daemons.webservers import APACHE, APACHE_ARGUMENTS, NGINX, NGINX_ARGUMENTS
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.https import HttpsProbe
from lvsmon.probes.tls import TlsProbe

NAME = "shop.example.org"

NGINX_SERVER = """
    server {{
        listen 127.0.0.1:{port} {flags};
        listen [::1]:{port} {flags};
        server_name {name};
        {more}
        location / {{ return 200 "{name} ready\\n"; }}
        location /broken {{ return 503; }}
        location /moved {{ return 302 /elsewhere; }}
    }}
"""
APACHE_HOST = """
Listen 127.0.0.1:{port}
Listen [::1]:{port}
<VirtualHost *:{port}>
    ServerName {name}
    SSLEngine {ssl}
    SSLCertificateFile {certificate}
    SSLCertificateKeyFile {key}
    {more}
</VirtualHost>
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def probe_once(authority):
    """Return a function that runs one probe that trusts the lab's root."""

    def probe(port, host=HOSTS[0], kind=HttpsProbe, timeout=5.0, **settings):
        async def whole():
            target = Target(address=host, port=port, hostname=NAME, vport=443)
            return await in_reactor(lambda engine: run(made, target, timeout, engine))

        settings.setdefault("tls_ca_file", authority.ca_file)
        made = kind(**settings)
        return seen(made, host, port, asyncio.run(whole()))

    return probe


class Sites:
    """The same sites, by either daemon: each name is a port."""

    def __init__(self, folder, authority):
        self.folder, self.authority = folder, authority
        self.ports = {}
        self.parts = []
        good = authority.server()
        self.add("good", good)
        self.add("wrong_name", authority.server(names=("rs2.example.org",)))
        self.add("expired", authority.server(ends=-2.5))
        self.add("soon", authority.server(ends=5.5))
        self.add("bare", authority.server(send=()))
        self.add("self_signed", issue(NAME, names=[NAME]))
        self.add("demanding", good, demanding=True)
        self.add("plain", good, plain=True)

    def add(self, name, issued, **more):
        self.ports[name] = free_port()
        self.parts.append((name, self.ports[name], issued.write(self.folder, name), more))


class Nginx(Sites):
    program, arguments = "nginx", NGINX_ARGUMENTS

    def files(self):
        servers = ""
        for _, port, (certificate, key), more in self.parts:
            lines = f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;"
            if more.get("demanding"):
                lines += f" ssl_client_certificate {self.authority.ca_file}; ssl_verify_client on; ssl_verify_depth 3;"
            flags = "" if more.get("plain") else "ssl"
            servers += NGINX_SERVER.format(port=port, flags=flags, name=NAME, more=lines)
        return {"nginx.conf": NGINX.format(folder=self.folder, servers=servers)}


class Apache(Sites):
    program, arguments = "apache2", APACHE_ARGUMENTS

    def files(self):
        hosts = ""
        for _, port, (certificate, key), more in self.parts:
            lines = ""
            if more.get("demanding"):
                lines = f"SSLVerifyClient require\nSSLVerifyDepth 3\nSSLCACertificateFile {self.authority.ca_file}"
            ssl = "off" if more.get("plain") else "on"
            hosts += APACHE_HOST.format(port=port, ssl=ssl, name=NAME, certificate=certificate, key=key, more=lines)
        pages = self.folder / "htdocs"
        pages.mkdir()
        (pages / "index.html").write_text("ready\n")
        return {"apache.conf": APACHE.format(folder=self.folder, hosts=hosts)}


@pytest.fixture(scope="module", params=[Nginx, Apache], ids=["nginx", "apache"])
def daemon(request, start, tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp(request.param.program)
    folder.chmod(0o755)
    sites = request.param(folder, authority)
    running = start(sites.program, *sites.arguments, files=sites.files(), directory=folder)
    running.ports, running.program = sites.ports, sites.program
    return running


@pytest.fixture(autouse=True)
def ready(daemon, probe_once):
    eventually(lambda: probe_once(daemon.ports["good"], path="/index.html"))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("kind", [HttpsProbe, TlsProbe])
def test_healthy(daemon, probe_once, host, kind):
    settings = {"path": "/index.html", "expect": Regex(b"ready")} if kind is HttpsProbe else {}
    outcome = probe_once(daemon.ports["good"], host, kind, **settings)
    assert (Verdict.PASS, Reason.OK) == (outcome.verdict, outcome.reason), outcome
    assert "certificate good for 59 days" in outcome.detail
    assert "TLSv1.3" == outcome.facts["tls_version"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("site", "verdict", "reason", "words"),
    [
        ("wrong_name", Verdict.FAIL, Reason.CERTIFICATE, "certificate is for rs2.example.org, clients ask for shop."),
        ("expired", Verdict.FAIL, Reason.CERTIFICATE, "certificate expired 2 days ago"),
        ("soon", Verdict.WARN, Reason.DEGRADED, "its certificate expires in 5 days"),
        ("bare", Verdict.FAIL, Reason.CERTIFICATE, "an intermediate certificate is missing"),
        ("self_signed", Verdict.FAIL, Reason.CERTIFICATE, "self-signed"),
        ("plain", Verdict.FAIL, Reason.TLS, "plain text: "),
    ],
)
def test_misconfigured(daemon, probe_once, site, verdict, reason, words, host):
    for kind, settings in ((HttpsProbe, {"path": "/index.html"}), (TlsProbe, {})):
        outcome = probe_once(daemon.ports[site], host, kind, **settings)
        assert (verdict, reason) == (outcome.verdict, outcome.reason), outcome
        assert words in outcome.detail


def test_a_site_that_demands_a_certificate(daemon, probe_once, authority, tmp_path):
    """Apache refuses by an alert; nginx completes the handshake and answers 400."""
    outcome = probe_once(daemon.ports["demanding"], path="/index.html")
    assert Verdict.FAIL is outcome.verdict
    wanted = {"nginx": (Reason.REJECTED, "400"), "apache2": (Reason.TLS, "it demands a certificate of ours")}
    reason, words = wanted[daemon.program]
    assert reason is outcome.reason
    assert words in outcome.detail
    issued = authority.server(names=("director.example.org",))
    certificate, _ = issued.write(tmp_path, "client")
    shown = {"tls_client_certificate": certificate, "tls_client_key": issued.key_secret}
    for kind, settings in ((HttpsProbe, {"path": "/index.html"}), (TlsProbe, {})):
        outcome = probe_once(daemon.ports["demanding"], kind=kind, **shown, **settings)
        assert (Verdict.PASS, Reason.OK) == (outcome.verdict, outcome.reason), outcome


def test_nothing_is_logged_about_a_run(daemon, probe_once):
    """A probe that says goodbye properly leaves no complaint in the log of the realserver."""
    before = daemon.log()
    for kind, settings in ((HttpsProbe, {"path": "/index.html"}), (TlsProbe, {})):
        assert Verdict.PASS is probe_once(daemon.ports["good"], kind=kind, **settings).verdict
    said = daemon.log()[len(before) :]
    assert not re.search("(?i)error|fail|alert", said), said


@pytest.mark.parametrize("host", HOSTS)
def test_stopped_in_its_tracks(daemon, probe_once, host):
    """The kernel still accepts; nobody answers the handshake."""
    daemon.stop()
    try:
        outcome = probe_once(daemon.ports["good"], host, path="/index.html", timeout=0.2)
    finally:
        daemon.signal_all(signal.SIGCONT)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
    assert "in the TLS handshake" in outcome.detail


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_listens(probe_once, host):
    outcome = probe_once(free_port(), host)
    assert (Verdict.FAIL, Reason.REFUSED) == (outcome.verdict, outcome.reason)
