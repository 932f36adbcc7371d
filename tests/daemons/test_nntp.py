"""nntp against Leafnode, which is older than RFC 3977 and serves its standard input."""

import os
import sys

import pytest

from daemons.conftest import HOSTS, UNPACKED, answers, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.probes.imap import ImapProbe
from lvsmon.probes.nntp import NntpProbe

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Leafnode's files are at fixed places: that takes root")

LEAFNODE = UNPACKED / "leafnode"
ROOT = """
set -e
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/spool /mnt/etc
cp -r {unpacked}/var/spool/news /mnt/spool/news
printf 'server = news.example.org\nhostname = {fqdn}\n' > /mnt/etc/config
printf 'local.test 3 1 1700000000 A group\n' > /mnt/spool/news/leaf.node/groupinfo
chown -R news:news /mnt/spool/news /mnt/etc
mount -t overlay overlay -o lowerdir={unpacked}/usr:/usr /usr
mount -t overlay overlay -o lowerdir={unpacked}/etc:/etc /etc
mount --bind /mnt/etc /etc/news/leafnode
mount --bind /mnt/spool /var/spool
exec {python} {directory}/inetd.py
"""
INETD = """
import selectors, socket, subprocess
waiting = selectors.DefaultSelector()
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    waiting.register(socket.create_server((host, {port}), family=family), selectors.EVENT_READ)
children = []
while True:
    for key, _ in waiting.select():
        with key.fileobj.accept()[0] as peer:
            children.append(subprocess.Popen(["/usr/sbin/leafnode"], stdin=peer, stdout=peer, start_new_session=True))
    children = [child for child in children if child.poll() is None]
"""


@pytest.fixture(scope="module")
def serve(start, tmp_path_factory):
    if not LEAFNODE.is_dir():
        pytest.skip("leafnode is not unpacked: run `make daemons` as root on a Debian machine")

    def start_leafnode(fqdn):
        directory, port = tmp_path_factory.mktemp("leafnode"), free_port()
        root = ROOT.format(unpacked=LEAFNODE, fqdn=fqdn, python=sys.executable, directory=directory)
        files = {"root.sh": root, "inetd.py": INETD.format(port=port)}
        daemon = start(
            "unshare", "-m", "sh", "{directory}/root.sh", files=files, directory=directory, called="leafnode"
        )
        return daemon, port

    return start_leafnode


@pytest.fixture(scope="module")
def leafnode(serve):
    daemon, port = serve("news.lvsmon-tests.org")
    eventually(lambda: probe_once(NntpProbe(), port))
    return daemon, port


@pytest.mark.parametrize("host", HOSTS)
def test_a_healthy_server_passes(leafnode, host):
    _, port = leafnode
    outcome = probe_once(NntpProbe(mode_reader=True, posting=True, group="local.test", min_articles=1), port, host)
    assert Verdict.PASS is outcome.verdict, outcome
    assert outcome.facts["posting"]


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (NntpProbe(group="local.missing"), Reason.EXPECTATION),
        (NntpProbe(group="local.test", min_articles=4), Reason.EXPECTATION),
        (NntpProbe(tls="starttls"), Reason.REJECTED),
        (ImapProbe(), Reason.PROTOCOL),
    ],
)
def test_what_is_wrong_is_told(leafnode, probe, reason):
    outcome = probe_once(probe, leafnode[1])
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome


def test_a_server_that_is_set_up_wrong_says_so(serve):
    """Leafnode serves nobody under a name that others may have, too."""
    _, port = serve("localhost.localdomain")
    outcome = eventually(lambda: probe_once(NntpProbe(), port), answers)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason)
    assert "503 Leafnode must have a unique" in outcome.detail


def test_a_server_that_is_stopped_or_gone(serve):
    daemon, port = serve("news.lvsmon-tests.org")
    eventually(lambda: probe_once(NntpProbe(), port))
    daemon.stop()
    assert Reason.DEADLINE is probe_once(NntpProbe(), port, timeout=0.5).reason
    daemon.end()
    assert Reason.REFUSED is probe_once(NntpProbe(), port).reason
