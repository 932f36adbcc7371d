"""ldap: bind, search, and what is found against what is expected."""

import re
from dataclasses import replace

import pytest

from ldap_messages import ber, bound, done, entry, extended, message, octets
from lvsmon.errors import TlsFailed
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.ldap import LdapProbe
from lvsmon.testing.network import Close, Hang, Reset, Script, ScriptedConnector, Secure, Send, Until, run_scripted
from lvsmon.wire import ldap_requests

TARGET = Target(address="10.1.0.11", port=389, hostname="ldap.example.org")
SESSION = TlsSession(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", alpn=None, certificate=None, at=0.0)
BIND = Until(ldap_requests.bind(2))
UNBIND = Until(ldap_requests.unbind(4))
BASE = "dc=x"
PEOPLE = {"base": BASE, "scope": "sub"}


def _run(*steps, timeout=3, **settings):
    return run_scripted(LdapProbe(**settings), TARGET, ScriptedConnector(Script(*steps)), timeout)


def _search(*answers, **settings):
    """Run against a server that binds and answers the search so."""
    return _run(BIND, Send(bound()), Until(b"\x63"), Send(b"".join(answers)), Hang(), **settings)


@pytest.mark.parametrize("chunk", [1, 7, 999])
def test_a_whole_conversation(chunk):
    outcome = _run(
        BIND,
        Send(bound(), chunk),
        Until(ldap_requests.search(3, "", "base", "(objectClass=*)", attribute="namingContexts", size_limit=1)),
        Send(entry(3, "", namingContexts=["dc=a", "dc=b"]) + done(), chunk),
        UNBIND,
        Close(),
    )
    assert (Verdict.PASS, "bound, and 1 entry found from the rootDSE") == (outcome.verdict, outcome.detail)
    assert {"entries": 1, "naming_contexts": "dc=a dc=b"} == outcome.facts


def test_a_bind_as_a_user():
    outcome = _run(
        Until(ldap_requests.bind(2, "cn=probe", "secret")),
        Send(bound()),
        Until(b"\x63"),
        Send(entry(3) + done()),
        UNBIND,
        bind_dn="cn=probe",
        password=Secret("secret"),
        base=BASE,
    )
    assert (Verdict.PASS, "bound as cn=probe, and 1 entry found from dc=x") == (outcome.verdict, outcome.detail)


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (49, Reason.AUTHENTICATION, "invalidCredentials (49)"),
        (48, Reason.AUTHENTICATION, "inappropriateAuthentication"),
        (13, Reason.AUTHENTICATION, "wants TLS first"),
        (51, Reason.REJECTED, "busy (51)"),
        (52, Reason.REJECTED, "unavailable (52)"),
        (53, Reason.REJECTED, "unwillingToPerform"),
        (14, Reason.REJECTED, "saslBindInProgress"),
        (99, Reason.REJECTED, "result code (99)"),
    ],
)
def test_refused_binds_are_told_apart(code, reason, words):
    outcome = _run(BIND, Send(bound(2, code, "go away")))
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail
    assert "it says 'go away'" in outcome.detail


def test_a_referral_of_the_bind_is_told():
    outcome = _run(BIND, Send(bound(2, 10, more=ber(0xA3, octets("ldap://master")))))
    assert Reason.REJECTED is outcome.reason
    assert "ldap://master" in outcome.detail


@pytest.mark.parametrize(
    ("answers", "reason", "words"),
    [
        ([done(3, 32)], Reason.EXPECTATION, "noSuchObject"),
        ([done()], Reason.EXPECTATION, "no entries found from dc=x"),
        ([done(3, 51)], Reason.REJECTED, "busy"),
        ([entry(3), done(3, 52)], Reason.REJECTED, "unavailable"),
        ([message(3, 0x73, octets("ldap://b")), done(3, 10)], Reason.REJECTED, "referral"),
        ([done(3, 50)], Reason.AUTHENTICATION, "insufficientAccessRights"),
        ([done(3, 3)], Reason.REJECTED, "timeLimitExceeded"),
        ([done(3, 4)], Reason.REJECTED, "sizeLimitExceeded"),
        ([entry(3), entry(3), done()], Reason.PROTOCOL, "more entries than the 1"),
        ([entry(2), done()], Reason.PROTOCOL, "an answer to message 2, ours was 3"),
        ([bound(3)], Reason.PROTOCOL, "another kind"),
        ([extended(3)], Reason.PROTOCOL, "another kind"),
        ([extended(0, 52, "closing", ber(0x8A, b"1.3.6.1.4.1.1466.20036"))], Reason.REJECTED, "ends the connection"),
        ([extended(0, 0, "", ber(0x8A, b"1.2.3"))], Reason.DEADLINE, ""),
        ([extended(0, 0, "", ber(0x8A, b"1.2.3"))] * 101, Reason.PROTOCOL, "answer nothing"),
        ([message(3, 0x73, octets("ldap://b"))] * 101, Reason.PROTOCOL, "answer nothing"),
        ([b"hello"], Reason.PROTOCOL, "not an LDAP message"),
    ],
)
def test_searches_that_fail_say_why(answers, reason, words):
    outcome = _search(*answers, base=BASE)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([BIND, Hang()], Reason.DEADLINE),
        ([BIND, Close()], Reason.CLOSED),
        ([BIND, Reset()], Reason.RESET),
        ([BIND, Send(bound(3))], Reason.PROTOCOL),
        ([BIND, Send(entry(2))], Reason.PROTOCOL),
        ([BIND, Send(done(2))], Reason.PROTOCOL),
        ([BIND, Send(message(2, 0x73, octets("ldap://b")))], Reason.PROTOCOL),
        ([BIND, Send(bound()[:5]), Close()], Reason.CLOSED),
        ([BIND, Send(bound()), Until(b"\x63"), Send(entry(3)), Close()], Reason.CLOSED),
        ([BIND, Send(bound()), Until(b"\x63"), Send(entry(3)), Hang()], Reason.DEADLINE),
    ],
)
def test_conversations_that_end_early(steps, reason):
    outcome = _run(*steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome


def test_a_server_that_hangs_up_after_its_answer_has_served():
    outcome = _run(BIND, Send(bound()), Until(b"\x63"), Send(entry(3) + done()), Reset())
    assert Verdict.PASS is outcome.verdict


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({"attribute": "cn"}, Verdict.PASS),
        ({"attribute": "CN", "value": "two"}, Verdict.PASS),
        ({"attribute": "cn", "value": "three"}, Verdict.PASS),
        ({"attribute": "cn", "value": "Two"}, Verdict.FAIL),
        ({"attribute": "cn", "expect": Regex(b"^thr")}, Verdict.PASS),
        ({"attribute": "cn", "expect": Regex(b"^hr")}, Verdict.FAIL),
        ({"attribute": "sn"}, Verdict.FAIL),
        ({"attribute": "empty"}, Verdict.FAIL),
        ({"attribute": "cn", "min_entries": 3}, Verdict.FAIL),
        ({"min_entries": 2}, Verdict.PASS),
        ({"max_entries": 2}, Verdict.PASS),
        ({"max_entries": 1}, Verdict.FAIL),
        ({"min_entries": 0, "max_entries": 1}, Verdict.FAIL),
    ],
)
def test_what_is_expected_of_entries(settings, verdict):
    answers = [
        entry(3, "cn=one", cn=["one", "two"], empty=[]),
        message(3, 0x79),
        entry(3, "cn=3", cn=["three"]),
        done(),
    ]
    outcome = _search(*answers, **PEOPLE, **settings)
    assert verdict is outcome.verdict, outcome
    assert verdict is Verdict.PASS or outcome.reason is Reason.EXPECTATION


def test_what_is_there_instead_is_said():
    outcome = _search(entry(3, "cn=1", cn=["one"], sn=["x"]), done(), **PEOPLE, attribute="cn", value="other")
    assert "cn is not 'other': entry 'cn=1' has 'one'" == outcome.detail
    assert "one" == outcome.facts["value"]
    outcome = _search(entry(3, "cn=1", cn=["one"], sn=["x"]), done(), **PEOPLE, attribute="commonName")
    assert "no commonName: entry 'cn=1' has other attributes: cn, sn" == outcome.detail


@pytest.mark.parametrize("code", [0, 4])
def test_enough_is_enough(code):
    """The server says that there are more than were asked for, or it does not."""
    assert Verdict.PASS is _search(entry(3), done(3, code), **PEOPLE).verdict
    assert Reason.EXPECTATION is _search(entry(3), entry(3), done(3, code), **PEOPLE, max_entries=1).reason


@pytest.mark.parametrize("code", [0, 32])
def test_nothing_may_be_what_is_wanted(code):
    assert Verdict.PASS is _search(done(3, code), **PEOPLE, min_entries=0, max_entries=0).verdict
    assert Reason.EXPECTATION is _search(entry(3), done(3, code), **PEOPLE, min_entries=0, max_entries=0).reason


def test_an_optional_login_takes_a_refusal_that_is_for_who_asks():
    assert Verdict.PASS is _run(BIND, Send(bound(2, 48)), UNBIND, login="optional").verdict
    assert Verdict.PASS is _search(done(3, 50), base=BASE, login="optional").verdict
    assert Verdict.FAIL is _run(BIND, Send(bound(2, 51)), login="optional").verdict
    assert Verdict.FAIL is _run(BIND, Close(), login="optional").verdict


START = Until(ldap_requests.start_tls(1))


def test_starttls_is_asked_for_and_then_spoken():
    steps = [START, Send(extended()), Secure(SESSION), BIND, Send(bound()), Until(b"\x63"), Send(entry(3) + done())]
    outcome = _run(*steps, UNBIND, tls="starttls", tls_verify=False)
    assert Verdict.PASS is outcome.verdict, outcome
    assert "TLSv1.3" == outcome.facts["tls_version"]


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ([START, Send(extended(1, 2, "unsupported"))], Reason.TLS, "StartTLS is refused: protocolError (2)"),
        ([START, Send(extended() + bound())], Reason.PROTOCOL, "in clear text"),
        ([START, Send(bound(1))], Reason.PROTOCOL, "another kind"),
        ([START, Send(extended()), Secure(TlsFailed("no"))], Reason.TLS, ""),
        ([START, Close()], Reason.CLOSED, ""),
    ],
)
def test_starttls_that_fails(steps, reason, words):
    outcome = _run(*steps, tls="starttls", tls_verify=False)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


def test_the_name_matters_only_with_tls():
    assert not LdapProbe().uses_hostname
    assert LdapProbe(tls="implicit").uses_hostname
    assert not replace(LdapProbe(tls="implicit"), tls_name="a.example.org").uses_hostname
    assert LdapProbe(tls="implicit").memory_bound > LdapProbe().memory_bound


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bind_dn": "cn=a"}, "give both"),
        ({"password": Secret("x")}, "give both"),
        ({"bind_dn": "cn=a", "password": Secret("")}, "anonymous"),
        ({"bind_dn": "", "password": Secret("x")}, "anonymous"),
        ({"bind_dn": "cn=a", "password": Secret("x"), "login": "optional"}, "login: "),
        ({"base": "nonsense"}, "distinguished name"),
        ({"scope": "one"}, "rootDSE"),
        ({"filter": "cn=a"}, "filter: write one"),
        ({"value": "x"}, "of which attribute"),
        ({"expect": Regex(b"x")}, "of which attribute"),
        ({"attribute": "*"}, "attribute: write"),
        ({"attribute": "1.1 "}, "attribute: write"),
        ({"attribute": "cn", "value": ""}, "empty"),
        ({"attribute": "cn", "value": "x", "expect": Regex(b"x")}, "give one"),
        ({"attribute": "cn", "expect": Regex(b"x*")}, "never fail"),
        ({"attribute": "cn", "min_entries": 0}, "at least one"),
        ({"min_entries": 2}, "from 0 to 1"),
        ({"base": BASE, "scope": "sub", "min_entries": 1001}, "from 0 to 1000"),
        ({"base": BASE, "scope": "sub", "min_entries": 2, "max_entries": 1}, "max_entries"),
        ({"tls_accept_cn": True}, "no effect without tls"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        LdapProbe(**settings)
