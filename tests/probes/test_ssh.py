"""ssh: the version, the proof of the host key, and servers that have neither."""

import re
import struct

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.probes.ssh import SshProbe
from lvsmon.testing.network import Close, Hang, Reset, Script, ScriptedConnector, Send, run_scripted
from lvsmon.wire import ssh
from lvsmon.wire.ssh_keys import fingerprint
from ssh_server import VERSION, HostKey, offer, packet, reply, string

TARGET = Target(address="10.1.0.11", port=22, hostname="login.example.org")
HELLO = VERSION + b"\r\n"
BANNER = SshProbe(mode="banner")
KEY = HostKey()


class Server(ScriptedConnector):
    """Says its version and offer at once, and answers the key exchange as ``answer`` makes it of what it heard."""

    def __init__(self, answer=None, *, own_offer=None, before=b"", chunk=65536):
        self._own_offer = own_offer or offer()
        self._answer = answer or (lambda heard: packet(reply(heard, KEY, own_offer=self._own_offer)))
        self._first = (before + HELLO + packet(self._own_offer), chunk)
        super().__init__()

    def _next(self, address, port):
        self.trace.connecting(address, port)
        self.trace.connected()
        return Script(Send(*self._first))

    async def connect(self, address, port, /):
        stream = await super().connect(address, port)
        write = stream.write

        async def answering(data):
            await write(data)
            if data[5:6] == b"\x1e":
                stream._steps.append(Send(self._answer(stream.written)))

        stream.write = answering
        return stream


def _run(*steps, probe=BANNER):
    return run_scripted(probe, TARGET, ScriptedConnector(Script(*steps)))


def _prove(server=None, **settings):
    return run_scripted(SshProbe(**settings), TARGET, server or Server())


def _replies(**lies):
    return lambda heard: packet(reply(heard, KEY, **lies))


def _says(*payloads):
    return lambda _: b"".join(map(packet, payloads))


@pytest.mark.parametrize("chunk", [1, 13, 999])
def test_a_host_key_is_proved(chunk):
    server = Server(before=b"Authorised use only\n\r\n", chunk=chunk)
    outcome = _prove(server, host_keys=(fingerprint(KEY.blob),))
    assert Verdict.PASS is outcome.verdict, outcome
    assert "SSH-2.0-Fake_1.0, proved the host key that is expected (ssh-ed25519)" == outcome.detail
    assert (fingerprint(KEY.blob), "ssh-ed25519") == (outcome.facts["host_key"], outcome.facts["host_key_type"])
    assert server.opened[0].written.endswith(ssh.disconnect("probed by lvsmon"))


def test_a_wrong_guess_and_idle_words_are_passed_over():
    own = offer(kex=b"ecdh-sha2-nistp256,curve25519-sha256", guesses=1)

    def answer(heard):
        """The server takes ecdh-sha2-nistp256 for the client's first choice and begins with it."""
        return packet(b"\x1eguess") + packet(b"\x02x") + packet(b"\x04debug") + packet(reply(heard, KEY, own_offer=own))

    assert Verdict.PASS is _prove(Server(answer, own_offer=own)).verdict


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (_replies(forge=lambda signature: signature[:-1] + b"x"), Reason.PROTOCOL, "does not fit"),
        (_replies(forge=lambda signature: signature[:0]), Reason.PROTOCOL, "beyond its end"),
        (_replies(version=b"SSH-2.0-Other"), Reason.PROTOCOL, "does not fit"),
        (_replies(forge=lambda signature: string(b"ssh-rsa") + signature[15:]), Reason.PROTOCOL, "not the ssh-ed25519"),
        (_replies(point=b"short"), Reason.PROTOCOL, "no point"),
        (_replies(point=bytes(32)), Reason.PROTOCOL, "no point"),
        (_says(b"\x1f" + string(b"ssh-ed25519") * 3), Reason.PROTOCOL, ""),
        (_says(b"\x1f"), Reason.PROTOCOL, "beyond its end"),
        (_says(b"\x15"), Reason.PROTOCOL, "where 31 belongs"),
        (_says(*[b"\x02x"] * 101), Reason.PROTOCOL, "say nothing"),
        (_says(b"\x01" + struct.pack(">I", 2) + string(b"go") + string(b"")), Reason.REJECTED, "'go'"),
        (lambda heard: heard, Reason.PROTOCOL, "no SSH packet"),
    ],
)
def test_answers_that_prove_nothing(answer, reason, words):
    outcome = _prove(Server(answer))
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("own", "verdict", "words"),
    [
        (offer(kex=b"diffie-hellman-group14-sha1,ext-info-s"), Verdict.FAIL, "only weak ones: diffie-hellman-group14"),
        (offer(keys=b"ssh-rsa,ssh-dss"), Verdict.FAIL, "only weak ones: ssh-rsa, ssh-dss"),
        (offer(ciphers=b"3des-cbc,arcfour128"), Verdict.FAIL, "only weak ones"),
        (offer(kex=b""), Verdict.FAIL, "at all"),
        (offer(keys=b"rsa-sha2-512"), Verdict.FAIL, "no host key of type ssh-ed25519, only ssh-rsa"),
        (offer(kex=b"sntrup761x25519-sha512"), Verdict.UNKNOWN, "lvsmon speaks"),
        (offer(kex=b"x" * 60000), Verdict.UNKNOWN, "lvsmon speaks"),
        (offer(kex=b"," * 2000), Verdict.FAIL, "no list of names"),
        (b"\x14" + bytes(16), Verdict.FAIL, "beyond its end"),
        (b"\x15", Verdict.FAIL, "where the key exchange begins"),
    ],
)
def test_offers_that_lead_nowhere(own, verdict, words):
    outcome = _prove(Server(own_offer=own), host_keys=("ssh-ed25519 " + "AAAAC3NzaC1lZDI1NTE5AAAAIA==",))
    assert verdict is outcome.verdict, outcome
    assert words in outcome.detail


def test_another_key_is_told_with_its_fingerprint():
    outcome = _prove(host_keys=(fingerprint(HostKey().blob),))
    assert Reason.EXPECTATION is outcome.reason
    assert fingerprint(KEY.blob) in outcome.detail


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ([Send(b"SSH-1.5-Old\r\n")], Reason.EXPECTATION, "protocol 1 alone"),
        ([Send(b"SSH-3.0-New\r\n")], Reason.PROTOCOL, "nobody knows"),
        ([Send(b"SSH-2.0\r\n")], Reason.PROTOCOL, "no SSH version"),
        ([Send(b"SSH-2.0-lvsmon\r\n")], Reason.PROTOCOL, "sends back"),
        ([Send(b"welcome\r\n"), Hang()], Reason.DEADLINE, ""),
        ([Send(b"HTTP/1.1 400 Bad Request\r\n"), Hang()], Reason.PROTOCOL, "no SSH: whatever listens here speaks HTTP"),
        ([Send(b"Exceeded MaxStartups\r\n"), Close()], Reason.REJECTED, "wait to log in"),
        ([Send(b"go away"), Close()], Reason.REJECTED, "'go away'"),
        ([Send(b"Exceeded MaxStartups\r\n"), Reset()], Reason.REJECTED, "wait to log in"),
        ([Close()], Reason.CLOSED, "before its version"),
        ([Reset()], Reason.RESET, ""),
        ([Send(b"x\n" * 1025)], Reason.PROTOCOL, "1024 lines"),
        ([Send(b"x" * 9000)], Reason.PROTOCOL, "more than 8192"),
    ],
)
def test_versions_that_are_none(steps, reason, words):
    outcome = _run(*steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


@pytest.mark.parametrize("line", [b"SSH-2.0-x\n", b"SSH-1.99-Cisco-1.25\n", b"hello\n\nSSH-2.0-a b c\r\n"])
def test_versions_that_clients_take(line):
    assert Verdict.PASS is _run(Send(line)).verdict


def test_a_penalty_of_ours_is_ours():
    outcome = _run(Send(b"Not allowed at this time\r\n"), Close())
    assert (Verdict.UNKNOWN, Reason.LOCAL_PERMISSION) == (outcome.verdict, outcome.reason)
    assert "PerSourcePenaltyExemptList" in outcome.detail


def test_the_banner_is_held_against_the_expectation():
    probe = SshProbe(mode="banner", expect_banner=Regex(b"OpenSSH"))
    assert Verdict.PASS is _run(Send(b"SSH-2.0-OpenSSH_9.9\r\n"), probe=probe).verdict
    assert Reason.EXPECTATION is _run(Send(b"SSH-2.0-dropbear\r\n"), probe=probe).reason


def test_a_file_that_cannot_be_used_is_ours(tmp_path):
    empty, broken, large = tmp_path / "empty", tmp_path / "broken", tmp_path / "large"
    empty.write_text("# nothing\nother.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n")
    broken.write_text("* ssh-ed25519 !!!\n")
    large.write_bytes(b"#" * 2**20 + b"\n")
    for path, words in [
        (tmp_path / "gone", "no such file"),
        (empty, "no key for login"),
        (broken, "line 1"),
        (large, "larger"),
    ]:
        outcome = _prove(known_hosts=str(path))
        assert (Verdict.UNKNOWN, Reason.LOCAL_FAULT) == (outcome.verdict, outcome.reason)
        assert words in outcome.detail


GOOD = "SHA256:" + "A" * 43
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host_keys": ("nonsense",)}, "host_keys: write"),
        ({"host_keys": ("MD5:" + "00:" * 15 + "00",)}, "MD5"),
        ({"host_keys": (GOOD[:-1],)}, "host_keys: write"),
        ({"host_keys": ("ssh-dss AAAA",)}, "none of"),
        ({"host_keys": ("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==",)}, "not of type ssh-rsa"),
        ({"host_keys": ("ssh-ed25519 ?",)}, "base64"),
        ({"host_keys": (GOOD, PUBLIC)}, "all as fingerprints"),
        ({"host_keys": (PUBLIC, PUBLIC)}, "one type"),
        ({"host_keys": (GOOD, GOOD)}, "twice"),
        ({"host_keys": tuple(GOOD[:-1] + letter for letter in "ABCDEFG")}, "at most"),
        ({"host_keys": (GOOD,), "known_hosts": "/x"}, "give one"),
        ({"host_keys": (GOOD,), "mode": "banner"}, "sees no host key"),
        ({"known_hosts": "relative"}, "absolute"),
        ({"expect_banner": Regex(b"")}, "never fail"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        SshProbe(**settings)


def test_the_name_matters_only_with_a_file():
    assert (False, True) == (SshProbe().uses_hostname, SshProbe(known_hosts="/x").uses_hostname)
