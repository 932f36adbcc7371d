"""sip: final responses, provisional ones, those of others, and RFC 3261's timers."""

import re

import pytest

from lvsmon.errors import ConnectFailed
from lvsmon.model import Reason, Target, Verdict
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.sip import SipProbe
from lvsmon.probes.statuses import FinalStatuses
from lvsmon.testing.network import Close, Hang, Script, ScriptedConnector, Secure, Send, Wait, run_scripted
from probes.datagram_server import AnsweringNet

TARGET = Target(address="10.1.0.11", port=5060, hostname="sip.example.org", vip="192.0.2.10", vport=5060)


def made(start, *lines, **change):
    """Return a function of a request that makes a response to it; ``change`` replaces parts of its fields."""

    def make(request):
        text = request.decode()
        for old, new in change.items():
            text = re.sub(f"(?m)^{old}: (.*)$", f"{old}: {new}", text)
        copied = [line for line in text.split("\r\n") if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))]
        return "\r\n".join([start, *copied, *lines, "Content-Length: 0", "", ""]).encode()

    return make


OK = made("SIP/2.0 200 OK", "Server: x", "Allow: INVITE")
TRYING = made("SIP/2.0 100 Trying")


def says(*answers):
    """Return a server that gives every request ``answers``, each after a hundredth of a second more."""

    def answer(data, _):
        return [(0.01 * n, each(data) if callable(each) else each) for n, each in enumerate(answers, 1)]

    return answer


def outcome_of(answer, timeout=5.0, target=TARGET, **settings):
    net = AnsweringNet(answer)
    return run_scripted(SipProbe(**settings), target, net, timeout), net


RESPONSES = {
    "200": (OK, Reason.OK, "200 OK"),
    "200 without a reason": (made("SIP/2.0 200"), Reason.OK, "200"),
    "404": (made("SIP/2.0 404 Not Found"), Reason.REJECTED, "status 404 Not Found, wanted 200"),
    "503": (made("SIP/2.0 503 x", "Retry-After: 5"), Reason.REJECTED, "asked again after 5 s"),
    "warning": (made("SIP/2.0 400 x", 'Warning: 399 h "odd"'), Reason.REJECTED, 'it warns: 399 h "odd"'),
    "401": (made("SIP/2.0 401 Unauthorized"), Reason.AUTHENTICATION, "401"),
    "407": (made("SIP/2.0 407 Proxy"), Reason.AUTHENTICATION, "407"),
    "302": (made("SIP/2.0 302 x", "m: <sip:a>"), Reason.EXPECTATION, "redirects to <sip:a>"),
    "204": (made("SIP/2.0 204 x"), Reason.EXPECTATION, "204 x, wanted 200"),
    "600": (made("SIP/2.0 600 Busy"), Reason.REJECTED, "600 Busy"),
    "another branch": (made("SIP/2.0 200 OK", Via="SIP/2.0/UDP h;branch=z9hG4bK1"), Reason.PROTOCOL, "another request"),
    "another CSeq": (made("SIP/2.0 200 OK", CSeq="2 OPTIONS"), Reason.PROTOCOL, "another request"),
    "another method": (made("SIP/2.0 200 OK", CSeq="1 INVITE"), Reason.PROTOCOL, "another request"),
    "two Via": (made("SIP/2.0 200 OK", "Via: SIP/2.0/UDP p;branch=z9hG4bK2"), Reason.PROTOCOL, "with 2 Via"),
    "an echo": (lambda request: request, Reason.PROTOCOL, "not an answer of SIP"),
    "no SIP": (b"hello", Reason.PROTOCOL, "not an answer of SIP"),
    "keep-alives": (b"\r\n", Reason.DEADLINE, "no answer"),
    "trying": (TRYING, Reason.DEADLINE, "waiting for the final response, after 100 Trying"),
    "refused": (ConnectFailed("connection refused"), Reason.REFUSED, "refused"),
}


@pytest.mark.parametrize("case", RESPONSES)
def test_responses_over_udp(case):
    answer, reason, words = RESPONSES[case]
    outcome, _ = outcome_of(says(answer))
    assert (reason, True) == (outcome.reason, words in outcome.detail), outcome
    assert (Verdict.PASS if reason is Reason.OK else Verdict.FAIL) is outcome.verdict


@pytest.mark.parametrize("case", [case for case in RESPONSES if case not in {"keep-alives", "refused"}])
def test_responses_over_tcp(case):
    """The same, but that nobody else can have sent what belongs to another request."""
    answer, reason, words = RESPONSES[case]
    outcome = run_scripted(SipProbe(over="tcp"), TARGET, Answering(answer))
    assert (reason, True) == (outcome.reason, words in outcome.detail), outcome


class Answering(ScriptedConnector):
    """One stream whose peer makes its words of the request."""

    def __init__(self, *answers, secured=()):
        super().__init__(Script(*secured))
        self.answers = answers

    async def connect(self, address, port, /):
        stream = await super().connect(address, port)
        write = stream.write

        async def answering(data, /):
            await write(data)
            stream._steps += [Send(each(data) if callable(each) else each, 7) for each in self.answers]

        stream.write = answering
        self.stream = stream
        return stream


@pytest.mark.parametrize("wrong", [RESPONSES[case][0] for case in ("another branch", "two Via", "an echo", "no SIP")])
def test_a_right_response_counts_behind_a_wrong_one(wrong):
    """Over UDP, where anybody can have sent the wrong one; also where it comes seconds later."""
    assert Verdict.PASS is outcome_of(says(wrong, OK))[0].verdict
    late = lambda data, count: [(0.01, b"x")] if count > 1 else [(3.5, OK(data))]  # noqa: E731
    assert Verdict.PASS is outcome_of(late)[0].verdict


@pytest.mark.parametrize("over", ["udp", "tcp"])
def test_a_final_response_is_waited_for_through_provisional_ones(over):
    answers = (TRYING, made("SIP/2.0 180 Ringing"), made("SIP/2.0 183 Session"), OK)
    if over == "udp":
        outcome, _ = outcome_of(says(*answers))
    else:
        outcome = run_scripted(SipProbe(over="tcp"), TARGET, Answering(b"\r\n\r\n", *answers))
    assert (Verdict.PASS, "200 OK", "x") == (outcome.verdict, outcome.detail, outcome.facts["server"])


def test_endless_provisional_responses_are_no_answer():
    outcome = run_scripted(SipProbe(over="tcp"), TARGET, Answering(*[TRYING] * 99))
    assert (Verdict.FAIL, Reason.PROTOCOL) == (outcome.verdict, outcome.reason)


def test_the_request_is_sent_again_as_timer_e_says():
    """Section 17.1.2.2: after 0.5 s, doubling up to 4 s; every 4 s after a provisional response."""
    _, net = outcome_of(lambda _, __: [], timeout=20)
    assert [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5] == [at for at, _ in net.sent]
    assert 1 == len({data for _, data in net.sent})
    outcome, net = outcome_of(lambda data, count: says(TRYING)(data, count) if count == 1 else [], timeout=10)
    assert ([0.0, 0.5, 4.5], Reason.DEADLINE) == ([at for at, _ in net.sent], outcome.reason)
    outcome, net = outcome_of(lambda data, count: says(OK)(data, count) if count == 3 else [])
    assert (Verdict.PASS, 3) == (outcome.verdict, len(net.sent))


def test_what_the_realserver_is_asked():
    _, net = outcome_of(says(OK))
    lines = net.sent[0][1].decode().split("\r\n")
    assert ("OPTIONS sip:sip.example.org SIP/2.0", "Max-Forwards: 70") == (lines[0], lines[2])
    assert re.fullmatch(r"Via: SIP/2.0/UDP 192.0.2.254:40000;branch=z9hG4bK[0-9a-f]{24};rport", lines[1])
    assert re.fullmatch(r"From: <sip:lvsmon@192.0.2.254>;tag=[0-9a-f]{16}", lines[3])
    again = outcome_of(says(OK))[1].sent[0][1].decode().split("\r\n")
    assert not {lines[1], lines[3], lines[5]} & {*again}
    settings = {"uri": "sips:ops@[2001:db8::1]:99;user=phone", "from_uri": "sip:me@here", "max_forwards": 0}
    lines = outcome_of(says(OK), **settings, user_agent="")[1].sent[0][1].decode().split("\r\n")
    assert ("OPTIONS sips:ops@[2001:db8::1]:99;user=phone SIP/2.0", "Max-Forwards: 0") == (lines[0], lines[2])
    assert "To: <sips:ops@[2001:db8::1]:99;user=phone>" in lines
    assert not [line for line in lines if line.startswith("User-Agent")]


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        (Target(address="10.1.0.11", port=5060, vip="192.0.2.10", vport=5060), "sip:192.0.2.10"),
        (Target(address="10.1.0.11", port=5070, hostname="a.example", vport=5070), "sip:a.example:5070"),
        (Target(address="10.1.0.11", port=5070, vip="2001:db8::10", vport=5060), "sip:[2001:db8::10]"),
        (Target(address="fd00::1", port=5061), "sip:[fd00::1]:5061"),
    ],
)
def test_the_uri_is_what_clients_of_the_vip_ask_for(target, uri):
    assert f"OPTIONS {uri} SIP/2.0\r\n".encode() in outcome_of(says(OK), target=target)[1].sent[0][1]


def test_over_tls_the_port_and_the_via_are_those_of_tls():
    session = TlsSession(version="TLSv1.3", cipher="x", alpn=None, certificate=None, at=0.0)
    net = Answering(OK, secured=(Secure(session),))
    outcome = run_scripted(SipProbe(tls="implicit", tls_verify=False), TARGET, net)
    assert (Verdict.PASS, "TLSv1.3", 5061) == (
        outcome.verdict, outcome.facts["tls_version"], SipProbe(tls="implicit").default_port
    )  # fmt: skip
    assert b"Via: SIP/2.0/TLS 192.0.2.254:40000;branch=" in net.stream.written


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((Send(b"SIP/2.0 200 OK\r\n"), Close()), Reason.CLOSED),
        ((Close(),), Reason.CLOSED),
        ((Send(b"SIP/2.0 200 OK\r\n\r\n"),), Reason.PROTOCOL),
        ((Wait(1), Hang()), Reason.DEADLINE),
    ],
)
def test_connections_that_end_too_early_or_answers_without_an_end(steps, reason):
    assert reason is run_scripted(SipProbe(over="tcp"), TARGET, ScriptedConnector(Script(*steps))).reason


def test_statuses_that_are_set():
    statuses = FinalStatuses.read([200, "404-406", 603])
    for status, verdict in ((200, Verdict.PASS), (405, Verdict.PASS), (603, Verdict.PASS), (500, Verdict.FAIL)):
        assert verdict is outcome_of(says(made(f"SIP/2.0 {status} x")), status=statuses)[0].verdict
    for wrong in (100, "180-200", 700, []):
        with pytest.raises(ValueError, match="write a status from 200 to 699"):
            FinalStatuses.read(wrong)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"uri": "sip.example.org"}, "uri: write a SIP URI"),
        ({"uri": "sip:a b"}, "uri: write a SIP URI"),
        ({"uri": "sip:a\r\nX: y"}, "uri: write a SIP URI"),
        ({"from_uri": "sip:a>"}, "from_uri: write a SIP URI"),
        ({"user_agent": "x\r\nY: z"}, "user_agent: no control characters"),
        ({"max_forwards": 256}, "max_forwards: write a number from 0 to 255"),
        ({"max_forwards": -1}, "max_forwards: write a number from 0 to 255"),
        ({"retransmit": 0.0}, "retransmit: write a time longer than nothing"),
        ({"tls_verify": False}, 'tls_verify: has no effect without tls = "implicit"'),
        ({"tls": "implicit", "over": "udp"}, 'over: TLS is spoken over "tcp"'),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SipProbe(**settings)
