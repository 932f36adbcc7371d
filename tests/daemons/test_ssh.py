"""ssh against OpenSSH's sshd on loopback: healthy, and in the ways that it fails."""

import contextlib
import getpass
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from daemons.conftest import HOSTS, answers, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.probes.ssh import SshProbe
from lvsmon.wire.ssh_kex import METHODS

TYPES = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}
CONF = """
ListenAddress 127.0.0.1:{port}
ListenAddress [::1]:{port}
PidFile {folder}/sshd.pid
UsePAM no
{keys}
{more}
"""


class Keys:
    """A host key of each type, and one that is no server's."""

    def __init__(self, folder):
        self.folder = folder
        for name, kind in [*((kind, kind) for kind in TYPES), ("other", "ed25519")]:
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", folder / name], check=True)

    def public(self, name):
        return (self.folder / f"{name}.pub").read_text()

    def fingerprint(self, name):
        found = subprocess.run(["ssh-keygen", "-lf", self.folder / name], check=True, capture_output=True, text=True)
        return found.stdout.split()[1]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def serve(start, keys, tmp_path):
    """Return a function that starts sshd with more lines of configuration."""
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd locks its children in

    def run(*more, types=tuple(TYPES)):
        port = free_port()
        hosts = "\n".join(f"HostKey {keys.folder}/{name}" for name in types)
        text = CONF.format(port=port, folder=tmp_path, keys=hosts, more="\n".join(more))
        daemon = start(
            "sshd", "-D", "-e", "-f", "{directory}/sshd.conf", files={"sshd.conf": text}, directory=tmp_path / "sshd"
        )
        eventually(lambda: probe_once(SshProbe(mode="banner"), port), answers)
        return daemon, port

    return run


@pytest.mark.parametrize("host", HOSTS)
def test_a_healthy_server_proves_the_keys_that_are_expected(serve, keys, host, tmp_path):
    daemon, port = serve()
    known = tmp_path / "known_hosts"
    known.write_text(f"[{host}]:{port} {keys.public('rsa')}* {keys.public('ed25519')}")
    for settings, types in [
        ({}, {"ssh-ed25519"}),
        ({"mode": "banner"}, None),
        ({"expect_banner": Regex(b"OpenSSH")}, {"ssh-ed25519"}),
        ({"host_keys": tuple(keys.public(name) for name in TYPES)}, set(TYPES.values())),
        ({"host_keys": (keys.fingerprint("rsa"),)}, None),
        ({"host_keys": tuple(keys.fingerprint(name) for name in TYPES)}, set(TYPES.values())),
        ({"known_hosts": str(known)}, {"ssh-rsa", "ssh-ed25519"}),
        ({"known_hosts": f"{keys.folder}/ecdsa.pub"}, {"ecdsa-sha2-nistp256"}),
    ]:
        outcome = probe_once(SshProbe(**settings), port, host)
        assert Verdict.PASS is outcome.verdict, (settings, outcome)
        if types is not None:
            assert types == set(outcome.facts["host_key_type"].split(", "))
    assert "probed by lvsmon" in daemon.log()


@pytest.mark.parametrize("method", METHODS)
def test_every_key_exchange_is_spoken(serve, keys, method):
    _, port = serve(f"KexAlgorithms {method}")
    outcome = probe_once(SshProbe(host_keys=(keys.fingerprint("ed25519"),)), port)
    assert Verdict.PASS is outcome.verdict, outcome
    assert method == outcome.facts["key_exchange"]


def test_another_host_key_fails(serve, keys, tmp_path):
    _, port = serve(types=("ed25519", "rsa"))
    known = tmp_path / "known_hosts"
    known.write_text(f"* {keys.public('other')}")
    revoked = tmp_path / "revoked"
    revoked.write_text(f"* {keys.public('ed25519')}@revoked * {keys.public('ed25519')}")
    for settings, words in [
        ({"host_keys": (keys.public("other"),)}, "would be warned"),
        ({"host_keys": (keys.fingerprint("other"),)}, "no host key is"),
        ({"host_keys": (keys.fingerprint("rsa"), keys.fingerprint("other"))}, "no host key is"),
        ({"host_keys": (keys.public("ecdsa"),)}, "no host key of type ecdsa-sha2-nistp256"),
        ({"host_keys": (keys.public("rsa"), keys.public("ecdsa"))}, "no host key of type ecdsa-sha2-nistp256"),
        ({"known_hosts": str(known)}, "would be warned"),
        ({"known_hosts": str(revoked)}, "revoked"),
    ]:
        outcome = probe_once(SshProbe(**settings), port)
        assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason), (settings, outcome)
        assert words in outcome.detail


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
            "weak ones: diffie-hellman-group14-sha1",
        ),
        ("HostKeyAlgorithms ssh-rsa", "weak ones: ssh-rsa"),
        ("Ciphers aes128-cbc,3des-cbc", "weak ones: aes128-cbc"),
    ],
)
def test_a_server_of_weak_algorithms_alone_is_named_so(serve, line, words):
    _, port = serve(line)
    outcome = probe_once(SshProbe(), port)
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail
    assert Verdict.PASS is probe_once(SshProbe(mode="banner"), port).verdict


def test_what_only_lvsmon_does_not_speak_says_nothing_of_the_server(serve):
    _, port = serve("KexAlgorithms sntrup761x25519-sha512@openssh.com")
    outcome = probe_once(SshProbe(), port)
    assert (Verdict.UNKNOWN, Reason.LOCAL_FAULT) == (outcome.verdict, outcome.reason), outcome


def test_a_server_whose_places_are_all_taken_is_told(serve):
    """One connection waits to log in, and MaxStartups is one."""
    _, port = serve("MaxStartups 1", "LoginGraceTime 60")
    with contextlib.ExitStack() as stack:

        def connect():
            """Return what sshd says; the place of the probe before is not free at once."""
            return stack.enter_context(socket.create_connection((HOSTS[0], port))).recv(100)

        eventually(connect, lambda said: said.startswith(b"SSH-2.0-"))
        outcome = probe_once(SshProbe(), port)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome
    assert "MaxStartups" in outcome.detail


def test_what_the_version_line_adds_is_shown(serve):
    _, port = serve("VersionAddendum lab")
    outcome = probe_once(SshProbe(), port)
    assert outcome.facts["banner"].endswith(" lab")


def test_a_stopped_and_an_ended_server(serve):
    daemon, port = serve()
    daemon.stop()
    assert Reason.DEADLINE is probe_once(SshProbe(), port, timeout=0.3).reason
    daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(SshProbe(), port)).verdict
    daemon.end()
    assert Reason.REFUSED is probe_once(SshProbe(), port).reason
