"""imap: greeting, capabilities, TLS, login, a mailbox; chatter and literals in between."""

import pytest

from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.imap import ImapProbe, mailbox_name, quoted
from lvsmon.testing.network import Close, Hang, Reset, Secure
from probes.mail_support import play, session

HELLO = "* OK ready"
CAPABLE = ("C: a1 CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS IDLE AUTH=PLAIN\r\na1 OK done")
CREDENTIALS = {"username": "probe", "password": Secret('pass "word"')}
LOGIN = 'C: a2 LOGIN "probe" "pass \\"word\\""'
INBOX = ImapProbe(**CREDENTIALS, mailbox="INBOX")


def _bye(number):
    return f"C: a{number} LOGOUT", f"* BYE bye\r\na{number} OK done"


def test_a_whole_conversation():
    outcome = play(ImapProbe(capabilities=("idle", "AUTH=PLAIN")), HELLO, *CAPABLE, *_bye(2), Close())
    assert (Verdict.PASS, "OK ready") == (outcome.verdict, outcome.detail)
    assert {"banner": "ready", "capabilities": "IMAP4REV1 STARTTLS IDLE AUTH=PLAIN"} == outcome.facts


def test_messages_are_told_of_the_mailbox_that_was_opened_alone():
    """Some servers say EXISTS of whatever a connection was about before; nobody has logged in."""
    chatter = "C: a1 CAPABILITY", "* 5 EXISTS\r\n* CAPABILITY IMAP4rev1\r\na1 OK done"
    outcome = play(ImapProbe(), HELLO, *chatter, *_bye(2), Close())
    assert (Verdict.PASS, "OK ready", False) == (outcome.verdict, outcome.detail, "messages" in outcome.facts)


@pytest.mark.parametrize("end", [(Close(),), (Reset(),), ("* BYE", Close()), ("a2 BAD eh",)])
def test_a_server_that_hangs_up_has_served(end):
    assert Verdict.PASS is play(ImapProbe(), HELLO, *CAPABLE, "C: a2 LOGOUT", *end).verdict


def test_the_answer_that_never_came_is_named():
    assert play(ImapProbe(), HELLO, "C: a1 CAPABILITY", Hang()).detail.endswith("for the answer to CAPABILITY")


def test_capabilities_may_come_as_a_code():
    assert (
        Verdict.PASS is play(ImapProbe(), HELLO, "C: a1 CAPABILITY", "a1 OK [CAPABILITY IMAP4rev2] x", *_bye(2)).verdict
    )


def test_a_mailbox_is_opened_among_chatter():
    """Untagged data at any time, literals with something like an answer in them, codes that nobody knows."""
    outcome = play(
        INBOX,
        "* OK [X-NEW {5}] hi",
        "C: a1 CAPABILITY",
        "* OK still here\r\n* CAPABILITY IMAP4rev2\r\n* LIST () NIL {11}\r\na1 OK no!\r\n\r\na1 OK done\r\n* 1 RECENT",
        LOGIN,
        "* CAPABILITY IMAP4rev2 IDLE\r\n* 9 EXISTS\r\na2 OK [X] in",
        'C: a3 EXAMINE "INBOX"',
        "* FLAGS (\\Seen)\r\n* 17 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] x\r\na3 OK [READ-ONLY] done",
        *_bye(4),
    )
    assert (Verdict.PASS, "logged in, 17 messages in INBOX") == (outcome.verdict, outcome.detail)
    assert 17 == outcome.facts["messages"]


def test_a_name_in_any_script_is_sent_in_modified_utf_7():
    """The example of RFC 3501 section 5.1.3, and the two letters that need care."""
    assert "~peter/mail/&U,BTFw-/&ZeVnLIqe-" == mailbox_name("~peter/mail/台北/日本語")
    assert ("R&-D", "Entw&APw-rfe") == (mailbox_name("R&D"), mailbox_name("Entwürfe"))
    assert '"a\\\\b\\"c"' == quoted('a\\b"c')


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        ("a2 NO [AUTHENTICATIONFAILED] no", Reason.AUTHENTICATION, "the login is refused: NO [AUTH"),
        ("a2 NO no", Reason.AUTHENTICATION, "the login is refused"),
        ("a2 NO [UNAVAILABLE] later", Reason.REJECTED, "whatever the password"),
        ("a2 BAD eh", Reason.REJECTED, "the answer to LOGIN is a refusal: BAD eh"),
        ("* BYE shutting down", Reason.REJECTED, "it ends the conversation: BYE shutting down"),
        ("+ more", Reason.PROTOCOL, "it asks for more, but the command was 'a2'"),
        ("a1 OK again", Reason.PROTOCOL, "it answers 'a1', but the command was 'a2'"),
    ],
)
def test_refused_logins_are_told_apart(answer, reason, words):
    outcome = play(INBOX, HELLO, *CAPABLE, LOGIN, answer)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail
    assert "word" not in outcome.detail.replace("password", "")


@pytest.mark.parametrize(
    ("open_by", "answer", "reason", "words"),
    [
        ("EXAMINE", "a3 NO [NONEXISTENT] no", Reason.REJECTED, "the answer to EXAMINE INBOX is a refusal"),
        ("EXAMINE", "* FLAGS ()\r\na3 OK done", Reason.PROTOCOL, "how many messages"),
        ("SELECT", "* 1 EXISTS\r\na3 OK [READ-ONLY] done", Reason.EXPECTATION, "not be written to"),
    ],
)
def test_a_mailbox_that_does_not_open(open_by, answer, reason, words):
    probe = ImapProbe(**CREDENTIALS, mailbox="INBOX", open_by=open_by)
    outcome = play(probe, HELLO, *CAPABLE, LOGIN, "* 5 EXISTS\r\na2 OK", f'C: a3 {open_by} "INBOX"', answer)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_capabilities_are_held_against_what_is_offered_after_the_login():
    probe = ImapProbe(**CREDENTIALS, capabilities=("QUOTA",))
    before = (HELLO, *CAPABLE, LOGIN, "a2 OK")
    steps = ("C: a3 CAPABILITY", "* CAPABILITY IMAP4rev1 QUOTA\r\na3 OK", *_bye(4))
    assert "logged in" == play(probe, *before, *steps).detail
    assert "QUOTA is not offered" in play(probe, *before, "C: a3 CAPABILITY", "* CAPABILITY IMAP4\r\na3 OK").detail


STARTTLS = ImapProbe(tls="starttls")


def test_starttls_asks_again_within_tls():
    again = ("C: a3 CAPABILITY", "* CAPABILITY IMAP4rev1\r\na3 OK")
    outcome = play(STARTTLS, HELLO, *CAPABLE, "C: a2 STARTTLS", "a2 OK go", Secure(session()), *again, *_bye(4))
    assert (Verdict.PASS, "IMAP4REV1") == (outcome.verdict, outcome.facts["capabilities"])
    assert "TLSv1.3" == outcome.facts["tls_version"]


def test_tls_from_the_start_warns_of_a_certificate_that_ends():
    outcome = play(ImapProbe(tls="implicit"), Secure(session(days=3)), HELLO, *CAPABLE, *_bye(2))
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(
    ("probe", "steps", "reason", "words"),
    [
        (STARTTLS, (HELLO, "C: a1 CAPABILITY", "* CAPABILITY IMAP4\r\na1 OK"), Reason.EXPECTATION, "is not offered"),
        (STARTTLS, (HELLO, *CAPABLE, "C: a2 STARTTLS", "a2 BAD no"), Reason.REJECTED, "the answer to STARTTLS"),
        (STARTTLS, (HELLO, *CAPABLE, "C: a2 STARTTLS", "a2 OK\r\n* OK x"), Reason.PROTOCOL, "more than it was asked"),
        (STARTTLS, ("* PREAUTH hi",), Reason.EXPECTATION, "logged in already"),
        (INBOX, ("* PREAUTH hi",), Reason.EXPECTATION, "logged in already"),
        (
            INBOX,
            (HELLO, "C: a1 CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\na1 OK"),
            Reason.AUTHENTICATION,
            "(LOGINDISABLED): set tls",
        ),
        (ImapProbe(), ("* BYE too many",), Reason.REJECTED, "the greeting is a refusal: BYE too many"),
        (ImapProbe(), ("* CAPABILITY IMAP4rev1",), Reason.PROTOCOL, "not a greeting of IMAP"),
        (ImapProbe(), ("+OK ready",), Reason.PROTOCOL, "not an IMAP response"),
        (ImapProbe(), (HELLO, "C: a1 CAPABILITY", "a1 OK"), Reason.PROTOCOL, "no version of IMAP"),
        (ImapProbe(), (HELLO, "C: a1 CAPABILITY", "* CAPABILITY ACAP\r\na1 OK"), Reason.PROTOCOL, "no version of IMAP"),
        (ImapProbe(), (HELLO, *CAPABLE[:1], CAPABLE[1] + "\r\na2 OK done"), Reason.PROTOCOL, "before it is asked: 'OK"),
        (ImapProbe(), (HELLO, "C: a1 CAPABILITY", "* LIST {9}\r\nabc", Close()), Reason.CLOSED, "in the middle"),
        (ImapProbe(), (HELLO, "C: a1 CAPABILITY", "* 1 EXISTS", Hang()), Reason.DEADLINE, "no answer within"),
    ],
)  # fmt: skip
def test_failures_say_why(probe, steps, reason, words):
    outcome = play(probe, *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_preauth_passes_where_nobody_logs_in():
    outcome = play(ImapProbe(), "* PREAUTH hi", *CAPABLE, *_bye(2))
    assert (Verdict.PASS, True) == (outcome.verdict, outcome.facts["preauth"])


def test_the_banner_is_held_against_the_expectation():
    probe = ImapProbe(expect_banner=Regex(b"Dovecot"))
    assert Reason.EXPECTATION is play(probe, HELLO).reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mailbox": "INBOX"}, "mailbox: a mailbox can be opened only with"),
        ({"mailbox": "a\r\nb", **CREDENTIALS}, "mailbox: write 1 to"),
        ({"open_by": "SELECT"}, "open_by: has no effect"),
        ({"capabilities": ("",)}, "capabilities: write names"),
        ({"password": Secret("x")}, "give both or none"),
        ({"tls_verify": False}, "tls_verify: has no effect without tls"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        ImapProbe(**settings)


def test_only_the_certificate_makes_the_name_matter():
    assert (False, True) == (ImapProbe().uses_hostname, STARTTLS.uses_hostname)
    assert ImapProbe().memory_bound < STARTTLS.memory_bound
