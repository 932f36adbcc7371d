"""imap, pop3, lmtp and submission against Dovecot: healthy, wrong password, wrong name, disabled, stopped."""

import grp
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from certificates import issue
from daemons.conftest import HOSTS, answers, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.lmtp import LmtpProbe
from lvsmon.probes.nntp import NntpProbe
from lvsmon.probes.pop3 import Pop3Probe
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.probes.submission import SubmissionProbe

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Dovecot changes users: that takes root")

NAME = "mail.example.org"
GOOD = {"username": "probe", "password": Secret('pass "word"')}
BAD = {"username": "probe", "password": Secret("wrong")}
CONFIG = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = /dev/stderr
protocols = imap pop3 lmtp submission
listen = 127.0.0.1, 127.0.0.2, ::1
hostname = {name}
login_greeting = {name} ready.
ssl = {ssl}
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = {secure}
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{directory}/mail/%u
namespace inbox {{
  inbox = yes
  mailbox Entwürfe {{
    auto = create
  }}
}}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {user}
mail_gid = {group}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {directory}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
protocol pop3 {{
  pop3_lock_session = yes
}}
"""
PORTS = ("imap", "imaps", "pop3", "pop3s", "lmtp", "submission")


class Dovecot:
    """One Dovecot with its ports; its files lie where the users that it changes to can reach them."""

    def __init__(self, start, folder, certificate, **settings):
        folder.mkdir()
        folder.chmod(0o711)
        (folder / "mail").mkdir(mode=0o700)
        os.chown(folder / "mail", pwd.getpwnam("mail").pw_uid, grp.getgrnam("mail").gr_gid)
        pem, key = certificate.write(folder, "server")
        self.ports = {port: free_port() for port in PORTS}
        filled = {"directory": folder, "certificate": pem, "key": key, "name": NAME, "user": "mail", "group": "mail"}
        filled |= {"ssl": "yes", "secure": "no", **self.ports, **settings}
        files = {"dovecot.conf": CONFIG.format(**filled), "users": 'probe:pass "word"\n'}
        self.daemon = start("dovecot", "-F", "-c", "{directory}/dovecot.conf", files=files, directory=folder)

    def probe(self, port, probe, host="127.0.0.1", timeout=20.0):
        return probe_once(probe, self.ports[port], host, timeout)


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.fixture(scope="module")
def authority():
    return issue("Test CA", ca=True)


@pytest.fixture(scope="module")
def trust(folder, authority):
    """Return settings that trust the authority and want the name."""
    (folder / "ca.pem").write_text(authority.pem)
    return {"tls_ca_file": str(folder / "ca.pem"), "tls_name": NAME}


@pytest.fixture(scope="module")
def dovecot(start, folder, authority):
    running = Dovecot(start, folder / "one", issue(NAME, by=authority, names=[NAME]))
    eventually(lambda: running.probe("imap", ImapProbe()))
    return running


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_imap(dovecot, trust, host, tls):
    settings = {} if tls == "none" else trust
    probe = ImapProbe(tls=tls, capabilities=("IDLE",), **GOOD, mailbox="INBOX", **settings)
    outcome = dovecot.probe("imaps" if tls == "implicit" else "imap", probe, host)
    assert (Verdict.PASS, 0) == (outcome.verdict, outcome.facts["messages"]), outcome
    assert ("tls_version" in outcome.facts) == (tls != "none")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_pop3(dovecot, trust, host, tls):
    settings = {} if tls == "none" else trust
    probe = Pop3Probe(tls=tls, capabilities=("UIDL", "SASL"), **GOOD, **settings)
    outcome = dovecot.probe("pop3s" if tls == "implicit" else "pop3", probe, host)
    assert (Verdict.PASS, 0) == (outcome.verdict, outcome.facts["messages"]), outcome


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_lmtp(dovecot, trust, host, tls):
    settings = {} if tls == "none" else trust
    probe = LmtpProbe(tls=tls, rcpt_to="probe", extensions=("PIPELINING",), **settings)
    outcome = dovecot.probe("lmtp", probe, host)
    assert Verdict.PASS is outcome.verdict, outcome


@pytest.mark.parametrize("host", HOSTS)
def test_submission(dovecot, trust, host):
    outcome = dovecot.probe("submission", SubmissionProbe(auth=("PLAIN", "LOGIN"), **trust), host)
    assert Verdict.PASS is outcome.verdict, outcome
    assert "PLAIN LOGIN" == outcome.facts["auth"]


def test_a_mailbox_with_another_name(dovecot):
    outcome = dovecot.probe("imap", ImapProbe(**GOOD, mailbox="Entwürfe", open_by="SELECT"))
    assert Verdict.PASS is outcome.verdict, outcome
    outcome = dovecot.probe("imap", ImapProbe(**GOOD, mailbox="Nowhere"))
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "Nowhere" in outcome.detail


@pytest.mark.parametrize(
    ("port", "probe"),
    [("imap", ImapProbe(**BAD)), ("pop3", Pop3Probe(**BAD)), ("submission", SubmissionProbe(tls="none", **BAD))],
)
def test_a_wrong_password(dovecot, port, probe):
    outcome = dovecot.probe(port, probe)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason), outcome


@pytest.mark.parametrize(
    ("port", "probe"),
    [
        ("imap", ImapProbe(tls="starttls", tls_name="other.example.org")),
        ("pop3s", Pop3Probe(tls="implicit", tls_name="other.example.org")),
        ("submission", SubmissionProbe(tls_name="other.example.org")),
    ],
)
def test_a_certificate_for_another_name_or_of_an_unknown_authority(dovecot, trust, port, probe):
    outcome = dovecot.probe(port, probe)
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason), outcome
    assert "it is for mail.example.org, clients ask for other.example.org" in outcome.detail


@pytest.mark.parametrize(
    ("port", "probe", "reason"),
    [
        ("pop3", ImapProbe(), Reason.PROTOCOL),
        ("imap", Pop3Probe(), Reason.PROTOCOL),
        ("imap", SmtpProbe(), Reason.PROTOCOL),
        ("imap", NntpProbe(), Reason.PROTOCOL),
        ("lmtp", SmtpProbe(), Reason.REJECTED),
        ("submission", LmtpProbe(), Reason.REJECTED),
        ("submission", NntpProbe(), Reason.PROTOCOL),
        ("imap", ImapProbe(tls="implicit"), Reason.TLS),
        ("imaps", ImapProbe(), Reason.DEADLINE),
    ],
)
def test_another_protocol_on_the_port(dovecot, port, probe, reason):
    outcome = dovecot.probe(port, probe, timeout=1.0 if reason is Reason.DEADLINE else 20.0)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome


def test_without_tls_and_with_passwords_in_tls_alone(start, folder, authority):
    """A Dovecot that is set up so that nobody can log in, and one that takes no password in clear text."""
    certificate = issue(NAME, by=authority, names=[NAME])
    bare = Dovecot(start, folder / "bare", certificate, ssl="no")
    strict = Dovecot(start, folder / "strict", certificate, secure="yes")
    for port, probe in (
        ("imap", ImapProbe(tls="starttls")),
        ("pop3", Pop3Probe(tls="starttls")),
        ("submission", SubmissionProbe()),
    ):
        outcome = eventually(lambda p=port, q=probe: bare.probe(p, q), lambda seen: seen.reason is Reason.EXPECTATION)
        assert "is not offered" in outcome.detail
    for port, probe in (("imap", ImapProbe(**GOOD)), ("pop3", Pop3Probe(**GOOD))):
        # Between two ends of one address Dovecot takes clear text for safe.
        outcome = eventually(lambda p=port, q=probe: strict.probe(p, q, "127.0.0.2"), answers)
        assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason), outcome
    strict.daemon.stop()
    assert Reason.DEADLINE is strict.probe("imap", ImapProbe(), timeout=0.5).reason
    strict.daemon.end()
    assert Reason.REFUSED is eventually(lambda: strict.probe("imap", ImapProbe()), lambda _: True).reason
