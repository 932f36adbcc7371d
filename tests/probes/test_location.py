"""A redirect that gives the realserver away, and redirects that do not."""

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.probes.base import aim
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.location import leak, seen_by_clients
from lvsmon.probes.statuses import Statuses
from lvsmon.testing.network import Script, ScriptedConnector, Send, Until, run_scripted

PLAIN = Target(address="10.1.0.11", port=8080, hostname="shop.example.org", vport=80, realserver="rs1")
SECURE = Target(address="10.1.0.11", port=8443, hostname="shop.example.org", vport=443, realserver="rs1")
OWN_ADDRESS = "which is the realserver's own address"
OWN_NAME = "which is the realserver's own name"


@pytest.mark.parametrize(
    ("scheme", "location", "found"),
    [
        ("http", "/elsewhere", None),
        ("http", "elsewhere?x=http://10.1.0.11/", None),
        ("http", "//shop.example.org/x", None),
        ("http", "http://shop.example.org/", None),
        ("http", "http://SHOP.example.org.:80/", None),
        ("http", "https://shop.example.org/", None),
        ("http", "https://shop.example.org:443/", None),
        ("http", "https://login.example.com:8443/", None),
        ("http", "mailto:root@10.1.0.11", None),
        ("http", "", None),
        ("http", "http://10.1.0.11/", OWN_ADDRESS),
        ("http", "HTTP://10.1.0.11:8080/x", OWN_ADDRESS),
        ("http", "//10.1.0.11/", OWN_ADDRESS),
        ("http", "http:\\\\10.1.0.11\\x", OWN_ADDRESS),
        ("http", "http://user@10.1.0.11/", OWN_ADDRESS),
        ("http", "http://rs1/", OWN_NAME),
        ("http", "http://rs1.internal.example.org/", OWN_NAME),
        ("http", "http://rs11.example.org/", None),
        ("http", "http://shop.example.org:8080/", "which is the realserver's own port, clients used 80"),
        ("http", "http://shop.example.org:81/", "which is another port, clients used 80"),
        ("http", "https://shop.example.org:8443/", "which is another port, clients used 80"),
        ("http", "http://localhost/", "which every client takes for itself"),
        ("http", "http://127.0.0.1:8080/", "which every client takes for itself"),
        ("http", "http://[::ffff:10.1.0.11]/", OWN_ADDRESS),
        ("http", "http://[::ffff:127.0.0.1]/", "which every client takes for itself"),
        ("http", "http://[::1]/", "which every client takes for itself"),
        ("http", "http://shop.example.org:port/", "which is no URL"),
        ("http", "http://[10.1.0.11/", "which is no URL"),
        ("https", "https://shop.example.org/", None),
        ("https", "//shop.example.org/", None),
        ("https", "http://shop.example.org/", "which is http, clients used https"),
        ("https", "http://partner.example.com/", None),
        ("https", "https://shop.example.org:8443/", "which is the realserver's own port, clients used 443"),
    ],
)
def test_leaks(scheme, location, found):
    target = PLAIN if scheme == "http" else SECURE
    assert found == leak(location.encode(), seen_by_clients(target, scheme, None), target)


@pytest.mark.parametrize(
    ("target", "host", "location", "leaks"),
    [
        # Nobody named what clients use: they use what is probed.
        (Target(address="10.1.0.11", port=8080), None, "http://10.1.0.11:8080/", False),
        (Target(address="10.1.0.11", port=8080), None, "http://10.1.0.11/", True),
        (Target(address="fd00::11", port=80), None, "http://[FD00:0::11]/", False),
        (Target(address="fd00::11", port=80, vip="2001:db8::1", vport=80), None, "http://[2001:db8:0::1]/", False),
        (Target(address="fd00::11", port=80, vip="2001:db8::1", vport=80), None, "http://[fd00:0::11]/", True),
        # A Host that is set is what clients use.
        (Target(address="10.1.0.11", port=80), "a.example:81", "http://a.example:81/", False),
        (Target(address="10.1.0.11", port=80), "a.example", "http://a.example:81/", True),
        (Target(address="10.1.0.11", port=80), "a.example", "http://10.1.0.11/", True),
        (Target(address="10.1.0.11", port=80, realserver="rs1.example.org"), "a.example", "http://rs1/", True),
        (Target(address="10.1.0.11", port=80, realserver="10.1.0.11"), "a.example", "http://10/", False),
    ],
)
def test_what_clients_use(target, host, location, leaks):
    assert leaks is (leak(location.encode(), seen_by_clients(target, "http", host), target) is not None)


def test_the_realservers_name_is_known_only_where_it_decides_something():
    assert "rs1" == aim(HttpProbe(), "::1", 1, realserver="rs1").realserver
    assert aim(HttpProbe(location_leak="ignore"), "::1", 1, realserver="rs1").realserver is None


def _run(status, location, **settings):
    answer = b"HTTP/1.1 %b\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location)
    connector = ScriptedConnector(Script(Until(b"\r\n\r\n"), Send(answer)))
    return run_scripted(HttpProbe(status=Statuses(((200, 399),)), **settings), PLAIN, connector)


@pytest.mark.parametrize("status", [b"201 Created", b"301 Moved", b"302 Found", b"303 See", b"307 x", b"308 x"])
def test_a_leak_is_what_is_set(status):
    outcome = _run(status, b"http://10.1.0.11/x")
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)
    assert "it redirects to http://10.1.0.11/x, which is the realserver's own address" == outcome.detail
    outcome = _run(status, b"http://10.1.0.11/x", location_leak="warn")
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)
    assert outcome.detail.endswith("but it redirects to http://10.1.0.11/x, which is the realserver's own address")
    assert Verdict.PASS is _run(status, b"http://10.1.0.11/x", location_leak="ignore").verdict
    assert Verdict.PASS is _run(status, b"http://shop.example.org/x").verdict


def test_a_location_that_clients_do_not_follow_leaks_nothing():
    assert Verdict.PASS is _run(b"200 OK", b"http://10.1.0.11/x").verdict


def test_a_redirect_that_was_not_wanted_says_what_it_leaks():
    connector = ScriptedConnector(Script(Until(b"\r\n\r\n"), Send(b"HTTP/1.1 302 F\r\nLocation: http://rs1/\r\n\r\n")))
    outcome = run_scripted(HttpProbe(), PLAIN, connector)
    assert (
        "status 302 F, wanted 200-299; it redirects to http://rs1/, which is the realserver's own name"
        == outcome.detail
    )
