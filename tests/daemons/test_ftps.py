"""ftp with TLS against vsftpd, Pure-FTPd and ProFTPD, over IPv4 and IPv6: healthy, refused, and set up wrongly."""

import re
import signal
from pathlib import Path

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, eventually
from daemons.ftp_servers import ANONYMOUS, JOE, proftpd, pure_ftpd, vsftpd
from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex

NAME = "shop.example.org"


class Site:
    """One directory to serve, a certificate, and who may log in where."""

    def __init__(self, start, served, issued=None):
        self._start = start
        self._served = served
        folder = served.parent
        self.authority = Authority(folder)
        self.certificate, self.key = (issued or self.authority.server)().write(folder, "ftp")
        self.both = folder / "both.pem"
        self.both.write_text(Path(self.key).read_text() + Path(self.certificate).read_text())

    def settings(self, **more):
        return {"tls": "starttls", "tls_name": NAME, "tls_ca_file": self.authority.ca_file, **more}

    def vsftpd(self, host=HOSTS[0], *more):
        lines = (
            f"ssl_enable=YES\nrsa_cert_file={self.certificate}\nrsa_private_key_file={self.key}\nssl_ciphers=HIGH\n"
            "allow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES"
        )
        return vsftpd(self._start, self._served, host, "\n".join([lines, *more])), ANONYMOUS

    def pure_ftpd(self, host=HOSTS[0], *more):
        options = more or ("--tls=3",)
        return pure_ftpd(self._start, self._served, host, "-E", f"--certfile={self.both}", *options), JOE

    def proftpd(self, host=HOSTS[0], *more):
        lines = (
            f"TLSEngine on\nTLSECCertificateFile {self.certificate}\nTLSECCertificateKeyFile {self.key}\n"
            f"TLSCertificateChainFile {self.certificate}\nTLSVerifyClient off\nTLSLog {self._served.parent}/tls.log"
        )
        return proftpd(self._start, self._served, host, "\n".join([lines, *(more or ("TLSRequired on",))])), JOE


@pytest.fixture
def site(start, served):
    return Site(start, served)


MAKES = ("vsftpd", "pure_ftpd", "proftpd")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("make", MAKES)
def test_a_healthy_server_passes_with_its_data_secured(site, make, host):
    """As they come out of the box: vsftpd and ProFTPD demand that the control connection's session is resumed."""
    server, who = getattr(site, make)(host)
    outcome = server.probe(
        **who, **site.settings(), expect=Regex(b"README$"), file="README", file_expect=Regex(b"ready")
    )
    assert Verdict.PASS is outcome.verdict, outcome
    facts = {name: outcome.facts[name] for name in ("entries_passive", "entries_active", "file_size")}
    assert {"entries_passive": 1, "entries_active": 1, "file_size": 6} == facts
    assert (make != "pure_ftpd") is outcome.facts["tls_data_resumed"]
    assert outcome.detail.endswith("certificate good for 59 days")
    large = server.probe(**who, **site.settings(), modes=("active",), file="pub/a b")
    assert (Verdict.PASS, 100_000) == (large.verdict, large.facts["file_size"]), large
    wrong = server.probe(**who, **site.settings(tls_name="www.example.org"))
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (wrong.verdict, wrong.reason)
    assert wrong.detail == f"certificate is for {NAME}, clients ask for www.example.org"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("make", "line"), [("vsftpd", "implicit_ssl=YES"), ("proftpd", "TLSOptions UseImplicitSSL")])
def test_implicit_tls(site, make, line, host):
    server, who = getattr(site, make)(host, line)
    outcome = server.probe(**who, **site.settings(tls="implicit"))
    assert (Verdict.PASS, 3) == (outcome.verdict, outcome.facts.get("entries_passive")), outcome
    outcome = server.probe(**who, timeout=0.3)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(
    ("make", "said"),
    [("vsftpd", "530 Anonymous sessions must"), ("pure_ftpd", "421 Sorry, cleartext"), ("proftpd", "550 SSL/TLS req")],
)
def test_a_login_in_clear_text_that_is_refused(site, make, said):
    server, who = getattr(site, make)()
    outcome = server.probe(**who)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)
    assert said in outcome.detail
    assert outcome.detail.endswith('; it serves nobody in clear text: set tls = "starttls"')
    assert Verdict.PASS is server.probe(**who, login="optional").verdict


@pytest.mark.parametrize("make", [vsftpd, pure_ftpd, proftpd])
def test_tls_that_is_not_offered(start, served, make):
    server = make(start, served, HOSTS[0])
    outcome = server.probe(**JOE, tls="starttls", tls_verify=False)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
    assert re.match(r"it offers no TLS: AUTH TLS is refused: 5\d\d ", outcome.detail)


@pytest.mark.parametrize(
    ("make", "more", "words"),
    [
        ("vsftpd", (), "passive mode: LIST fails on its data connection: 522 SSL connection failed"),
        ("proftpd", (), "passive mode: LIST fails on its data connection: 425 Unable to build"),
        ("proftpd", ("TLSProtocol TLSv1.2",), "passive mode: LIST fails on its data connection: 425 Unable to build"),
    ],
)
def test_a_session_that_must_be_resumed(site, make, more, words):
    """As clients see it that do not resume sessions, and as others do."""
    server, who = getattr(site, make)(HOSTS[0], *more)
    outcome = server.probe(**who, **site.settings(reuse_session=False))
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail
    assert "was not resumed from the control connection's: does the server demand that?" in outcome.detail
    assert server.probe(**who, **site.settings()).facts["tls_data_resumed"]


@pytest.mark.parametrize(
    ("make", "line"), [("vsftpd", "require_ssl_reuse=NO"), ("proftpd", "TLSOptions NoSessionReuseRequired")]
)
def test_a_session_that_need_not_be_resumed(site, make, line):
    server, who = getattr(site, make)(HOSTS[0], line)
    outcome = server.probe(**who, **site.settings(reuse_session=False))
    assert (Verdict.PASS, False) == (outcome.verdict, outcome.facts["tls_data_resumed"]), outcome


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ("vsftpd", "522 Data connections must"),
        ("pure_ftpd", "521 Data connection"),
        ("proftpd", "PROT is refused: 534"),
    ],
)
def test_data_in_clear_text_that_is_refused(site, make, words):
    server, who = getattr(site, make)()
    outcome = server.probe(**who, **site.settings(protect_data=False))
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_data_in_clear_text_that_is_allowed(site):
    for server, who in (site.pure_ftpd(HOSTS[0], "--tls=1"), site.proftpd(HOSTS[0], "TLSRequired off")):
        outcome = server.probe(**who, **site.settings(protect_data=False))
        assert (Verdict.PASS, False) == (outcome.verdict, "tls_data_resumed" in outcome.facts), outcome
        server.daemon.end()
    server, who = site.proftpd(HOSTS[0], "TLSRequired data")
    outcome = server.probe(**who)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert re.search(r"LIST is refused: 522 .*set tls = \"starttls\"$", outcome.detail), outcome


@pytest.mark.parametrize("make", MAKES)
def test_a_certificate_that_has_expired(start, served, make):
    site = Site(start, served, lambda: Authority(served.parent).server(ends=-3))
    server, who = getattr(site, make)()
    outcome = server.probe(**who, **site.settings(tls_ca_file=None))
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason), outcome
    assert outcome.detail.startswith("certificate expired 3 days ago")


@pytest.mark.parametrize("make", MAKES)
def test_a_daemon_that_hangs_or_is_gone(site, make):
    server, who = getattr(site, make)()
    server.daemon.stop()
    outcome = server.probe(**who, **site.settings(), timeout=0.4)
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
    server.daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: server.probe(**who, **site.settings())).verdict
    server.daemon.end()
    eventually(lambda: server.probe(**who, **site.settings()), lambda outcome: outcome.reason is Reason.REFUSED)
