"""ajp against Tomcat on loopback: healthy, and in the ways that containers fail."""

import signal
import socket

import pytest

from daemons.conftest import HOSTS, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.ajp import AjpProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.statuses import Statuses

SERVER = """<?xml version="1.0"?>
<Server port="-1">
  <Service name="lab">
    {connectors}
    <Engine name="lab" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" autoDeploy="false">
        <Context path="/app" docBase="{folder}/app"/>
        <Context path="/broken" docBase="{folder}/broken"/>
      </Host>
    </Engine>
  </Service>
</Server>
"""
AJP = '<Connector protocol="AJP/1.3" address="{host}" port="{port}" {more}/>'
HTTP = '<Connector protocol="HTTP/1.1" address="127.0.0.1" port="{port}"/>'
WEB = """<?xml version="1.0"?>
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
  <servlet>
    <servlet-name>default</servlet-name>
    <servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class>
  </servlet>
  <servlet-mapping><servlet-name>default</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
  <mime-mapping><extension>txt</extension><mime-type>text/plain</mime-type></mime-mapping>
</web-app>
"""
HOME = "/usr/share/tomcat10"


class Tomcat:
    """One Java machine with an open connector on both addresses, one with a secret, and one for HTTP."""

    def __init__(self, start, folder):
        self.port, self.guarded, self.http = (free_port() for _ in range(3))
        connectors = [AJP.format(host=host, port=self.port, more='secretRequired="false"') for host in HOSTS]
        connectors.append(AJP.format(host="127.0.0.1", port=self.guarded, more='secret="hush"'))
        connectors.append(HTTP.format(port=self.http))
        for name in ("conf", "logs", "temp", "work", "webapps", "app", "app/WEB-INF", "broken/WEB-INF"):
            (folder / name).mkdir(parents=True)
        (folder / "conf" / "server.xml").write_text(
            SERVER.format(folder=folder, connectors="\n".join(connectors)), encoding="utf-8"
        )
        (folder / "conf" / "web.xml").write_text(WEB, encoding="utf-8")
        (folder / "app" / "health.txt").write_text("UP\n")
        (folder / "app" / "large.txt").write_text("x" * 100_000 + "UP\n")
        (folder / "app" / "moved").mkdir()
        (folder / "broken" / "WEB-INF" / "web.xml").write_text("<web-app><servlet></oops>")
        self.daemon = start(
            "java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            f"-Dcatalina.home={HOME}", f"-Dcatalina.base={folder}", f"-Djava.io.tmpdir={folder}/temp",
            "-cp", f"{HOME}/bin/bootstrap.jar:{HOME}/bin/tomcat-juli.jar",
            "org.apache.catalina.startup.Bootstrap", "start",
            directory=folder, called="tomcat",
        )  # fmt: skip
        for host in HOSTS:
            eventually(lambda host=host: probe_once(AjpProbe(path="/app/health.txt"), self.port, host))
        eventually(lambda: probe_once(AjpProbe(), self.guarded))
        eventually(lambda: probe_once(HttpProbe(path="/app/health.txt"), self.http))


@pytest.fixture(scope="module")
def tomcat(start, tmp_path_factory):
    return Tomcat(start, tmp_path_factory.mktemp("tomcat"))


def is_(outcome, verdict, reason, words=""):
    assert (verdict, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail, outcome


@pytest.mark.parametrize("host", HOSTS)
def test_a_healthy_one_passes(tomcat, host):
    is_(probe_once(AjpProbe(), tomcat.port, host), Verdict.PASS, Reason.OK, "it answers CPing")
    health = probe_once(AjpProbe(path="/app/health.txt?x=1", expect=Regex(b"^UP\n$")), tomcat.port, host)
    is_(health, Verdict.PASS, Reason.OK, "200, 3 bytes")
    large = probe_once(AjpProbe(path="/app/large.txt", cping=False, expect=Regex(b"UP\n$")), tomcat.port, host)
    assert (Verdict.PASS, 100_003) == (large.verdict, large.facts["content_length"]), large
    head = probe_once(AjpProbe(path="/app/large.txt", method="HEAD", over_tls=True), tomcat.port, host)
    is_(head, Verdict.PASS, Reason.OK, "200, 0 bytes")


def test_what_it_answers_decides(tomcat):
    missing = AjpProbe(path="/app/missing.txt")
    is_(probe_once(missing, tomcat.port), Verdict.FAIL, Reason.REJECTED, "status 404")
    found = AjpProbe(path="/app/missing.txt", status=Statuses.read(404))
    is_(probe_once(found, tomcat.port), Verdict.PASS, Reason.OK)
    is_(probe_once(AjpProbe(path="/app/moved"), tomcat.port), Verdict.FAIL, Reason.EXPECTATION, "it redirects to")
    wrong = AjpProbe(path="/app/health.txt", expect=Regex(b"^READY"))
    is_(probe_once(wrong, tomcat.port), Verdict.FAIL, Reason.EXPECTATION, "which begins with 'UP'")


def test_an_application_that_could_not_start_is_missed_though_the_container_is_alive(tomcat):
    is_(probe_once(AjpProbe(), tomcat.port), Verdict.PASS, Reason.OK)
    is_(probe_once(AjpProbe(path="/broken/"), tomcat.port), Verdict.FAIL, Reason.REJECTED, "status 404")


def test_a_secret_is_wanted_for_requests_alone(tomcat):
    is_(probe_once(AjpProbe(), tomcat.guarded), Verdict.PASS, Reason.OK)
    health = "/app/health.txt"
    is_(probe_once(AjpProbe(path=health, secret=Secret("hush")), tomcat.guarded), Verdict.PASS, Reason.OK)
    is_(
        probe_once(AjpProbe(path=health), tomcat.guarded),
        Verdict.FAIL,
        Reason.REJECTED,
        "status 403, wanted 200-299; it may want a secret",
    )
    other = AjpProbe(path=health, secret=Secret("tell-nobody"))
    is_(probe_once(other, tomcat.guarded), Verdict.FAIL, Reason.REJECTED, "it may want another secret")


def test_the_connector_of_the_other_protocol_fails(tomcat):
    """A port that was set up for HTTP, and the other way round: neither is taken for what it is not."""
    outcome = probe_once(AjpProbe(), tomcat.http, timeout=1.0)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.reason in {Reason.PROTOCOL, Reason.CLOSED, Reason.RESET, Reason.DEADLINE}
    assert Verdict.FAIL is probe_once(HttpProbe(), tomcat.port, timeout=1.0).verdict


def test_one_that_stands_still_misses_its_deadline(tomcat):
    tomcat.daemon.stop()
    try:
        for probe in (AjpProbe(), AjpProbe(path="/app/health.txt", cping=False)):
            is_(probe_once(probe, tomcat.port, timeout=0.3), Verdict.FAIL, Reason.DEADLINE)
    finally:
        tomcat.daemon.signal_all(signal.SIGCONT)
    eventually(lambda: probe_once(AjpProbe(), tomcat.port))


def test_something_else_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as other:
        is_(probe_once(AjpProbe(), other.getsockname()[1], timeout=0.3), Verdict.FAIL, Reason.DEADLINE)


def test_one_that_is_gone_is_refused(tomcat):
    """The last one: it is not started again."""
    tomcat.daemon.end()
    for host in HOSTS:
        is_(probe_once(AjpProbe(), tomcat.port, host), Verdict.FAIL, Reason.REFUSED)
