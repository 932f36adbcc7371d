"""tls: what clients of the VIP would make of each server's handshake and certificate; real servers, real OpenSSL."""

import asyncio
import socket
import ssl
import struct
import time

import pytest
from cryptography.hazmat.primitives import hashes

from certificates import CLIENT_ONLY, Authority, issue
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes.base import aim
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.tls import TlsProbe
from net.tls_servers import TlsServer, cut, read_to_the_end, says, server_context

NAME = "shop.example.org"
LOOPBACKS = ["127.0.0.1", "::1"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def probe_once(server, *, hostname=NAME, address="127.0.0.1", timeout=5.0, vip=None, **settings):
    async def whole():
        target = Target(address=address, port=server.port, hostname=hostname, vip=vip)
        return await in_reactor(lambda engine: run(TlsProbe(**settings), target, timeout, engine))

    return asyncio.run(whole())


@pytest.fixture
def against(authority, tmp_path):
    """Return a function that probes a server of ours once, trusting the lab's root."""

    def probe(issued, *, context=None, contexts=None, address="127.0.0.1", hostname=NAME, vip=None, **settings):
        context = context or server_context(tmp_path, issued)
        with TlsServer(context, contexts=contexts, address=address) as server:
            settings.setdefault("tls_ca_file", authority.ca_file)
            if settings.get("tls_verify") is False:
                del settings["tls_ca_file"]
            outcome = probe_once(server, hostname=hostname, address=address, vip=vip, **settings)
        probe.server = server
        return outcome

    return probe


def _is(outcome, verdict, reason):
    assert (verdict, reason) == (outcome.verdict, outcome.reason), outcome


@pytest.mark.parametrize("address", LOOPBACKS)
def test_a_good_certificate_passes_in_one_handshake(against, authority, address):
    issued = authority.server()
    outcome = against(issued, address=address)
    _is(outcome, Verdict.PASS, Reason.OK)
    assert "TLSv1.3 with TLS_AES_256_GCM_SHA384, certificate good for 59 days" == outcome.detail
    assert (1, [NAME]) == (against.server.accepted, against.server.server_names)
    facts = dict(outcome.facts)
    assert facts.pop("certificate_not_after").endswith(" UTC")
    assert facts.pop("certificate_sha256") == issued.certificate.fingerprint(hashes.SHA256()).hex()
    assert {
        "tls_version": "TLSv1.3",
        "tls_cipher": "TLS_AES_256_GCM_SHA384",
        "certificate_names": NAME,
        "certificate_cn": NAME,
        "certificate_issuer": "Lab Intermediate",
        "certificate_days": 59,
    } == facts
    phases = outcome.phases
    assert phases.tls is not None
    assert phases.connect + phases.tls <= phases.total
    assert phases.first_byte is None


def test_it_ends_as_a_client_should(against, authority):
    """close_notify is sent, so that the realserver logs no error."""
    against(authority.server())
    assert not against.server.errors


@pytest.mark.parametrize(
    ("more", "hostname"),
    [
        ({"names": ("*.example.org",)}, NAME),
        ({"names": ("a.example", "SHOP.example.ORG")}, NAME),
        ({"names": (), "addresses": ("192.0.2.10",)}, "192.0.2.10"),
        ({"names": (), "addresses": ("2001:db8::10",)}, "2001:db8:0::10"),
        ({"cn": ""}, NAME),
    ],
    ids=["wildcard", "one of many", "ipv4", "ipv6", "no CN"],
)
def test_names_that_clients_accept(against, authority, more, hostname):
    _is(against(authority.server(**more), hostname=hostname), Verdict.PASS, Reason.OK)


def test_a_virtual_service_without_a_name_is_asked_for_by_its_vip(against, authority):
    issued = authority.server(names=(), addresses=("192.0.2.10",))
    _is(against(issued, hostname=None, vip="192.0.2.10"), Verdict.PASS, Reason.OK)
    assert [None] == against.server.server_names
    outcome = against(issued, hostname=None, vip="192.0.2.11")
    assert "certificate is for 192.0.2.10, clients ask for 192.0.2.11" == outcome.detail


def test_an_address_that_is_entered_as_a_name_is_told_as_that(against, authority):
    outcome = against(authority.server(names=("192.0.2.10",)), hostname=None, vip="192.0.2.10")
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "it has that as a DNS name, and clients take only an IP address entry" in outcome.detail


def test_the_wrong_name_is_told_with_both_names(against, authority):
    """The chain is good, so that one handshake shows it all."""
    outcome = against(authority.server(names=("rs2.example.org",), cn=NAME))
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "certificate is for rs2.example.org, clients ask for shop.example.org" == outcome.detail
    assert "rs2.example.org" == outcome.facts["certificate_names"]
    assert 1 == against.server.accepted


def test_the_common_name_is_taken_only_where_asked(against, authority):
    issued = authority.server(names=())
    outcome = against(issued)
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "certificate is for no name but its CN shop.example.org, clients ask for" in outcome.detail
    assert "tls_accept_cn" in outcome.detail
    _is(against(issued, tls_accept_cn=True), Verdict.PASS, Reason.OK)


def test_the_server_name_and_the_verified_name_are_set_apart(against, authority):
    issued = authority.server(names=("verified.example.org",))
    settings = {"tls_name": "verified.example.org", "tls_sni": "asked.example.org"}
    _is(against(issued, **settings), Verdict.PASS, Reason.OK)
    assert ["asked.example.org"] == against.server.server_names
    _is(against(issued, tls_name="verified.example.org"), Verdict.PASS, Reason.OK)
    assert ["verified.example.org"] == against.server.server_names
    _is(against(issued, tls_sni=""), Verdict.FAIL, Reason.CERTIFICATE)
    assert [None] == against.server.server_names


def test_a_server_that_needs_the_server_name(authority, against, tmp_path):
    """The right certificate comes only to those who ask for it by SNI."""
    context = server_context(tmp_path, authority.server(names=("default.example.org",)))
    right = server_context(tmp_path, authority.server(), "right")
    _is(against(None, context=context, contexts={NAME: right}), Verdict.PASS, Reason.OK)
    outcome = against(None, context=context, contexts={NAME: right}, tls_sni="")
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "default.example.org" in outcome.detail


@pytest.mark.parametrize(
    ("ends", "settings", "verdict", "reason", "says"),
    [
        (60, {}, Verdict.PASS, Reason.OK, "certificate good for 59 days"),
        (13.5, {}, Verdict.WARN, Reason.DEGRADED, "but its certificate expires in 13 days, on "),
        (1.5, {}, Verdict.WARN, Reason.DEGRADED, "but its certificate expires in 1 day, on "),
        (13.5, {"tls_warn_days": 0}, Verdict.PASS, Reason.OK, "certificate good for 13 days"),
        (6.5, {"tls_fail_days": 7}, Verdict.FAIL, Reason.CERTIFICATE, "certificate expires in 6 days, on "),
        (7.5, {"tls_fail_days": 7}, Verdict.WARN, Reason.DEGRADED, "expires in 7 days"),
    ],
)
def test_expiry_to_come(against, authority, ends, settings, verdict, reason, says):
    outcome = against(authority.server(ends=ends), **settings)
    _is(outcome, verdict, reason)
    assert says in outcome.detail
    assert int(ends - 0.01) == outcome.facts["certificate_days"]


def test_expired(against, authority):
    outcome = against(authority.server(ends=-2.5))
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert outcome.detail.startswith("certificate expired 2 days ago, on ")
    assert outcome.detail.endswith("; it is for shop.example.org")
    assert -3 == outcome.facts["certificate_days"]
    assert 2 == against.server.accepted


def test_expired_and_for_another_name(against, authority):
    outcome = against(authority.server(names=("rs2.example.org",), ends=-2.5))
    assert outcome.detail.endswith("; it is for rs2.example.org, clients ask for shop.example.org")


def test_not_yet_valid(against, authority):
    """Our clock may be the wrong one, so the detail says what it shows."""
    outcome = against(authority.server(begins=2))
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "certificate is not valid before " in outcome.detail
    assert "the director's clock says 20" in outcome.detail


def test_a_director_whose_clock_was_never_set_says_unknown(against, authority, monkeypatch):
    """Without a battery it is 1970 until the time is fetched: no realserver may go down by that."""
    monkeypatch.setattr("lvsmon.net.tls.faults.time.time", lambda: 86400.0)
    outcome = against(authority.server(begins=2))
    _is(outcome, Verdict.UNKNOWN, Reason.LOCAL_FAULT)
    assert "the director's clock is wrong" in outcome.detail


def test_an_expired_intermediate_is_not_taken_for_the_server(against, authority):
    inter = issue("Old Intermediate", by=authority.root, ca=True, ends=-1)
    outcome = against(authority.server(by=inter, send=(inter,)))
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "that of a CA in its chain, Old Intermediate, has expired, itself it is good until " in outcome.detail


@pytest.mark.parametrize(
    ("settings", "verdict", "says"),
    [
        ({}, Verdict.WARN, "but the certificate of the CA Short Intermediate in its chain expires in 5 days, on "),
        ({"tls_fail_days": 6}, Verdict.FAIL, "the certificate of the CA Short Intermediate in its chain expires in 5"),
        ({"tls_warn_days": 5}, Verdict.PASS, "good for 5 days, when that of the CA Short Intermediate expires"),
    ],
)
def test_an_intermediate_that_expires_sooner_takes_the_service_along(against, authority, settings, verdict, says):
    inter = issue("Short Intermediate", by=authority.root, ca=True, ends=5.5)
    outcome = against(authority.server(by=inter, send=(inter, authority.root)), **settings)
    assert (verdict, True) == (outcome.verdict, says in outcome.detail), outcome
    facts = outcome.facts
    assert (59, 5, "Short Intermediate") == (facts["certificate_days"], facts["chain_days"], facts["chain_first"])


def test_a_ca_that_is_sent_and_that_nothing_goes_by_may_expire(against, authority):
    """As servers send a cross-signed root for old clients, long after it has expired."""
    cross = issue("Lab Root", by=issue("Older Root", ca=True, ends=1), ca=True, ends=-9)
    outcome = against(authority.server(send=(authority.inter, cross)))
    _is(outcome, Verdict.PASS, Reason.OK)
    assert not [name for name in outcome.facts if name.startswith("chain_")]


def test_self_signed(against, authority):
    issued = issue(NAME, names=(NAME,))
    outcome = against(issued)
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "self-signed" in outcome.detail
    own = authority.folder / "own.pem"
    own.write_text(issued.pem)
    _is(against(issued, tls_ca_file=str(own)), Verdict.PASS, Reason.OK)


def test_an_unknown_root(against, authority):
    root = issue("Other Root", ca=True)
    outcome = against(authority.server(by=root, send=(root,)))
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "the chain ends in a root certificate that is not trusted; it is for shop.example.org" in outcome.detail
    assert outcome.detail.endswith("issued by Other Root")


def test_a_missing_intermediate(against, authority):
    outcome = against(authority.server(send=()))
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "an intermediate certificate is missing" in outcome.detail
    assert "issued by Lab Intermediate" in outcome.detail


def test_the_order_of_a_chain_does_not_matter_and_neither_do_strangers(against, authority):
    """Clients build the chain themselves."""
    stranger = issue("Stranger", ca=True)
    second = issue("Second Intermediate", by=authority.inter, ca=True)
    chain = (authority.root, authority.inter, stranger, second)
    _is(against(authority.server(by=second, send=chain)), Verdict.PASS, Reason.OK)


def test_an_intermediate_in_the_ca_file_is_enough(against, authority):
    inter = authority.folder / "inter.pem"
    inter.write_text(authority.inter.pem)
    _is(against(authority.server(send=()), tls_ca_file=str(inter)), Verdict.PASS, Reason.OK)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"purpose": CLIENT_ONLY}, "not for servers"),
        ({"weak": True}, "too weak"),
    ],
)
def test_certificates_that_clients_refuse(against, authority, more, says, tmp_path):
    context = server_context(tmp_path, None)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(*authority.server(**more).write(tmp_path, "odd"))
    outcome = against(None, context=context)
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert says in outcome.detail


def test_a_chain_signed_by_no_ca(against, authority):
    impostor = authority.server(names=("impostor.example.org",))
    outcome = against(authority.server(by=impostor, send=(impostor, authority.inter)))
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)


def test_without_verification_anything_goes_and_is_shown(against):
    outcome = against(issue("whoever", names=("whoever.example",), ends=-1), tls_verify=False)
    _is(outcome, Verdict.PASS, Reason.OK)
    assert outcome.detail.endswith(", certificate for whoever.example not judged")
    assert "whoever.example" == outcome.facts["certificate_names"]
    assert -1 >= outcome.facts["certificate_days"]
    assert 1 == against.server.accepted


def test_the_systems_authorities_are_used_without_a_ca_file(against, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", authority.ca_file)
    monkeypatch.setattr("lvsmon.net.tls.contexts._shared", {})
    _is(against(authority.server(), tls_ca_file=None), Verdict.PASS, Reason.OK)


def test_a_director_without_authorities_says_unknown(against, authority, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    monkeypatch.setattr("lvsmon.net.tls.contexts._shared", {})
    outcome = against(authority.server(), tls_ca_file=None)
    _is(outcome, Verdict.UNKNOWN, Reason.LOCAL_FAULT)
    assert "ca-certificates" in outcome.detail


@pytest.mark.parametrize(("content", "says"), [(None, "no such file"), ("nothing", "no PEM certificate")])
def test_a_ca_file_that_cannot_be_used_is_ours(against, authority, tmp_path, content, says):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    outcome = against(authority.server(), tls_ca_file=str(file))
    _is(outcome, Verdict.UNKNOWN, Reason.LOCAL_FAULT)
    assert f"tls_ca_file {file} cannot be used" in outcome.detail
    assert says in outcome.detail


def test_a_ca_file_that_changes_is_read_again(against, authority, tmp_path):
    """The authority is renewed while the daemon runs."""
    file = tmp_path / "ca.pem"
    file.write_text(issue("Old Root", ca=True).pem)
    _is(against(authority.server(), tls_ca_file=str(file)), Verdict.FAIL, Reason.CERTIFICATE)
    file.write_text(authority.root.pem + authority.inter.pem)
    _is(against(authority.server(), tls_ca_file=str(file)), Verdict.PASS, Reason.OK)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
class TestClientCertificate:
    """A server that demands a certificate: under TLS 1.3 it says so only after the handshake."""

    @pytest.fixture
    def demanding(self, authority, tmp_path, version):
        context = server_context(tmp_path, authority.server(), maximum_version=version)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca_file)
        return context

    def test_none_is_refused(self, against, demanding):
        outcome = against(None, context=demanding)
        _is(outcome, Verdict.FAIL, Reason.TLS)
        assert "it demands a certificate of ours" in outcome.detail

    def test_the_right_one_passes(self, against, demanding, authority, tmp_path):
        issued = authority.server(names=("director.example.org",))
        certificate, _ = issued.write(tmp_path, "client")
        key = issued.key_secret
        outcome = against(None, context=demanding, tls_client_certificate=certificate, tls_client_key=key)
        _is(outcome, Verdict.PASS, Reason.OK)
        assert not against.server.errors

    def test_the_wrong_one_is_refused(self, against, demanding, tmp_path):
        issued = issue("stranger")
        certificate, _ = issued.write(tmp_path, "stranger")
        key = issued.key_secret
        outcome = against(None, context=demanding, tls_client_certificate=certificate, tls_client_key=key)
        _is(outcome, Verdict.FAIL, Reason.TLS)
        assert f'says "unknown ca": it refuses our certificate {certificate}' in outcome.detail

    def test_a_server_that_only_asks_is_content_with_none(self, against, demanding):
        demanding.verify_mode = ssl.CERT_OPTIONAL
        _is(against(None, context=demanding), Verdict.PASS, Reason.OK)


def test_a_key_that_is_not_the_certificates_is_ours(against, authority, tmp_path):
    certificate, _ = authority.server().write(tmp_path, "client")
    other = Secret(issue("other").key_pem)
    outcome = against(authority.server(), tls_client_certificate=certificate, tls_client_key=other)
    _is(outcome, Verdict.UNKNOWN, Reason.LOCAL_FAULT)
    assert "the key is not this certificate's" in outcome.detail
    assert "PRIVATE" not in outcome.detail


def _old(folder, issued):
    """Return the context of a server of twenty years ago."""
    context = server_context(folder, issued)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= ssl.OP_NO_TLSv1_3 | ssl.OP_NO_TLSv1_2
    return context


@pytest.fixture
def old(tmp_path, authority):
    with pytest.warns(DeprecationWarning, match="OP_NO_"):
        return _old(tmp_path, authority.server())


def test_a_server_of_old_tls_only_is_refused_as_clients_refuse_it(against, old):
    outcome = against(None, context=old)
    _is(outcome, Verdict.FAIL, Reason.TLS)
    assert "it speaks no TLS version of 1.2 or newer" in outcome.detail


def test_a_server_of_old_tls_only_passes_where_that_is_allowed(against, old):
    outcome = against(None, context=old, tls_min_version="1.0")
    _is(outcome, Verdict.PASS, Reason.OK)
    assert outcome.facts["tls_version"] in {"TLSv1", "TLSv1.1"}


def test_a_floor_of_tls_1_3(against, authority, tmp_path):
    context = server_context(tmp_path, authority.server(), maximum_version=ssl.TLSVersion.TLSv1_2)
    _is(against(None, context=context), Verdict.PASS, Reason.OK)
    outcome = against(None, context=context, tls_min_version="1.3")
    _is(outcome, Verdict.FAIL, Reason.TLS)
    assert "it speaks no TLS version of 1.3 or newer" in outcome.detail


def test_no_cipher_in_common(against, authority, tmp_path):
    context = server_context(tmp_path, authority.server(), maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    outcome = against(None, context=context, tls_ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    _is(outcome, Verdict.FAIL, Reason.TLS)
    assert 'says "handshake failure": nothing in common' in outcome.detail


def _alert(level, number):
    return b"\x15\x03\x03\x00\x02" + bytes([level, number])


def _reset(peer):
    peer.recv(4096)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("talk", "reason", "words"),
    [
        (says(b"220 mail.example.org ESMTP\r\n", then=cut), Reason.TLS, "plain text: '220 mail.example.org ESMTP'"),
        (says(None, b"HTTP/1.1 400 Bad Request\r\n\r\n", then=cut), Reason.TLS, "plain text: 'HTTP/1.1 400 Bad"),
        (says(None, _alert(2, 40), then=cut), Reason.TLS, 'the realserver says "handshake failure"'),
        (says(None, _alert(2, 70), then=cut), Reason.TLS, "it speaks no TLS version of 1.2 or newer"),
        (says(None, _alert(2, 80), then=cut), Reason.TLS, "no certificate for the server name shop.example.org"),
        (says(None, _alert(2, 112), then=cut), Reason.TLS, "does not know the server name shop.example.org"),
        (says(None, _alert(2, 99), then=cut), Reason.TLS, "TLS handshake failed"),
        (says(None, then=cut), Reason.CLOSED, "closed the connection instead of answering the TLS handshake"),
        (says(None, b"\x16\x03\x03\x00\x50\x02", then=cut), Reason.CLOSED, "in the middle of the TLS handshake"),
        (says(None, b"\x16\x03\x03\x00\x04\x02\0\0\0", then=cut), Reason.TLS, "TLS handshake failed"),
        (_reset, Reason.RESET, "in the TLS handshake"),
    ],
)
def test_servers_that_speak_no_tls_or_refuse(talk, reason, words):
    with TlsServer(None, talk) as server:
        outcome = probe_once(server, tls_verify=False)
    _is(outcome, Verdict.FAIL, reason)
    assert words in outcome.detail


def test_a_server_that_hangs_in_the_handshake_costs_the_deadline():
    with TlsServer(None, read_to_the_end) as server:
        outcome = probe_once(server, timeout=0.1)
    _is(outcome, Verdict.FAIL, Reason.DEADLINE)
    assert "still in the TLS handshake" in outcome.detail
    assert outcome.phases.tls is None


def test_a_second_look_that_fails_leaves_the_first_finding(authority, tmp_path):
    """A server that shows its bad certificate only once."""
    context = server_context(tmp_path, authority.server(ends=-1))
    looks = []

    def once(peer):
        looks.append(peer)
        if len(looks) > 1:
            raise OSError("away")

    with TlsServer(context, prelude=once) as server:
        outcome = probe_once(server, tls_ca_file=authority.ca_file)
    _is(outcome, Verdict.FAIL, Reason.CERTIFICATE)
    assert "certificate refused: a certificate that has expired" == outcome.detail
    assert 2 == len(looks)


def test_handshakes_share_a_context_and_are_cheap(authority, tmp_path):
    """Reading the system's authorities takes 50 ms and more: not once per run."""
    with TlsServer(server_context(tmp_path, authority.server())) as server:
        probe_once(server, tls_ca_file=authority.ca_file)
        before = time.process_time()
        for _ in range(10):
            _is(probe_once(server, tls_ca_file=authority.ca_file), Verdict.PASS, Reason.OK)
        assert time.process_time() - before < 10 * 0.05


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tls_name": "Ünïcode.example"}, "tls_name: write a host name or an IP address in ASCII"),
        ({"tls_name": "https://shop.example.org"}, "tls_name: write a host name"),
        ({"tls_sni": "192.0.2.1"}, "tls_sni: write a host name in ASCII"),
        ({"tls_ca_file": "ca.pem"}, "tls_ca_file: write an absolute path"),
        ({"tls_warn_days": -1}, "write a number of days, or 0"),
        ({"tls_fail_days": 21}, "tls_warn_days: within tls_fail_days (21) it would never warn"),
        ({"tls_verify": False, "tls_name": "a.example"}, "tls_name: decides nothing while tls_verify is false"),
        ({"tls_verify": False, "tls_fail_days": 3}, "tls_fail_days: decides nothing while tls_verify is false"),
        ({"tls_client_certificate": "/x.pem"}, "tls_client_certificate and tls_client_key: give both or none"),
        ({"tls_client_key": Secret("x")}, "tls_client_certificate and tls_client_key: give both or none"),
        ({"tls_ciphers": "ROT13"}, "tls_ciphers: OpenSSL knows no cipher in 'ROT13'"),
        ({"tls_ciphers": "HIGH", "tls_min_version": "1.3"}, "tls_ciphers: they are of TLS 1.2 and older"),
        (
            {"tls_client_certificate": "/x.pem", "tls_client_key": Secret("-----BEGIN ENCRYPTED PRIVATE KEY-----")},
            "tls_client_key: the key is encrypted",
        ),
    ],
)
def test_settings_that_cannot_be_right(settings, says):
    with pytest.raises(ValueError, match=r"^tls_") as caught:
        TlsProbe(**settings)
    assert says in str(caught.value)


def test_the_hostname_matters_only_where_it_is_used():
    assert TlsProbe().uses_hostname
    assert not TlsProbe(tls_name="a.example").uses_hostname
    assert TlsProbe(tls_verify=False).uses_hostname
    assert not TlsProbe(tls_verify=False, tls_sni="").uses_hostname


def test_a_certificate_is_held_against_what_clients_connect_by():
    """A firewall mark has neither name nor VIP, and a realserver's own address is no client's business."""
    with pytest.raises(ValueError, match="tls_name: missing: a fwmark has no VIP"):
        aim(TlsProbe(), "10.1.0.11", 443)
    assert "192.0.2.10" == aim(TlsProbe(), "10.1.0.11", 443, vip="192.0.2.10").vip
    assert "a.example" == aim(TlsProbe(), "10.1.0.11", 443, hostname="a.example").hostname
    for probe in (TlsProbe(tls_name="a.example"), TlsProbe(tls_verify=False), ImapProbe()):
        assert "10.1.0.11" == aim(probe, "10.1.0.11", 443).address


def test_a_secret_key_is_not_shown():
    probe = TlsProbe(tls_client_certificate="/x.pem", tls_client_key=Secret("-----BEGIN PRIVATE KEY-----"))
    assert "BEGIN" not in repr(probe)


def test_close_notify_is_not_needed(authority, tmp_path):
    """A legacy server that cuts the connection has served all the same."""
    with TlsServer(server_context(tmp_path, authority.server()), cut) as server:
        _is(probe_once(server, tls_ca_file=authority.ca_file), Verdict.PASS, Reason.OK)
