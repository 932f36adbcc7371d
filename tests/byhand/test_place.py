"""ADDRESS[:PORT]: what is one, and what a host name comes to."""

import socket
import threading

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Reason
from lvsmon.oneshot.byhand.place import Place, parse, resolve


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.0.2.10", Place("192.0.2.10", None, is_name=False)),
        ("192.0.2.10:80", Place("192.0.2.10", 80, is_name=False)),
        ("2001:db8::10", Place("2001:db8::10", None, is_name=False)),
        ("2001:DB8:0::10", Place("2001:db8::10", None, is_name=False)),
        ("[2001:db8::10]", Place("2001:db8::10", None, is_name=False)),
        ("[::1]:65535", Place("::1", 65535, is_name=False)),
        ("www.example.org", Place("www.example.org", None, is_name=True)),
        ("www.example.org.:25", Place("www.example.org", 25, is_name=True)),
        ("localhost:1", Place("localhost", 1, is_name=True)),
        ("4you.example", Place("4you.example", None, is_name=True)),
    ],
)
def test_what_is_a_place(text, place):
    assert place == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", ":80", "192.0.2.10:", "192.0.2.10:0", "192.0.2.10:65536", "192.0.2.10:http", "192.0.2.10:８0",
        "192.0.2", "192.0.2.300", "192.0.2.010", "2130706433", "0x7f.1", "10.0x1", "0.0.0.0", "::", "224.0.0.1",
        "255.255.255.255", "::ffff:192.0.2.1", "fe80::1%eth0", "192.0.2.0/24", "[192.0.2.10]:80", "[::1", "[::1]80",
        "[www.example.org]:80", "http://www.example.org/", "www example org", "-x.example.org", "ex..org", "é.example",
        "a" * 64 + ".example", "1" * 5000, "192.0.2.10:" + "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_what_to_write_instead(text):
    with pytest.raises(ValueError, match=r"write|IPVS"):
        parse(text)


def test_of_a_url_the_host_is_told_and_no_password_that_stands_in_it():
    with pytest.raises(ValueError, match=r"write '\[::1\]:8080' alone") as refused:
        parse("http://user:secret@[::1]:8080/health")
    assert "secret" not in str(refused.value)


def _answer(*addresses):
    return lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]


def test_the_address_that_the_host_itself_would_take_is_first(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", _answer("192.0.2.2", "192.0.2.1", "192.0.2.2"))
    assert ["192.0.2.2", "192.0.2.1"] == resolve("www.example.org", 5.0)


def test_loopback_has_an_address_of_the_family_that_is_asked_for():
    assert ["127.0.0.1"] == resolve("localhost", 5.0, socket.AF_INET)


@pytest.mark.parametrize("error", [socket.gaierror(-3, "Temporary failure in name resolution"), UnicodeError("x")])
def test_trouble_with_the_resolver_is_ours(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(LocalFault, match=r"the name www.example.org cannot be looked up here: (Temporary|x)") as caught:
        resolve("www.example.org", 5.0)
    assert Reason.LOCAL_NETWORK is caught.value.reason


def test_a_dead_resolver_costs_no_more_than_the_patience(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10) and [])
    with pytest.raises(LocalFault, match=r"took longer than 0.05 s: no name server answers"):
        resolve("www.example.org", 0.05)
    over.set()
