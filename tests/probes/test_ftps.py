"""ftp with TLS (RFC 4217): when it is asked for, what it carries, and how it fails."""

import pytest

from lvsmon.errors import CertificateRefused, ConnectFailed, PeerClosed, TlsFailed
from lvsmon.model import Reason, Verdict
from lvsmon.probes.ftp import FtpProbe
from lvsmon.testing.network import Close, Hang, Script, ScriptedConnector, Secure, Send, run_scripted
from probes.mail_support import TARGET, dialogue, session

CLEAR = ("220 hello", "C: AUTH TLS", "234 go")
IN = ("C: USER ftp", "230 in")
PROTECTED = ("C: PBSZ 0", "200 PBSZ=0", "C: PROT P", "200 private")
PASV = ("C: TYPE A", "200 A", "C: PASV", "227 =10,1,0,11,200,0", "C: LIST", "150 here")
PORT = ("C: TYPE A", "200 A", "C: PORT 192,0,2,254,156,65", "200 ok", "C: LIST", "150 here")
QUIT = ("226 done", "C: QUIT", "221 bye", Close())
LISTED = (Secure(session()), Send(b"-rw- 1 a README\r\n"), Close())


def play(*control, data=LISTED, timeout=3.0, **settings):
    """Return the outcome and the streams opened; the data connection follows ``data``."""
    settings = {"user": "ftp", "tls": "starttls", "modes": ("passive",), **settings}
    connector = ScriptedConnector(Script(*dialogue(*control)), Script(*data))
    return run_scripted(FtpProbe(**settings), TARGET, connector, timeout), connector.opened


def failed(reason, words, *control, **more):
    outcome, _ = play(*control, **more)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail


def test_everything_but_the_greeting_is_said_in_tls_and_the_data_too():
    outcome, (control, data) = play(*CLEAR, Secure(session()), *IN, *PROTECTED, *PASV, *QUIT)
    assert (Verdict.PASS, 1) == (outcome.verdict, outcome.facts["entries_passive"]), outcome
    assert "certificate good for 100 days" in outcome.detail
    assert (control, [(FtpProbe(tls="starttls").profile(), "mail.example.org")]) == (data.resumes, data.secured)
    assert data.secured == control.secured
    assert "closed" == data.ended == control.ended


def test_in_active_mode_the_probe_is_the_client_of_tls_all_the_same():
    outcome, _ = play(*CLEAR, Secure(session()), *IN, *PROTECTED, *PORT, *QUIT, modes=("active",))
    assert (Verdict.PASS, False) == (outcome.verdict, outcome.facts["tls_data_resumed"]), outcome


def test_implicit_tls_is_there_from_the_first_byte_and_data_is_asked_to_be_secured_too():
    outcome, _ = play(Secure(session(days=3)), "220 hello", *IN, *PROTECTED, *PASV, *QUIT, tls="implicit")
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)
    assert (990, 21) == (FtpProbe(tls="implicit").default_port, FtpProbe().default_port)


def test_data_in_clear_text():
    open_to_all = ("C: PBSZ 0", "200 x", "C: PROT C", "200 clear")
    data = (Send(b"-rw- 1 a README\r\n"), Close())
    outcome, _ = play(*CLEAR, Secure(session()), *IN, *open_to_all, *PASV, *QUIT, data=data, protect_data=False)
    assert Verdict.PASS is outcome.verdict
    assert "tls_data_resumed" not in outcome.facts


def test_a_session_is_not_offered_where_told():
    outcome, (_, data) = play(*CLEAR, Secure(session()), *IN, *PROTECTED, *PASV, *QUIT, reuse_session=False)
    assert (Verdict.PASS, None) == (outcome.verdict, data.resumes)


@pytest.mark.parametrize(
    ("control", "reason", "words"),
    [
        (("220 x", "C: AUTH TLS", "500 what"), Reason.REJECTED, "it offers no TLS: AUTH TLS is refused: 500 what"),
        (("220 x", "C: AUTH TLS", "530 log in first"), Reason.REJECTED, "AUTH TLS is refused: 530 log in first"),
        (("220 x", "C: AUTH TLS", "200 ok"), Reason.PROTOCOL, "the answer to AUTH TLS is not 234: 200 ok"),
        (("421 full",), Reason.REJECTED, "421 full"),
        ((*CLEAR[:2], "234 go\r\n331 injected"), Reason.PROTOCOL, "it says more than it was asked: '331 injected'"),
        ((*CLEAR, Secure(TlsFailed("no cipher"))), Reason.TLS, "no cipher"),
        ((*CLEAR, Secure(session("www.example.org"))), Reason.CERTIFICATE, "certificate is for www.example.org"),
        ((*CLEAR, Secure(session()), *IN, "C: PBSZ 0", "200 x", "C: PROT P", "536 no"), Reason.REJECTED, "PROT is ref"),
        ((*CLEAR, Hang()), Reason.DEADLINE, "still in the TLS handshake"),
    ],
)
def test_what_fails_before_the_data(control, reason, words):
    failed(reason, words, *control)


def test_the_answer_to_pbsz_decides_nothing():
    """Some servers do not know it, and clients go on to PROT."""
    prot = ("C: PBSZ 0", "503 x", "C: PROT P", "200 x")
    outcome, _ = play(*CLEAR[:2], "334 go", Secure(session()), *IN, *prot, *PASV, *QUIT)
    assert Verdict.PASS is outcome.verdict, outcome


START = (*CLEAR, Secure(session()), *IN, *PROTECTED, *PASV)


@pytest.mark.parametrize("error", [TlsFailed("broken"), PeerClosed("gone"), ConnectFailed("reset")])
def test_a_data_connection_on_which_tls_fails(error):
    """What the server says of it on the control connection is told; where it says nothing, the deadline is kept."""
    words = f"passive mode: TLS on the data connection: {error}"
    failed(error.reason, f"{words}; it says 522 not like this", *START, "522 not like this", data=(Secure(error),))
    failed(error.reason, words, *START, Close(), data=(Secure(error),))
    failed(error.reason, words, *START, Hang(), data=(Secure(error),))
    failed(Reason.DEADLINE, "in the TLS handshake of a further connection", *START, data=(Hang(),))


def test_the_certificate_of_a_data_connection_is_judged_too():
    failed(
        Reason.CERTIFICATE, "certificate is for other.example", *START, *QUIT, data=(Secure(session("other.example")),)
    )
    refused = CertificateRefused("certificate refused: self-signed")
    failed(Reason.CERTIFICATE, "passive mode: TLS on the data", *START, *QUIT, data=(Secure(refused),))


def test_data_that_end_early():
    """A cut is told by the server's reply, not by a missing close_notify, which many never send."""
    failed(Reason.REJECTED, "LIST fails on its data connection: 426 cut; its TLS session was not", *START, "426 cut")


def test_a_server_that_hangs_up_within_tls_at_the_end_has_served():
    for end in (Close(), Hang()):
        outcome, _ = play(*START, "226 done", "C: QUIT", end)
        assert (Verdict.PASS if isinstance(end, Close) else Verdict.FAIL) is outcome.verdict


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tls_ca_file": "/x.pem"}, 'tls_ca_file: has no effect without tls = "starttls" or tls = "implicit"'),
        ({"protect_data": False}, "protect_data and reuse_session have no effect without tls"),
        ({"reuse_session": False}, "protect_data and reuse_session have no effect without tls"),
        (
            {"tls": "starttls", "protect_data": False, "reuse_session": False},
            "reuse_session has no effect with protect_data = false",
        ),
    ],
)
def test_settings_that_decide_nothing_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        FtpProbe(**settings)


@pytest.mark.parametrize(
    "text", ["530 Anonymous sessions must use encryption.", "550 SSL/TLS required on the control channel"]
)
def test_a_server_that_wants_tls_is_recognised(text):
    outcome, _ = play("220 x", "C: USER ftp", text, tls="none")
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)
    assert outcome.detail.endswith('set tls = "starttls"')
    optional, _ = play("220 x", "C: USER ftp", text, "C: QUIT", "221 x", tls="none", login="optional")
    assert Verdict.PASS is optional.verdict
