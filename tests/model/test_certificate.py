"""Which names a certificate is for, as clients see it."""

from math import inf

import pytest

from lvsmon.model import Certificate


def _certificate(*names, addresses=(), cn=""):
    return Certificate(names=names, addresses=addresses, common_name=cn, not_before=0, not_after=inf)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("shop.example.org", "shop.example.org", True),
        ("Shop.Example.ORG", "shop.example.org", True),
        ("shop.example.org.", "shop.example.org", True),
        ("shop.example.org", "shop.example.org.", True),
        ("shop.example.org", "www.shop.example.org", False),
        ("shop.example.org", "example.org", False),
        ("*.example.org", "shop.example.org", True),
        ("*.example.org", "xn--bcher-kva.example.org", True),
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.example.org", ".example.org", False),
        ("*.example.org", "*.example.org", True),
        ("s*.example.org", "shop.example.org", False),
        ("*shop.example.org", "shop.example.org", False),
        ("shop.*.org", "shop.example.org", False),
        ("*.*.org", "shop.example.org", False),
        ("*.org", "example.org", False),
        ("*", "localhost", False),
        ("localhost", "localhost", True),
        ("", "shop.example.org", False),
        ("shop.example.org\0.evil.example", "shop.example.org", False),
    ],
)
def test_a_name_matches_as_in_clients(pattern, name, matches):
    assert matches is _certificate(pattern).is_for(name)


def test_an_address_matches_addresses_only():
    """A dNSName that looks like an address is for nobody; IPv6 is compared as an address, not as text."""
    certificate = _certificate("192.0.2.1", addresses=("192.0.2.2", "2001:db8::1"))
    assert not certificate.is_for("192.0.2.1")
    assert certificate.is_for("192.0.2.2")
    assert certificate.is_for("2001:DB8:0::1")
    assert not _certificate("*.0.2.1").is_for("192.0.2.1")


def test_the_common_name_counts_only_where_asked_and_alone():
    assert not _certificate(cn="a.example.org").is_for("a.example.org")
    assert _certificate(cn="a.example.org").is_for("a.example.org", accept_cn=True)
    assert _certificate(cn="*.example.org").is_for("a.example.org", accept_cn=True)
    assert _certificate(cn="192.0.2.1").is_for("192.0.2.1", accept_cn=True)
    assert not _certificate("b.example.org", cn="a.example.org").is_for("a.example.org", accept_cn=True)
    assert not _certificate(addresses=("192.0.2.1",), cn="a.example.org").is_for("a.example.org", accept_cn=True)


def test_a_description_is_bounded():
    names = [f"{'x' * 300}{index}.example.org" for index in range(200)]
    assert len(_certificate(*names).described()) < 400
    assert _certificate(*names).described().endswith(" and 196 more")
    assert "no name but its CN a" == _certificate(cn="a").described()
    assert "no name at all" == _certificate().described()
