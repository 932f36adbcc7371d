"""HTTP/2 against nginx and Apache on loopback: by ALPN and by prior knowledge, and where it is not spoken."""

import signal

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually, free_port, probe_once
from daemons.webservers import APACHE, APACHE_ARGUMENTS, NGINX, NGINX_ARGUMENTS
from lvsmon.model import Reason, Verdict
from lvsmon.probes.header_rules import HeaderRules
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.http_request import FurtherRequests
from lvsmon.probes.https import HttpsProbe
from lvsmon.probes.json_rules import JsonRules
from lvsmon.probes.statuses import Statuses

NAME = "shop.example.org"
JSON = '{"status": "UP", "checks": [{"name": "db", "ok": true}]}'

NGINX_SERVER = """
    server {{
        listen 127.0.0.1:{h2} ssl http2;
        listen [::1]:{h2} ssl http2;
        listen 127.0.0.1:{tls} ssl;
        listen [::1]:{tls} ssl;
        listen 127.0.0.1:{h2c} http2;
        listen [::1]:{h2c} http2;
        listen 127.0.0.1:{plain};
        listen [::1]:{plain};
        server_name {name};
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        root {folder}/htdocs;
        keepalive_requests 2;
        location /moved {{ return 302 http://127.0.0.1:{plain}/; }}
        location /own {{ absolute_redirect on; port_in_redirect on; return 302 /x; }}
    }}
"""
APACHE_REDIRECTS = """
Redirect 302 /moved http://127.0.0.1:{plain}/
Redirect 302 /own /x
UseCanonicalName Off
UseCanonicalPhysicalPort On
MaxKeepAliveRequests 2
"""
APACHE_HOST = """
Listen 127.0.0.1:{port}
Listen [::1]:{port}
<VirtualHost *:{port}>
    ServerName {name}
    Protocols {protocols}
    SSLEngine {ssl}
    SSLCertificateFile {certificate}
    SSLCertificateKeyFile {key}
</VirtualHost>
"""
APACHE_SITES = {
    "h2": ("h2 http/1.1", "on"),
    "tls": ("http/1.1", "on"),
    "h2c": ("h2c http/1.1", "off"),
    "plain": ("http/1.1", "off"),
}


@pytest.fixture(scope="module", params=["nginx", "apache2"])
def daemon(request, start, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    authority = Authority(folder)
    certificate, key = authority.server(names=(NAME,)).write(folder, "server")
    pages = folder / "htdocs"
    pages.mkdir()
    (pages / "index.html").write_text("ready\n")
    (pages / "health.json").write_text(JSON)
    (pages / "large.txt").write_text("0123456789" * 30000)
    ports = {site: free_port() for site in APACHE_SITES}
    about = {"folder": folder, "name": NAME, "certificate": certificate, "key": key, **ports}
    if request.param == "nginx":
        files = {"nginx.conf": NGINX.format(folder=folder, servers=NGINX_SERVER.format(**about))}
        arguments = NGINX_ARGUMENTS
    else:
        hosts = "".join(
            APACHE_HOST.format(**about, port=ports[site], protocols=protocols, ssl=ssl)
            for site, (protocols, ssl) in APACHE_SITES.items()
        )
        files = {"apache.conf": APACHE.format(folder=folder, hosts=APACHE_REDIRECTS.format(**about) + hosts)}
        arguments = APACHE_ARGUMENTS
    running = start(request.param, *arguments, files=files, directory=folder)
    running.ports, running.program, running.ca_file = ports, request.param, authority.ca_file
    eventually(lambda: probe_once(HttpProbe(path="/index.html"), ports["plain"]))
    return running


def probe(daemon, site, host=HOSTS[0], timeout=5.0, version="2", **settings):
    settings = {"path": "/index.html", "version": version, "host": NAME, **settings}
    if site in {"h2", "tls"}:
        kind, settings = HttpsProbe, {"tls_ca_file": daemon.ca_file, "tls_name": NAME, **settings}
    else:
        kind = HttpProbe
    return probe_once(kind(**settings), daemon.ports[site], host, timeout)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("site", ["h2", "h2c"])
def test_healthy(daemon, site, host):
    outcome = probe(daemon, site, host, expect_text="ready")
    assert (Verdict.PASS, Reason.OK) == (outcome.verdict, outcome.reason), outcome
    assert (site == "h2") is ("h2" == outcome.facts.get("tls_alpn"))
    outcome = probe(daemon, site, host, path="/missing")
    assert (Reason.REJECTED, True) == (outcome.reason, "status 404" in outcome.detail)
    outcome = probe(daemon, site, host, method="HEAD")
    assert (Verdict.PASS, 0) == (outcome.verdict, outcome.facts["content_length"])


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("site", ["h2", "h2c"])
def test_headers_json_and_a_body_larger_than_the_window(daemon, site, host):
    rules = JsonRules.read([{"path": "status", "equals": "UP"}, {"path": "checks[*].ok", "equals": True}])
    header = HeaderRules.read([{"name": "Content-Length", "equals": str(len(JSON))}])
    outcome = probe(daemon, site, host, path="/health.json", expect_json=rules, expect_headers=header)
    assert Verdict.PASS is outcome.verdict, outcome
    outcome = probe(daemon, site, host, path="/large.txt", expect_text="0123456789")
    assert (Verdict.PASS, 300000) == (outcome.verdict, outcome.facts["content_length"])


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_without_http2_by_alpn(daemon, host):
    outcome = probe(daemon, "tls", host)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason), outcome
    assert "the realserver does not speak HTTP/2: offered h2 and http/1.1 by ALPN it chose http/1.1" in outcome.detail


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_without_http2_by_prior_knowledge(daemon, host):
    outcome = probe(daemon, "plain", host)
    assert (Verdict.FAIL, Reason.PROTOCOL) == (outcome.verdict, outcome.reason), outcome
    assert "the realserver answers in HTTP/1, not HTTP/2" in outcome.detail


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("site", "version"), [("h2", "2"), ("h2c", "2"), ("plain", "1.1"), ("plain", "1.0"), ("tls", "1.1")]
)
def test_several_requests_beyond_what_one_connection_may_carry(daemon, site, version, host):
    """Both daemons end a connection after some requests; nginx says so in HTTP/2 by GOAWAY, before its answer."""
    then = FurtherRequests.read([{"path": "/index.html", "expect": "ready"}] * 4)
    outcome = probe(daemon, site, host, version=version, then=then)
    assert Verdict.PASS is outcome.verdict, outcome
    assert 5 == outcome.facts["requests"]
    connections = {"nginx": 3, "apache2": 1 if version == "2" else 2}  # Apache counts those of HTTP/1 alone
    assert connections[daemon.program] == outcome.facts["connections"]
    then = FurtherRequests.read([{"path": "/index.html"}, {"path": "/missing"}])
    outcome = probe(daemon, site, host, version=version, then=then)
    assert outcome.detail.startswith("request 3 of 3 (GET /missing): status 404")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("site", "version"), [("h2", "2"), ("h2c", "2"), ("plain", "1.1"), ("tls", "1.1")])
def test_redirects_that_give_the_realserver_away(daemon, site, version, host):
    """One to loopback; one that the server makes of its own port, which is not the clients'."""
    for path in ("/moved", "/own"):
        outcome = probe(daemon, site, host, version=version, path=path, status=Statuses.read(302))
        assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason), outcome
        assert "it redirects to http" in outcome.detail
    outcome = probe(
        daemon, site, host, version=version, path="/moved", status=Statuses.read(302), location_leak="ignore"
    )
    assert Verdict.PASS is outcome.verdict


def test_nothing_is_logged_about_a_run(daemon):
    before = daemon.log()
    for site in ("h2", "h2c"):
        assert Verdict.PASS is probe(daemon, site).verdict
    said = (daemon.log()[len(before) :]).lower()
    assert "error" not in said, said


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("site", ["h2", "h2c"])
def test_stopped_in_its_tracks(daemon, site, host):
    daemon.stop()
    try:
        outcome = probe(daemon, site, host, timeout=0.3)
    finally:
        daemon.signal_all(signal.SIGCONT)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_nothing_listens(version):
    for host in HOSTS:
        assert Reason.REFUSED is probe_once(HttpProbe(version=version), free_port(), host).reason
