"""rtsp: answers that are wanted, that are not, and logins of every kind."""

import re

import pytest

from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.monitor.transcript import Recorder, masked
from lvsmon.net.tls.values import TlsSession
from lvsmon.probes.rtsp import RtspProbe
from lvsmon.probes.statuses import Statuses
from lvsmon.secrets.masking import masker_of
from lvsmon.testing.network import Close, Reset, Script, ScriptedConnector, Secure, Send, Wait, run_scripted

TARGET = Target(address="10.1.0.11", port=554, hostname="media.example.org", vip="192.0.2.10", vport=554)
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\n"
PATH = {"path": "/live"}
LOGIN = {**PATH, "username": "probe", "password": Secret("wink wink")}


def answer(status="200 OK", *lines, cseq="{cseq}", body=b""):
    """Return a response to the request that it is said to, in which {cseq} stands for its number."""
    head = [f"RTSP/1.0 {status}", *([f"CSeq: {cseq}"] if cseq else []), *lines]
    return "\r\n".join([*head, *([f"Content-Length: {len(body)}"] if body else []), "", ""]).encode() + body


OPTIONS = answer("200 OK", "Public: OPTIONS, DESCRIBE", "Server: x")
DESCRIPTION = answer("200 OK", "Content-Type: application/sdp", "Content-Base: rtsp://h/live/", body=SDP)


class Server(ScriptedConnector):
    """Gives the requests of one connection ``answers`` in turn; after the last it is silent."""

    def __init__(self, *answers, secured=(), last=()):
        super().__init__(Script(*secured))
        self.answers = list(answers)
        self.last = last
        self.requests = []

    async def connect(self, address, port, /):
        stream = await super().connect(address, port)
        write = stream.write

        async def answering(data, /):
            await write(data)
            self.requests.append(data.decode())
            cseq = re.search(rb"CSeq: (\d+)", data)[1]
            if self.answers:
                stream._steps.append(Send(self.answers.pop(0).replace(b"{cseq}", cseq), 11))
            if not self.answers:
                stream._steps += self.last

        stream.write = answering
        return stream


def outcome_of(*answers, target=TARGET, last=(), **settings):
    net = Server(*answers, last=last)
    return run_scripted(RtspProbe(**settings), target, net), net


CASES = {
    "options alone": ((OPTIONS,), {}, Reason.OK, "OPTIONS: 200 OK"),
    "a description": ((OPTIONS, DESCRIPTION), PATH, Reason.OK, "DESCRIBE: 200 OK: video, audio"),
    "both kinds wanted": ((OPTIONS, DESCRIPTION), {**PATH, "media": ("audio", "video")}, Reason.OK, "video, audio"),
    "a kind is missing": ((OPTIONS, DESCRIPTION), {**PATH, "media": ("text",)}, Reason.EXPECTATION, "and no text"),
    "expected": ((OPTIONS, DESCRIPTION), {**PATH, "expect": Regex(b"RTP/AVP 96")}, Reason.OK, "200"),
    "not expected": ((OPTIONS, DESCRIPTION), {**PATH, "expect": Regex(b"H265")}, Reason.EXPECTATION, "expect"),
    "no media": ((OPTIONS, answer(body=b"v=0\r\ns=x")), PATH, Reason.OK, "no media"),
    "no description": ((OPTIONS, answer()), PATH, Reason.EXPECTATION, "no description came"),
    "another description": (
        (OPTIONS, answer("200 OK", "Content-Type: text/html", body=b"<p>")), PATH, Reason.EXPECTATION, "text/html, not"
    ),
    "rubbish as description": ((OPTIONS, answer(body=b"<html>")), PATH, Reason.PROTOCOL, "not a session description"),
    "404": ((OPTIONS, answer("404 Not Found")), PATH, Reason.REJECTED, "DESCRIBE: 404 Not Found, wanted 200"),
    "404 let pass": ((OPTIONS, answer("404 x")), {**PATH, "status": Statuses(((404, 404),))}, Reason.OK, "404"),
    "503": ((answer("503 Service Unavailable"),), PATH, Reason.REJECTED, "OPTIONS: 503"),
    "redirected": (
        (OPTIONS, answer("302 Moved", "Location: rtsp://b/live")), PATH, Reason.EXPECTATION, "redirects to rtsp://b/live"
    ),
    "a login is wanted": (
        (OPTIONS, answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')), PATH, Reason.AUTHENTICATION, "Basic"
    ),
    "another CSeq": ((answer(cseq="7"),), {}, Reason.PROTOCOL, "the answer to request 7, ours is 1"),
    "the first again": ((OPTIONS, answer(cseq="1")), PATH, Reason.PROTOCOL, "request 1, ours is 2"),
    "no CSeq": ((answer(cseq=""),), {}, Reason.PROTOCOL, "no CSeq"),
    "100 first": ((answer("100 Continue") + OPTIONS,), {}, Reason.OK, "200"),
    "100 for ever": ((answer("100 Continue") * 99,), {}, Reason.PROTOCOL, "none is a final one"),
    "media first": ((b"$\0\0\5\r\nRTS" + OPTIONS, b"$\1\0\0" + DESCRIPTION), PATH, Reason.OK, "video"),
    "an echo": ((b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",), {}, Reason.PROTOCOL, "not an answer of RTSP"),
    "HTTP": ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), {}, Reason.PROTOCOL, "not an answer of RTSP"),
    "silence": ((), {}, Reason.DEADLINE, "waiting for the answer to OPTIONS"),
    "silence in the middle": ((OPTIONS,), PATH, Reason.DEADLINE, "waiting for the answer to DESCRIBE"),
    "half a description": ((OPTIONS, DESCRIPTION[:-1]), PATH, Reason.DEADLINE, "answer to DESCRIBE"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_answers(case):
    answers, settings, reason, words = CASES[case]
    outcome, _ = outcome_of(*answers, **settings)
    assert (reason, True) == (outcome.reason, words in outcome.detail), outcome
    assert (Verdict.PASS if reason is Reason.OK else Verdict.FAIL) is outcome.verdict


@pytest.mark.parametrize(("last", "reason"), [(Close(), Reason.CLOSED), (Reset(), Reason.RESET)])
@pytest.mark.parametrize("answers", [(), (OPTIONS,), (OPTIONS, DESCRIPTION[:-9])])
def test_connections_that_end_too_early(answers, last, reason):
    assert reason is outcome_of(*answers, last=(Wait(0.1), last), **PATH)[0].reason


def test_what_the_realserver_is_asked():
    outcome, net = outcome_of(OPTIONS, DESCRIPTION, **PATH)
    uri = "rtsp://media.example.org/live"
    assert [
        f"OPTIONS {uri} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: lvsmon\r\n\r\n",
        f"DESCRIBE {uri} RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\nUser-Agent: lvsmon\r\n\r\n",
    ] == net.requests
    facts = outcome.facts
    assert ("x", "OPTIONS, DESCRIBE", "rtsp://h/live/") == (facts["server"], facts["public"], facts["content_base"])
    _, net = outcome_of(OPTIONS, version="2.0", user_agent="")
    assert ["OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n"] == net.requests
    target = Target(address="fd00::1", port=8554, vip="2001:db8::10", vport=8554)
    _, net = outcome_of(OPTIONS, target=target, **PATH)
    assert net.requests[0].startswith("OPTIONS rtsp://[2001:db8::10]:8554/live RTSP/1.0\r\n")


def wants(*challenges):
    return answer("401 Unauthorized", *(f"WWW-Authenticate: {each}" for each in challenges))


DIGEST = 'Digest realm="r", nonce="n1"'
LOGINS = {
    "basic": ((OPTIONS, wants('Basic realm="r"'), DESCRIPTION), {}, ["", "", "Basic"]),
    "basic from the start": ((wants('Basic realm="r"'), OPTIONS, DESCRIPTION), {}, ["", "Basic", "Basic"]),
    "digest": ((OPTIONS, wants(DIGEST), DESCRIPTION), {}, ["", "", "Digest"]),
    "the stronger": ((wants('Basic realm="r"', DIGEST), OPTIONS, DESCRIPTION), {}, ["", "Digest", "Digest"]),
    "digest alone": ((wants(DIGEST + ', Basic realm="r"'), OPTIONS, DESCRIPTION), {"scheme": "digest"}, ["", "Digest"]),
    "basic alone": ((wants(DIGEST, 'Basic realm="r"'), OPTIONS, DESCRIPTION), {"scheme": "basic"}, ["", "Basic"]),
    "a stale nonce": (
        (wants(DIGEST), OPTIONS, wants('Digest realm="r", nonce="n2", stale=true'), DESCRIPTION), {},
        ["", "n1", "n1", "n2"]
    ),
    "a nonce for each request": (
        (wants(DIGEST), OPTIONS, wants('Digest realm="r", nonce="n2"'), DESCRIPTION), {}, ["", "n1", "n1", "n2"]
    ),
    "no challenge": ((OPTIONS, DESCRIPTION), {}, ["", ""]),
}  # fmt: skip


@pytest.mark.parametrize("case", LOGINS)
def test_logins(case):
    answers, settings, said = LOGINS[case]
    outcome, net = outcome_of(*answers, **LOGIN, **settings)
    assert Verdict.PASS is outcome.verdict, outcome
    shown = [re.search("Authorization: ([^\r]*)", request) for request in net.requests]
    for found, wanted in zip(shown, said, strict=False):
        assert (found is None) == (wanted == "")
        assert found is None or wanted in found[1]


REFUSED = {
    "basic": (wants('Basic realm="r"'),) * 9,
    "digest": (wants(DIGEST),) * 9,
    "stale for ever": (wants(DIGEST + ", stale=true"),) * 9,
    "nothing that we have": (wants("Negotiate"),),
    "no challenge": (wants(),),
    "refused without another challenge": (wants(DIGEST), wants()),
    "refused later": (wants(DIGEST), OPTIONS, *(wants(DIGEST),) * 9),
    "refused at last": (OPTIONS, *(wants(DIGEST),) * 9),
}


@pytest.mark.parametrize("case", REFUSED)
def test_logins_that_are_refused(case):
    """A password is tried once, so that no account is locked, and again only where the nonce was too old."""
    outcome, net = outcome_of(*REFUSED[case], **LOGIN)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)
    tried = len([request for request in net.requests if "Authorization" in request])
    assert {"stale for ever": 2, "refused later": 3, "nothing that we have": 0, "no challenge": 0}.get(case, 1) == tried


@pytest.mark.parametrize("login", [{}, LOGIN])
def test_a_login_that_is_wanted_without_a_scheme_is_told_so(login):
    """RFC 2326 section 12.44 (RFC 2616 section 10.4.2) demands one; some cameras send none."""
    outcome, _ = outcome_of(wants(), **login)
    assert (Verdict.FAIL, Reason.AUTHENTICATION) == (outcome.verdict, outcome.reason)
    assert "it wants a login, and does not say by which scheme (" in outcome.detail


def test_nonces_are_counted():
    answers = (wants(DIGEST + ', qop="auth"'), OPTIONS, DESCRIPTION)
    _, net = outcome_of(*answers, **LOGIN)
    assert ["00000001", "00000002"] == [re.search("nc=(\\w+)", request)[1] for request in net.requests[1:]]
    cnonces = {re.search('cnonce="(\\w+)"', request)[1] for request in net.requests[1:]}
    assert 2 == len(cnonces)


@pytest.mark.parametrize("challenge", ['Basic realm="r"', DIGEST])
def test_no_secret_stands_in_a_dialogue(challenge):
    probe = RtspProbe(**LOGIN)
    net = Server(wants(challenge), answer("403 wink wink"))
    net.trace = Recorder()
    outcome = run_scripted(probe, TARGET, net)
    shown = repr((outcome, masked(net.trace.transcript(), masker_of(probe)), probe))
    assert "Authorization: ********" in shown
    assert "403 ********" in shown
    assert "wink" not in shown


def test_over_tls_the_scheme_and_the_port_are_those_of_tls():
    session = TlsSession(version="TLSv1.3", cipher="x", alpn=None, certificate=None, at=0.0)
    net = Server(OPTIONS, DESCRIPTION, secured=(Secure(session),))
    probe = RtspProbe(**PATH, tls="implicit", tls_verify=False)
    outcome = run_scripted(probe, Target(address="10.1.0.11", port=322, hostname="media.example.org"), net)
    assert (Verdict.PASS, "TLSv1.3", 322) == (outcome.verdict, outcome.facts["tls_version"], probe.default_port)
    assert net.requests[0].startswith("OPTIONS rtsps://media.example.org/live RTSP/1.0")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "live"}, 'path: begin with "/"'),
        ({"path": "/a b"}, 'path: begin with "/"'),
        ({"media": ("video",)}, "media and expect: are of the description"),
        ({"expect": Regex(b"x")}, "media and expect: are of the description"),
        ({**PATH, "expect": Regex(b"x*")}, "expect: 'x\\*' matches even the empty text"),
        ({**PATH, "media": ("video",), "status": Statuses(((404, 404),))}, "only status 200 comes with a description"),
        ({**PATH, "media": ("a b",)}, "media: write a kind of media"),
        ({**LOGIN, "username": None}, "username and password: give both"),
        ({**LOGIN, "username": "a:b"}, "username: no scheme"),
        ({**LOGIN, "username": ""}, "username: write a text"),
        ({**LOGIN, "password": Secret("a\r\nb")}, "password: write a text without control"),
        ({"scheme": "basic"}, "scheme: is how to log in"),
        ({"user_agent": "a\nb"}, "user_agent: no control characters"),
        ({"tls_verify": False}, 'tls_verify: has no effect without tls = "implicit"'),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RtspProbe(**settings)
