"""nntp: greeting, capabilities, MODE READER, login, a newsgroup."""

import pytest

from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.nntp import NntpProbe
from lvsmon.testing.network import Close, Hang, Secure
from probes.mail_support import play, session

CAPABLE = ("C: CAPABILITIES", "101 list\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\n.")
QUIT = ("C: QUIT", "205 bye")
GROUP = NntpProbe(group="news.announce", min_articles=2)
LOGIN = NntpProbe(username="probe", password=Secret("secret"))


def test_a_whole_conversation():
    outcome = play(NntpProbe(), "201 welcome", *CAPABLE, *QUIT)
    assert (Verdict.PASS, "201 welcome") == (outcome.verdict, outcome.detail)
    assert {"banner": "welcome", "posting": False, "capabilities": "VERSION 2, READER, STARTTLS"} == outcome.facts


@pytest.mark.parametrize("unknown", ["500 what", "501 eh", "503 not here", "480 log in"])
def test_a_server_that_tells_no_capabilities_passes(unknown):
    assert Verdict.PASS is play(NntpProbe(), "200 x", "C: CAPABILITIES", unknown, *QUIT).verdict


def test_mode_reader_decides_on_posting():
    probe = NntpProbe(mode_reader=True, posting=True)
    assert Verdict.PASS is play(probe, "201 x", "C: MODE READER", "200 x", *CAPABLE, *QUIT).verdict
    outcome = play(probe, "200 x", "C: MODE READER", "201 x", *CAPABLE)
    assert (Reason.EXPECTATION, "posting is not allowed: it answers 201, not 200") == (outcome.reason, outcome.detail)
    assert Reason.REJECTED is play(probe, "200 x", "C: MODE READER", "502 no").reason


def test_a_group_holds_what_is_wanted():
    outcome = play(GROUP, "200 x", *CAPABLE, "C: GROUP news.announce", "211 5 1 9 news.announce", *QUIT)
    assert (Verdict.PASS, 5, 9) == (outcome.verdict, outcome.facts["articles"], outcome.facts["highest"])


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        ("411 no such group", Reason.EXPECTATION, "there is no newsgroup news.announce"),
        ("211 1 1 1 news.announce", Reason.EXPECTATION, "holds 1 articles, fewer than 2"),
        ("211 many", Reason.PROTOCOL, "no three numbers"),
        ("480 log in", Reason.AUTHENTICATION, "480 log in"),
        ("403 broken", Reason.REJECTED, "403 broken"),
        ("200 eh", Reason.PROTOCOL, "is not 211"),
    ],
)
def test_a_group_that_is_not_as_wanted(answer, reason, words):
    outcome = play(GROUP, "200 x", *CAPABLE, "C: GROUP news.announce", answer)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_logins():
    user, word = "C: AUTHINFO USER probe", "C: AUTHINFO PASS secret"
    assert Verdict.PASS is play(LOGIN, "200 x", *CAPABLE, user, "381 more", word, "281 ok", *QUIT).verdict
    assert Verdict.PASS is play(LOGIN, "200 x", *CAPABLE, user, "281 ok", *QUIT).verdict
    assert Reason.AUTHENTICATION is play(LOGIN, "200 x", *CAPABLE, user, "381 more", word, "481 no").reason
    assert Reason.REJECTED is play(LOGIN, "200 x", *CAPABLE, user, "502 no").reason


STARTTLS = NntpProbe(tls="starttls")


def test_starttls():
    outcome = play(STARTTLS, "200 x", *CAPABLE, "C: STARTTLS", "382 go", Secure(session()), *CAPABLE, *QUIT)
    assert "200 x, certificate good for 100 days" == outcome.detail
    assert "STARTTLS is not offered" in play(STARTTLS, "200 x", "C: CAPABILITIES", "101\r\nREADER\r\n.").detail
    assert Reason.AUTHENTICATION is play(STARTTLS, "200 x", *CAPABLE, "C: STARTTLS", "483 no").reason


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        (("400 later",), Reason.REJECTED, "the greeting is a refusal: 400 later"),
        (("502 not you",), Reason.REJECTED, "the greeting is a refusal"),
        (("205 bye",), Reason.PROTOCOL, "the greeting is not 200 or 201: 205 bye"),
        (("220 mail ESMTP",), Reason.PROTOCOL, "the greeting is not 200 or 201"),
        (("200-x",), Reason.PROTOCOL, "not an NNTP answer"),
        (("200 x\r\n205 bye",), Reason.PROTOCOL, "more than it was asked"),
        (("200 x", "C: CAPABILITIES", "200 eh"), Reason.PROTOCOL, "is not 101"),
        (("200 x", "C: CAPABILITIES", "400 going down"), Reason.REJECTED, "going down"),
        (("200 x", "C: CAPABILITIES", "101 x\r\nVERSION 2", Close()), Reason.CLOSED, "in the middle"),
        (("200 x", "C: CAPABILITIES", Hang()), Reason.DEADLINE, "no answer within"),
    ],
)
def test_failures_say_why(steps, reason, words):
    outcome = play(NntpProbe(), *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"group": "a b"}, "group: write the name"),
        ({"min_articles": 1}, "min_articles: has no effect"),
        ({"min_articles": -1, "group": "x"}, "min_articles: write a number"),
        ({"username": "x"}, "give both or none"),
        ({"expect_banner": Regex(b"")}, "can never fail"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        NntpProbe(**settings)


def test_only_the_certificate_makes_the_name_matter():
    assert (False, True) == (NntpProbe().uses_hostname, STARTTLS.uses_hostname)
    assert NntpProbe().memory_bound < STARTTLS.memory_bound
    assert Reason.EXPECTATION is play(NntpProbe(expect_banner=Regex(b"INN")), "200 leafnode").reason
