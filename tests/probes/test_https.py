"""https: http over TLS; real servers, and scripts for what is said within TLS."""

import asyncio
import ssl
from math import inf

import pytest

from certificates import Authority
from lvsmon.errors import CertificateRefused, TlsFailed
from lvsmon.model import Certificate, Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.net.tls.values import TlsProfile, TlsSession
from lvsmon.probes.https import HttpsProbe
from lvsmon.testing.network import Close, Hang, Script, ScriptedConnector, Secure, Send, Until, run_scripted
from net.tls_servers import TlsServer, cut, says, server_context

NAME = "shop.example.org"
TARGET = Target(address="10.1.0.11", port=8443, hostname=NAME, vport=443)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"
DAY = 86400.0


def _session(*names, days=60.0, **more):
    certificate = Certificate(names=names or (NAME,), not_before=0, not_after=1e9 + days * DAY)
    return TlsSession(version="TLSv1.3", cipher="X", certificate=certificate, at=1e9, **more)


def _scripted(probe, result, answer=OK, target=TARGET):
    connector = ScriptedConnector(Script(Secure(result), Until(b"\r\n\r\n"), Send(answer), Close()))
    outcome = run_scripted(probe, target, connector)
    return outcome, connector.opened[0]


def test_the_request_is_said_within_tls_as_clients_say_it():
    outcome, stream = _scripted(HttpsProbe(), _session())
    assert (Verdict.PASS, "200 OK, 5 bytes, certificate good for 60 days") == (outcome.verdict, outcome.detail)
    assert b"\r\nHost: shop.example.org\r\n" in stream.written
    assert [(TlsProfile(alpn=("http/1.1",)), NAME)] == stream.secured
    assert {"status", "tls_version", "certificate_days"} <= outcome.facts.keys()


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (Target(address="10.1.0.11", port=443), b"10.1.0.11"),
        (Target(address="10.1.0.11", port=80, hostname=NAME), b"shop.example.org:80"),
        (Target(address="10.1.0.11", port=443, hostname=NAME, vport=8443), b"shop.example.org:8443"),
        (Target(address="fd00::11", port=443), b"[fd00::11]"),
    ],
)
def test_host_has_no_port_where_it_is_443(target, host):
    answer = Script(Secure(_session()), Until(b"\r\n\r\n"), Send(b"HTTP/1.1 204 No Content\r\n\r\n"))
    connector = ScriptedConnector(answer)
    run_scripted(HttpsProbe(tls_verify=False), target, connector)
    assert b"\r\nHost: " + host + b"\r\n" in connector.opened[0].written


def test_the_host_header_does_not_change_what_the_certificate_must_be_for():
    outcome, stream = _scripted(HttpsProbe(host="other.example.org"), _session())
    assert Verdict.PASS is outcome.verdict
    assert b"\r\nHost: other.example.org\r\n" in stream.written


def test_nothing_is_said_to_a_server_with_the_wrong_certificate():
    outcome, stream = _scripted(HttpsProbe(), _session("rs2.example.org"))
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
    assert "certificate is for rs2.example.org, clients ask for shop.example.org" == outcome.detail
    assert b"" == stream.written


def test_a_certificate_that_expires_soon_makes_a_pass_a_warning_and_a_failure_stays_one():
    outcome, _ = _scripted(HttpsProbe(), _session(days=3.5))
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)
    assert outcome.detail.startswith("200 OK, 5 bytes, but its certificate expires in 3 days, on ")
    outcome, _ = _scripted(HttpsProbe(), _session(days=3.5), b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)


def test_a_refused_chain_is_looked_at_once_more_without_verification():
    refused = CertificateRefused("certificate refused: who knows")
    connector = ScriptedConnector(Script(Secure(refused)), Script(Secure(_session("rs2.example.org"))))
    outcome = run_scripted(HttpsProbe(), TARGET, connector)
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
    assert outcome.detail.startswith("certificate refused: who knows; it is for rs2.example.org, clients ask for shop")
    assert [True, False] == [profile.verify for stream in connector.opened for profile, _ in stream.secured]


def test_a_second_look_that_fails_changes_nothing():
    refused = CertificateRefused("certificate refused: who knows")
    for second in (Secure(TlsFailed("no more")), Hang()):
        connector = ScriptedConnector(Script(Secure(refused)), Script(second))
        outcome = run_scripted(HttpsProbe(), TARGET, connector)
        assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
        assert "certificate refused: who knows" == outcome.detail


def test_a_certificate_without_an_end_is_good_for_ever():
    outcome, _ = _scripted(HttpsProbe(), _session(days=inf))
    assert Verdict.PASS is outcome.verdict
    assert "the end of time" == outcome.facts["certificate_not_after"]


@pytest.mark.parametrize(
    ("settings", "uses"),
    [
        ({}, True),
        ({"host": NAME}, True),
        ({"tls_name": NAME}, True),
        ({"host": NAME, "tls_name": NAME}, False),
    ],
)
def test_runs_are_shared_only_where_no_name_is_used(settings, uses):
    assert uses is HttpsProbe(**settings).uses_hostname


def test_settings_of_both_are_looked_at():
    with pytest.raises(ValueError, match="path: begin with"):
        HttpsProbe(path="health")
    with pytest.raises(ValueError, match="tls_ca_file: write an absolute path"):
        HttpsProbe(tls_ca_file="ca.pem")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def real(authority, tmp_path):
    """Return a function that probes a real TLS server which answers as ``talk`` does."""

    def probe(talk, address="127.0.0.1", context=None, **settings):
        async def whole(server):
            target = Target(address=address, port=server.port, hostname=NAME)
            return await in_reactor(
                lambda engine: run(HttpsProbe(tls_ca_file=authority.ca_file, **settings), target, 5, engine)
            )

        context = context or server_context(tmp_path, authority.server())
        with TlsServer(context, talk, address=address) as server:
            return asyncio.run(whole(server))

    return probe


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_real_exchange(real, address):
    outcome = real(says(None, OK), address, expect=Regex(b"ready"))
    assert (Verdict.PASS, Reason.OK) == (outcome.verdict, outcome.reason)
    assert 0 < outcome.phases.tls < outcome.phases.total
    assert outcome.phases.first_byte is not None
    assert outcome.phases.connect + outcome.phases.tls + outcome.phases.first_byte <= outcome.phases.total


def test_an_answer_ended_by_a_legacy_server_without_close_notify(real):
    """Framed by the end of the connection: taken, as clients take it. With a length it would be seen to be short."""
    outcome = real(says(None, b"HTTP/1.0 200 OK\r\n\r\nready", then=cut), expect=Regex(b"ready$"))
    assert (Verdict.PASS, 5) == (outcome.verdict, outcome.facts["content_length"])
    outcome = real(says(None, b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nready", then=cut))
    assert (Verdict.FAIL, Reason.CLOSED) == (outcome.verdict, outcome.reason)


def test_a_large_answer_comes_whole(real):
    body = bytes(range(256)) * 8192
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    assert len(body) == real(says(None, answer), max_body=1 << 22).facts["content_length"]


def test_a_large_request_goes_whole(real):
    def talk(connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n%06d" % len(head))

    path = "/" + "x" * 200_000
    assert Verdict.PASS is real(talk, path=path, expect=Regex(b"^2001")).verdict


def test_a_server_that_demands_a_certificate_says_so_in_the_answer(real, authority, tmp_path):
    """Under TLS 1.3 the alert comes instead of the answer."""
    context = server_context(tmp_path, authority.server())
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    outcome = real(says(None, OK), context=context)
    assert (Verdict.FAIL, Reason.TLS) == (outcome.verdict, outcome.reason)
    assert "it demands a certificate of ours" in outcome.detail


def test_a_server_that_speaks_another_protocol_within_tls(real, authority, tmp_path):
    context = server_context(tmp_path, authority.server())
    context.set_alpn_protocols(["h2"])
    outcome = real(says(None, b"\0\0\x12\4\0\0\0\0\0"), context=context)
    assert Verdict.FAIL is outcome.verdict
