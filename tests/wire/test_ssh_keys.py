"""Host keys as people write them, held against what ssh-keygen makes of the same."""

import base64
import hmac

import pytest

from lvsmon.wire.ssh_keys import Wanted, keys_in, parse_wanted

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="
KEY = parse_wanted(PUBLIC)


def _hashed(name):
    salt = b"0123456789abcdefghij"
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def test_a_fingerprint_is_that_of_ssh_keygen():
    assert Wanted("SHA256:" + "A" * 43) == parse_wanted(" SHA256:" + "A" * 43 + "= ")
    made = parse_wanted("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github.com")
    assert Wanted("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "ssh-ed25519") == made


@pytest.mark.parametrize(
    ("hosts", "port", "found"),
    [
        ("", 22, True), ("*", 22, True), ("login.example.org", 22, True), ("LOGIN.example.org", 22, True),
        ("a,login.example.org,b", 22, True), ("*.example.org", 22, True), ("*.example.org,!login.*", 22, False),
        ("login?example.org", 22, True), ("[login.example.org]:22", 22, False),
        ("[login.example.org]:2222", 2222, True), ("[login.example.org]:2223", 2222, False),
        ("login.example.org", 2222, True), ("other", 22, False),
        (_hashed("login.example.org"), 22, True), (_hashed("[login.example.org]:2222"), 2222, True),
        (_hashed("other"), 22, False), ("|1|??|??", 22, False), ("|1|", 22, False),
    ],
)  # fmt: skip
def test_a_line_is_for_the_names_that_it_names(hosts, port, found):
    keys, _ = keys_in(["# comment", "", f"{hosts} {PUBLIC} comment"], "login.example.org", port)
    assert ([KEY] if found else []) == keys


def test_a_line_with_the_port_goes_before_one_without():
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB=="
    keys, _ = keys_in([f"a {PUBLIC}", f"[a]:2222 {other}"], "a", 2222)
    assert [parse_wanted(other)] == keys


def test_marked_lines():
    keys, revoked = keys_in([f"@cert-authority * {PUBLIC}", f"@revoked * {PUBLIC}", "a ssh-dss AAAA"], "a", 22)
    assert ([], {KEY.fingerprint}) == (keys, revoked)


@pytest.mark.parametrize("line", ["a", "a ssh-ed25519", "a ssh-ed25519 ???", "@revoked", "@revoked *"])
def test_a_broken_line_is_named(line):
    with pytest.raises(ValueError, match="line 2: "):
        keys_in(["# one", line], "a", 22)
