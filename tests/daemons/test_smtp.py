"""smtp and submission against Exim and OpenSMTPD: healthy, refused, slow, stopped, with another name."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from daemons.conftest import HOSTS, UNPACKED, eventually, probe_once
from daemons.exim import NAME, certify, settings, start_exim
from lvsmon.model import Reason, Verdict
from lvsmon.model.settings import Secret
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.probes.submission import SubmissionProbe

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mail servers change users: that takes root")

EXIM = """
smtp_accept_max = {most}
acl_smtp_connect = greet
acl_smtp_rcpt = recipient

begin acl

greet:
  accept delay = {delay}

recipient:
  accept local_parts = postmaster
  deny message = who is that

begin routers

begin transports

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = no
"""
OPENSMTPD = """
pki {name} cert "{certificate}"
pki {name} key "{key}"
listen on 127.0.0.1 port {port} tls pki {name} hostname {name}
listen on ::1 port {port} tls pki {name} hostname {name}
action "keep" maildir "{directory}/mail" alias {{ postmaster = mail }}
match from any for domain "example.org" action "keep"
"""
IN_ITS_OWN_ROOT = """
set -e
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/etc /mnt/spool /mnt/run /mnt/lib/opensmtpd/empty
for file in passwd group; do cp /etc/$file /mnt/etc/$file; done
for user in opensmtpd opensmtpq; do
    echo "$user:x:$((next = ${{next:-64900}} + 1)):$next::/nonexistent:/usr/sbin/nologin" >> /mnt/etc/passwd
    echo "$user:x:$next:" >> /mnt/etc/group
done
for file in passwd group; do mount --bind /mnt/etc/$file /etc/$file; done
mount -t overlay overlay -o lowerdir={unpacked}/usr:/usr /usr
mount --bind /mnt/spool /var/spool
mount --bind /mnt/lib /var/lib
mount --bind /mnt/run /run
mkdir -p /var/spool/mail
exec /usr/sbin/smtpd -d -f {directory}/smtpd.conf
"""
OPENSMTPD_ROOT = UNPACKED / "opensmtpd"


class Server:
    """A mail server and its port."""

    def __init__(self, port, daemon):
        self.port = port
        self.daemon = daemon

    def probe(self, probe, host="127.0.0.1", timeout=20.0):
        return probe_once(probe, self.port, host, timeout)


@pytest.fixture(scope="module")
def folder():
    """Return a folder that users with few rights can reach, too."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.fixture(scope="module")
def trust(folder):
    """Return settings that trust the authority and want the name; the server's files lie beside."""
    return certify(folder)


def _exim(start, folder, name, delay="0s", most=20):
    filled = {**settings(folder, name), "delay": delay, "most": most}
    return Server(filled["port"], start_exim(start, filled, EXIM))


@pytest.fixture(scope="module")
def exim(start, folder, trust):
    server = _exim(start, folder, "exim")
    eventually(lambda: server.probe(SmtpProbe()))
    return server


@pytest.fixture(scope="module")
def opensmtpd(start, folder, trust):
    if not OPENSMTPD_ROOT.is_dir():
        pytest.skip("opensmtpd is not unpacked: run `make daemons` as root on a Debian machine")
    filled = settings(folder, "opensmtpd")
    shutil.copy(folder / "server.key", filled["directory"] / "server.key")
    filled["key"] = filled["directory"] / "server.key"
    filled["key"].chmod(0o600)
    files = {
        "smtpd.conf": OPENSMTPD.format(**filled),
        "root.sh": IN_ITS_OWN_ROOT.format(**filled, unpacked=OPENSMTPD_ROOT),
    }
    daemon = start("unshare", "-m", "sh", "{directory}/root.sh", files=files, directory=filled["directory"])
    server = Server(filled["port"], daemon)
    eventually(lambda: server.probe(SmtpProbe()))
    return server


@pytest.fixture(params=["exim", "opensmtpd"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("host", HOSTS)
def test_a_healthy_server_passes(server, host):
    outcome = server.probe(SmtpProbe(rcpt_to="postmaster@example.org", extensions=("SIZE", "8BITMIME")), host)
    assert Verdict.PASS is outcome.verdict, outcome
    assert NAME == outcome.facts["banner"].split()[0]


@pytest.mark.parametrize("host", HOSTS)
def test_starttls(exim, trust, host):
    outcome = exim.probe(SmtpProbe(tls="starttls", rcpt_to="postmaster@example.org", **trust), host)
    assert Verdict.PASS is outcome.verdict, outcome
    assert "tls_version" in outcome.facts


def test_tls_that_is_offered_and_breaks(opensmtpd, trust):
    """Debian 12's OpenSMTPD offers STARTTLS and cannot sign with OpenSSL 3: clients that want TLS get nowhere."""
    outcome = opensmtpd.probe(SmtpProbe(tls="starttls", **trust))
    assert (Verdict.FAIL, Reason.TLS) == (outcome.verdict, outcome.reason), outcome
    assert "internal error" in outcome.detail


def test_helo_alone_passes(server):
    assert Verdict.PASS is server.probe(SmtpProbe(command="HELO")).verdict


def test_what_is_wrong_is_told(server, trust):
    for probe, reason in (
        (SmtpProbe(rcpt_to="nobody@elsewhere.example.com"), Reason.REJECTED),
        (SmtpProbe(tls="starttls", tls_name="other.example.org"), Reason.CERTIFICATE),
        (SmtpProbe(tls="implicit"), Reason.TLS),
        (SmtpProbe(auth=("GSSAPI",)), Reason.EXPECTATION),
        (ImapProbe(), Reason.PROTOCOL),
    ):
        outcome = server.probe(probe)
        assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome


def test_a_login_that_is_refused(exim, trust):
    assert Verdict.PASS is exim.probe(SubmissionProbe(auth=("PLAIN",), **trust)).verdict
    outcome = exim.probe(SubmissionProbe(username="probe", password=Secret("wrong"), **trust))
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason), outcome


def test_a_server_that_makes_clients_wait(start, folder, trust):
    """It would refuse who talks before its banner, as Exim does by default (smtp_enforce_sync)."""
    slow = _exim(start, folder, "slow", delay="2s")
    outcome = eventually(lambda: slow.probe(SmtpProbe(slow_banner=1.0)), lambda seen: seen.verdict is Verdict.WARN)
    assert outcome.facts["banner_seconds"] > 1
    assert "a slow banner: it took 2." in outcome.detail
    assert Reason.DEADLINE is slow.probe(SmtpProbe(), timeout=0.5).reason


def test_a_server_that_is_busy_or_stopped(start, folder, trust):
    busy = _exim(start, folder, "busy", most=1, delay="3s")
    eventually(lambda: busy.probe(SmtpProbe(), timeout=1.0), lambda seen: seen.reason is Reason.DEADLINE)
    busy.daemon.stop()
    assert Reason.DEADLINE is busy.probe(SmtpProbe(), timeout=0.5).reason
    busy.daemon.end()
    assert Reason.REFUSED is busy.probe(SmtpProbe()).reason
