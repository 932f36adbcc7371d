"""tcp: connects, sends, expects, closes as told."""

import asyncio

import pytest

from certificates import Authority
from lvsmon.errors import CertificateRefused, ConnectFailed, LocalFault, TlsFailed
from lvsmon.model import Certificate, Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.steps import Steps
from lvsmon.probes.tcp import TcpProbe
from lvsmon.testing.network import (
    Close,
    Expect,
    Hang,
    Reset,
    Script,
    ScriptedConnector,
    Secure,
    Send,
    UntilEnd,
    run_scripted,
)
from net.tls_servers import TlsServer, says, server_context

TARGET = Target(address="10.1.0.11", port=7)


def _run(probe, *steps, target=TARGET):
    connector = ScriptedConnector(Script(*steps))
    return run_scripted(probe, target, connector), connector.opened[0]


def _steps(*written):
    return Steps.read(list(written))


def test_a_connection_is_enough():
    outcome, stream = _run(TcpProbe(), Hang())
    assert (Verdict.PASS, "connected", b"", "closed") == (outcome.verdict, outcome.detail, stream.written, stream.ended)


def test_close_by_reset_where_told():
    assert "reset" == _run(TcpProbe(close="reset"), Hang())[1].ended


@pytest.mark.parametrize(
    "probe",
    [
        TcpProbe(send=b"PI\0NG", expect=Regex(b"^PONG$")),
        TcpProbe(send_hex=b"PI\0NG", expect=Regex(b"^PONG$")),
    ],
)
def test_expect_matches_across_reads(probe):
    outcome, _ = _run(probe, Expect(b"PI\0NG"), Send(b"PONG", 1), Hang())
    assert (Verdict.PASS, "PONG") == (outcome.verdict, outcome.facts["banner"])


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ((Close(),), Reason.CLOSED, "without a word"),
        ((Send(b"NO"), Close()), Reason.CLOSED, "after 'NO'"),
        ((Send(b"NO"), Reset()), Reason.RESET, "reset"),
        ((Send(b"NO"), Hang()), Reason.DEADLINE, "no answer within 3 s: still talking"),
        ((Hang(),), Reason.DEADLINE, "still waiting for the first byte"),
        ((Send(b"x" * 100),), Reason.EXPECTATION, "in the first 10 bytes"),
    ],
)
def test_an_expectation_not_met_fails(steps, reason, words):
    outcome, _ = _run(TcpProbe(expect=Regex(b"PONG"), max_read=10), *steps)
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def test_a_connect_error_fails_whatever_is_expected():
    """Trap 25: an empty expectation is no pass."""
    for probe in (TcpProbe(), TcpProbe(expect=Regex(b"x"))):
        assert Reason.REFUSED is run_scripted(probe, TARGET, ScriptedConnector(ConnectFailed("refused"))).reason
        assert Verdict.UNKNOWN is run_scripted(probe, TARGET, ScriptedConnector(LocalFault("EMFILE"))).verdict


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"send": b"a", "send_hex": b"b"}, "give one of them"),
        ({"max_read": 0}, "write a size from 1B to 1MiB"),
        ({"expect": Regex(b"")}, "can never fail"),
        ({"expect": Regex(b"x*")}, "can never fail"),
        ({"steps": _steps({"send": "a"}), "expect": Regex(b"x")}, "write send and expect as steps too"),
        ({"steps": _steps({"starttls": True}, {"starttls": True})}, "TLS can start only once"),
        ({"steps": _steps({"starttls": True}), "tls": "implicit"}, "TLS can start only once"),
        ({"tls_name": "a.example"}, 'tls_name: has no effect without tls = "implicit"'),
        ({"tls": "implicit", "tls_ca_file": "x"}, "tls_ca_file: write an absolute path"),
    ],
)
def test_settings_that_decide_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TcpProbe(**settings)


NAMED = Target(address="10.1.0.11", port=7, hostname="mail.example.org")
STARTTLS = _steps(
    {"expect": "^220 .*\n"},
    {"send": "STARTTLS\\r\\n"},
    {"expect": "^220 .*\n"},
    {"starttls": True},
    {"send": "QUIT\\r\\n"},
    {"expect": "^221"},
)
PRELUDE = (Send(b"220 hello\r\n", 3), Expect(b"STARTTLS\r\n"), Send(b"220 go\r\n"))


def _session(*names, days=60.5, asked=False):
    certificate = Certificate(names=names or ("mail.example.org",), not_before=0, not_after=days * 86400)
    return TlsSession(version="TLSv1.3", cipher="X", certificate=certificate, at=0, asked_for_certificate=asked)


def test_steps_are_done_in_order_and_each_goes_on_after_the_match_before():
    steps = _steps({"expect": "a."}, {"expect": "a."}, {"send_hex": "0a"}, {"expect": "^c"})
    outcome, _ = _run(TcpProbe(steps=steps), Send(b"a1a2", 3), Expect(b"\n"), Send(b"c"), Hang())
    assert (Verdict.PASS, "c") == (outcome.verdict, outcome.facts["banner"])
    outcome, _ = _run(TcpProbe(steps=steps), Send(b"a1 but no more"), Close())
    assert (Verdict.FAIL, Reason.CLOSED) == (outcome.verdict, outcome.reason)
    assert "expect 'a.' did not match" in outcome.detail


def test_tls_from_the_start():
    probe = TcpProbe(tls="implicit", send=b"PING", expect=Regex(b"PONG"))
    outcome, stream = _run(probe, Secure(_session()), Expect(b"PING"), Send(b"PONG"), Hang(), target=NAMED)
    assert Verdict.PASS is outcome.verdict
    assert "connected with TLSv1.3, and it said 'PONG', certificate good for 60 days" == outcome.detail
    assert [(probe.profile(), "mail.example.org")] == stream.secured


def test_tls_judges_the_certificate_and_warns_of_its_end():
    outcome, _ = _run(TcpProbe(tls="implicit"), Secure(_session("rs2.example.org")), Hang(), target=NAMED)
    assert (Verdict.FAIL, Reason.CERTIFICATE) == (outcome.verdict, outcome.reason)
    outcome, _ = _run(TcpProbe(tls="implicit"), Secure(_session(days=3)), Hang(), target=NAMED)
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason)


def test_a_server_that_asks_for_a_certificate_is_heard_out():
    asked = Secure(_session(asked=True))
    assert Verdict.PASS is _run(TcpProbe(tls="implicit"), asked, UntilEnd(), Close(), target=NAMED)[0].verdict
    assert Reason.RESET is _run(TcpProbe(tls="implicit"), asked, UntilEnd(), Reset(), target=NAMED)[0].reason


def test_starttls_in_the_middle():
    outcome, stream = _run(
        TcpProbe(steps=STARTTLS), *PRELUDE, Secure(_session()), Expect(b"QUIT\r\n"), Send(b"221 bye\r\n"), Hang(),
        target=NAMED,
    )  # fmt: skip
    assert (Verdict.PASS, "221 bye") == (outcome.verdict, outcome.facts["banner"])
    assert 1 == len(stream.secured)


def test_a_refused_certificate_is_described_after_the_same_dialogue():
    refused = CertificateRefused("certificate refused: who knows")
    connector = ScriptedConnector(
        Script(*PRELUDE, Secure(refused)), Script(*PRELUDE, Secure(_session("rs2.example.org")))
    )
    outcome = run_scripted(TcpProbe(steps=STARTTLS), NAMED, connector)
    assert "it is for rs2.example.org, clients ask for mail.example.org" in outcome.detail


def test_what_was_said_before_tls_is_not_taken_for_what_is_said_in_it():
    """An attacker on the way may add clear text behind the answer to STARTTLS (RFC 3207 section 4.2)."""
    added = (*PRELUDE[:2], Send(b"220 go\r\n221 bye\r\n"))
    outcome, _ = _run(TcpProbe(steps=STARTTLS), *added, Secure(_session()), Expect(b"QUIT\r\n"), Hang(), target=NAMED)
    assert Reason.DEADLINE is outcome.reason


def test_no_starttls_no_pass():
    outcome, _ = _run(TcpProbe(steps=STARTTLS), Send(b"220 hello\r\n"), Expect(b"STARTTLS\r\n"), Send(b"502 what\r\n"))
    assert Reason.DEADLINE is outcome.reason
    outcome, _ = _run(TcpProbe(steps=STARTTLS), *PRELUDE, Secure(TlsFailed("no")), target=NAMED)
    assert Reason.TLS is outcome.reason


def test_the_hostname_matters_only_in_tls():
    assert not TcpProbe().uses_hostname
    assert TcpProbe(tls="implicit").uses_hostname
    assert TcpProbe(steps=STARTTLS).uses_hostname


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("x", "write a list of at most 64 steps"),
        ([{"starttls": True}] * 65, "write a list of at most 64 steps"),
        (["QUIT"], "step 0: write each step as a table with one of send"),
        ([{"send": "a", "expect": "b"}], "step 0: write each step as a table"),
        ([{"send": "a"}, {"say": "b"}], 'step 1: write each step as a table .*, not "say"'),
        ([{"starttls": False}], "step 0: write each step as a table"),
        ([{"send": ""}], "step 0: send: nothing would be sent"),
        ([{"send_hex": "zz"}], "step 0: send_hex: write bytes as pairs"),
        ([{"expect": "("}], "step 0: expect: not a regular expression"),
        ([{"expect": "x*"}], "step 0: expect: .* can never fail"),
    ],
)
def test_steps_that_are_written_wrongly(written, message):
    with pytest.raises(ValueError, match=message):
        Steps.read(written)


def test_steps_know_the_way_back():
    assert STARTTLS == Steps.read(STARTTLS.write())
    assert STARTTLS is Steps.read(STARTTLS)


def test_starttls_on_a_real_server_in_one_connection_where_it_passes(tmp_path):
    authority = Authority(tmp_path)
    good = authority.server(names=("mail.example.org",))

    def prelude(peer):
        peer.sendall(b"220 hello\r\n")
        assert peer.recv(100) == b"STARTTLS\r\n"
        peer.sendall(b"220 go\r\n")

    async def whole(server):
        target = Target(address="127.0.0.1", port=server.port, hostname="mail.example.org")
        probe = TcpProbe(steps=STARTTLS, tls_ca_file=authority.ca_file)
        return await in_reactor(lambda engine: run(probe, target, 10, engine))

    for issued, connections in ((good, 1), (authority.server(names=("mail.example.org",), ends=-1), 2)):
        context = server_context(tmp_path, issued)
        with TlsServer(context, says(None, b"221 bye\r\n"), prelude=prelude) as server:
            outcome = asyncio.run(whole(server))
        assert connections == server.accepted
        assert (Verdict.PASS if connections == 1 else Verdict.FAIL) is outcome.verdict, outcome
        assert issued is good or "certificate expired 1 day ago" in outcome.detail
