"""Any bytes in any split give SSH's reader the same events or the same ProtocolViolation, and nothing else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import assert_invariant
from lvsmon.wire import ssh, ssh_kex
from lvsmon.wire.ssh_keys import keys_in, parse_wanted
from ssh_server import HostKey, offer, packet, string

CUTS = st.lists(st.integers(0, 200), max_size=4)
WORDS = st.one_of(
    st.sampled_from([b"SSH-2.0-a\r\n", b"SSH-1.5-b\n", b"SSH-\n", b"hello\r\n", b"\n", packet(b"\x14abc"), offer()]),
    st.binary(max_size=40).map(lambda payload: packet(b"\x02" + payload)),
    st.binary(max_size=8),
)
KEY = HostKey()
FIELDS = st.lists(
    st.one_of(st.binary(max_size=8).map(string), st.sampled_from([KEY.blob, string(KEY.blob), KEY.sign(b"x")]),
              st.binary(max_size=6), st.binary(min_size=32, max_size=32).map(string)), max_size=6,
).map(b"".join)  # fmt: skip


@given(st.booleans(), st.lists(WORDS, max_size=8).map(b"".join), CUTS)
def test_any_bytes(greets, data, cuts):
    assert_invariant(ssh.SshReader, b"SSH-2.0-x\r\n" + data if greets else data, cuts)


@given(FIELDS)
def test_offers(data):
    for payload in (b"\x14" + data, b"\x14" + bytes(16) + data):
        with suppress(ProtocolViolation):
            ssh.parse_offer(payload)


FAST = [name for name in ssh_kex.METHODS if not name.endswith("sha512")]


@pytest.mark.parametrize("method", FAST)
def test_key_exchanges(method):
    exchange = ssh_kex.start(method, b"")

    @given(FIELDS)
    def hear(data):
        with suppress(ProtocolViolation):
            exchange.hear(b"\x1f" + data)

    hear()


@given(FIELDS, FIELDS, st.sampled_from(ssh_kex.HOST_KEY_ALGORITHMS), st.booleans())
def test_proofs(key, signature, algorithm, named):
    """Made-up keys and signatures are refused, whatever paramiko and OpenSSL make of them."""
    if named:
        key = string(ssh_kex.type_of(algorithm).encode()) + key
        signature = string(algorithm.encode()) + signature
    with pytest.raises(ProtocolViolation):
        ssh_kex.verify(ssh_kex.Proof(key, signature, b"digest"), algorithm)


@given(st.text(max_size=60), st.lists(st.sampled_from(["ssh-ed25519", "AAAA", "*", "|1|a|b", "@revoked", "a,!b", "#"])))
def test_what_people_write(text, words):
    for line in (text, " ".join(words), f"ssh-ed25519 {text}", f"|1|{text} ssh-rsa AAAA"):
        with suppress(ValueError):
            parse_wanted(line)
        with suppress(ValueError):
            keys_in([line], "a", 22)
