"""http and https with version = "2": by prior knowledge and by ALPN, one request and several."""

import asyncio
import socket
import threading

import h2.config
import h2.connection
import h2.events
import hpack
import pytest

from http2_frames import HEADERS, PREFACE, answer, client_frames, data, frame, goaway, headers, reset, settings
from lvsmon.model import Certificate, Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import run as run_for_real
from lvsmon.net.nested import in_reactor
from lvsmon.net.tls.values import TlsProfile, TlsSession
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.http_request import FurtherRequests
from lvsmon.probes.https import HttpsProbe
from lvsmon.secrets.masking import masker_of
from lvsmon.testing.network import Close, Hang, Reset, Script, ScriptedConnector, Secure, Send, Until, run_scripted

TARGET = Target(address="10.1.0.11", port=80, hostname="shop.example.org", vport=80)
START = Until(PREFACE)


def run(probe, *scripts, target=TARGET):
    connector = ScriptedConnector(*[Script(*steps) for steps in scripts])
    return run_scripted(probe, target, connector), connector


def asked(stream):
    """Return the header lists of the requests that were written."""
    decoder = hpack.Decoder()
    return [dict(decoder.decode(payload)) for kind, *_, payload in client_frames(stream.written) if kind == HEADERS]


@pytest.mark.parametrize("chunk", [1, 7, 65536])
def test_by_prior_knowledge(chunk):
    probe = HttpProbe(
        version="2", path="/x", headers={"X-A": "b"}, username="me", password=Secret("pässword"),
        expect=Regex(b"^ready$"),
    )  # fmt: skip
    outcome, connector = run(probe, [START, Send(answer(b"ready", (b"server", b"x")), chunk), Hang()])
    assert (Verdict.PASS, "200, 5 bytes") == (outcome.verdict, outcome.detail)
    assert "x" == outcome.facts["server"]
    (request,) = asked(connector.opened[0])
    assert {
        ":method": "GET", ":scheme": "http", ":authority": "shop.example.org", ":path": "/x", "user-agent": "lvsmon",
        "accept": "*/*", "accept-encoding": "identity", "authorization": "Basic bWU6cMOkc3N3b3Jk", "x-a": "b",
    } == request  # fmt: skip


def _session(alpn):
    certificate = Certificate(names=("shop.example.org",), not_before=0, not_after=1e9 + 60 * 86400.0)
    return TlsSession(version="TLSv1.3", cipher="X", certificate=certificate, at=1e9, alpn=alpn)


def test_by_alpn():
    outcome, connector = run(HttpsProbe(version="2"), [Secure(_session("h2")), START, Send(answer())])
    assert Verdict.PASS is outcome.verdict
    assert "h2" == outcome.facts["tls_alpn"]
    assert [(TlsProfile(alpn=("h2", "http/1.1")), "shop.example.org")] == connector.opened[0].secured
    assert "https" == asked(connector.opened[0])[0][":scheme"]


@pytest.mark.parametrize(("alpn", "chosen"), [(None, "nothing"), ("http/1.1", "http/1.1")])
def test_a_server_that_does_not_negotiate_it_fails_with_a_plain_reason(alpn, chosen):
    outcome, connector = run(HttpsProbe(version="2"), [Secure(_session(alpn))])
    assert (Verdict.FAIL, Reason.EXPECTATION) == (outcome.verdict, outcome.reason)
    assert f"does not speak HTTP/2: offered h2 and http/1.1 by ALPN it chose {chosen}" in outcome.detail
    assert "TLSv1.3" == outcome.facts["tls_version"]
    assert b"" == connector.opened[0].written


@pytest.mark.parametrize(
    ("sent", "reason", "words"),
    [
        ([Send(b"HTTP/1.1 400 Bad Request\r\n\r\n")], Reason.PROTOCOL, "answers in HTTP/1, not HTTP/2"),
        ([Send(settings()), Close()], Reason.CLOSED, "closed the connection without an answer"),
        ([Send(settings() + headers() + data(b"x", end=False)), Close()], Reason.CLOSED, "it is truncated"),
        ([Send(settings() + headers() + data(b"x", end=False)), Reset()], Reason.RESET, ""),
        ([Send(settings() + reset(7))], Reason.CLOSED, "breaks its answer off: RST_STREAM, REFUSED_STREAM"),
        ([Send(settings() + goaway(0, 11))], Reason.CLOSED, "GOAWAY, ENHANCE_YOUR_CALM"),
        ([Send(settings() + headers(b"503", end=True))], Reason.REJECTED, "status 503, wanted 200-299"),
        ([Send(settings()), Hang()], Reason.DEADLINE, ""),
    ],
)
def test_failures(sent, reason, words):
    outcome, _ = run(HttpProbe(version="2"), [START, *sent])
    assert (Verdict.FAIL, reason) == (outcome.verdict, outcome.reason)
    assert words in outcome.detail


def then(*tables):
    return FurtherRequests.read(list(tables))


def test_several_requests_on_one_connection():
    probe = HttpProbe(
        version="2", method="POST", body="u=1", content_type="x/y", then=then({"path": "/b", "expect": "two"})
    )
    first = answer(b"one", (b"set-cookie", b"sid=7"))
    outcome, connector = run(probe, [Until(b"u=1"), Send(first), Until(b"/b"), Send(answer(b"two", stream=3))])
    assert (Verdict.PASS, "2 requests: 200, 200", 1) == (
        outcome.verdict, outcome.detail, outcome.facts["connections"],
    )  # fmt: skip
    requests = asked(connector.opened[0])
    assert ("3", "x/y") == (requests[0]["content-length"], requests[0]["content-type"])
    assert "sid=7" == requests[1]["cookie"]


@pytest.mark.parametrize("end", [[Send(goaway(1)), Close()], [Send(frame(3, 0, 3, b"\0\0\0\7"))], [Close()]])
def test_a_server_that_ends_a_kept_connection_is_asked_anew(end):
    outcome, connector = run(
        HttpProbe(version="2", then=then({"path": "/b"})),
        [START, Send(answer()), Until(b"/b"), *end],
        [START, Send(answer())],
    )
    assert (Verdict.PASS, 2) == (outcome.verdict, outcome.facts["connections"])
    assert all(one.ended for one in connector.opened)


def test_secrets_are_starred_in_the_dialogue():
    probe = HttpProbe(version="2", token=Secret("hunter2.hunter2"), then=then({"path": "/b"}))
    _, connector = run(probe, [START, Send(answer()), Until(b"/b"), Send(answer(stream=3))])
    written = connector.opened[0].written
    assert 2 == written.count(b"hunter2.hunter2")
    shown = masker_of(probe).stream([written], cut_before=False, cut_after=False)
    assert b"hunter2" not in b"".join(shown)


@pytest.mark.parametrize("name", ["TE", "Upgrade", "Keep-Alive", "Proxy-Connection", "HTTP2-Settings"])
def test_headers_that_http2_does_not_have_are_refused(name):
    with pytest.raises(ValueError, match=f"headers: {name} is not of HTTP/2"):
        HttpProbe(version="2", then=then({"headers": {name: "x"}}))
    assert HttpProbe(headers={name: "x"})


@pytest.mark.parametrize("value", ["", " padded ", "tab\there", "käse", "a" * 20000])
def test_headers_that_may_be_set_can_be_sent(value):
    outcome, connector = run(HttpProbe(version="2", headers={"X-A": value}), [START, Send(answer())])
    assert Verdict.PASS is outcome.verdict, outcome
    assert value.strip() == asked_all(connector.opened[0])["x-a"]


def asked_all(stream):
    """Return the one request's headers, also where they took several frames."""
    payload = b"".join(payload for kind, *_, payload in client_frames(stream.written) if kind in {HEADERS, 9})
    return dict(hpack.Decoder().decode(payload))


def _serve(listener):
    """Answer each request with its path, by h2's own server."""
    peer, _ = listener.accept()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    server.initiate_connection()
    with peer:
        peer.sendall(server.data_to_send())
        while received := peer.recv(65536):
            for event in server.receive_data(received):
                if isinstance(event, h2.events.RequestReceived):
                    server.send_headers(event.stream_id, [(":status", "200")])
                    path = dict(event.headers)[":path"].encode()
                    for last in (False, True):
                        server.send_data(event.stream_id, path * 5000, end_stream=last)
            peer.sendall(server.data_to_send())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_healthy_server_on_real_sockets(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    probe = HttpProbe(version="2", path="/a", expect_text="/a/a", then=then({"path": "/b", "expect_text": "/b/b"}))
    with socket.create_server((address, 0), family=family) as listener:
        serving = threading.Thread(target=_serve, args=(listener,))
        serving.start()
        target = Target(address=address, port=listener.getsockname()[1], hostname="a.example")

        async def once():
            return await in_reactor(lambda engine: run_for_real(probe, target, 20, engine))

        outcome = asyncio.run(once())
        serving.join()
    assert Verdict.PASS is outcome.verdict, outcome
    assert (1, 20000) == (outcome.facts["connections"], outcome.facts["content_length"])
