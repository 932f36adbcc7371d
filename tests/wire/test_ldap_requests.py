"""LDAP requests, held against bytes written by hand from RFC 4511."""

import pytest

from ldap_messages import ber, octets
from lvsmon.wire import ldap_requests


def test_requests():
    assert ber(0x30, ber(2, b"\1"), ber(0x77, ber(0x80, b"1.3.6.1.4.1.1466.20037"))) == ldap_requests.start_tls(1)
    anonymous = ber(0x60, ber(2, b"\3"), octets(""), ber(0x80, b""))
    assert ber(0x30, ber(2, b"\2"), anonymous) == ldap_requests.bind(2)
    simple = ber(0x60, ber(2, b"\3"), octets("cn=é"), ber(0x80, b"secret"))
    assert ber(0x30, ber(2, b"\2"), simple) == ldap_requests.bind(2, "cn=é", "secret")
    assert ber(0x30, ber(2, b"\4"), b"\x42\0") == ldap_requests.unbind(4)


@pytest.mark.parametrize(("scope", "number"), [("base", 0), ("one", 1), ("sub", 2)])
def test_a_search(scope, number):
    wanted = ber(
        0x30,
        ber(2, b"\3"),
        ber(
            0x63,
            octets("dc=x"), ber(10, bytes([number])), ber(10, b"\0"), ber(2, b"\5"), ber(2, b"\0"), ber(1, b"\0"),
            ber(0xA0, ber(0xA3, octets("cn"), octets("a*b")), ber(0x87, b"sn")),
            ber(0x30, octets("mail")),
        ),
    )  # fmt: skip
    made = ldap_requests.search(3, "dc=x", scope, r"(&(cn=a\2ab)(sn=*))", attribute="mail", size_limit=5)
    assert wanted == made


@pytest.mark.parametrize(
    "text", ["", "cn=a", "(cn=a", "(&)", "(cn=a)(sn=b)", "(" * 9000, "(!" * 3000 + "(a=b)" + ")" * 3000]
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(ValueError, match="filter: write one such as"):
        ldap_requests.search(3, "", "base", text, attribute=None, size_limit=0)


@pytest.mark.parametrize("dn", ["x", "dc=", "=y", "dc=a,,dc=b", "dc=a,"])
def test_what_is_no_name_is_refused(dn):
    with pytest.raises(ValueError, match="base: write a distinguished name"):
        ldap_requests.check_dn("base", dn)


def test_a_password_that_cannot_be_sent_is_not_shown():
    with pytest.raises(ValueError, match="password: ") as refused:
        ldap_requests.bind(1, "cn=a", "sec\u0000ret")
    assert "sec" not in str(refused.value)
