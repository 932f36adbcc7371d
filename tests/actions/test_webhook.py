"""webhook: what is sent to whom, and what an answer means."""

import asyncio
import hashlib
import hmac
import re
import time
from pathlib import Path

import pytest

from actions.json_strings import strings
from actions.web_server import server_context, web_server
from certificates import issue
from lvsmon.actions.web import Url
from lvsmon.actions.webhook import WebhookChannel, signature
from lvsmon.errors import ActionFailed
from lvsmon.model.settings import Secret
from lvsmon.testing.channel_conformance import (
    Refusal,
    Taken,
    delivery_complaints,
    memory_complaints,
    refusal_complaints,
    sample_alert,
    stall_complaints,
    stream_complaints,
)
from lvsmon.testing.misbehaving import MisbehavingServers

BODIES = ("json", "alertmanager", "pagerduty", "slack", "mattermost", "matrix", "ntfy")


@pytest.fixture
def server():
    with web_server() as one:
        yield one


def deliver(alert=None, **settings):
    asyncio.run(WebhookChannel(**settings).deliver(alert or sample_alert()))


def refused(**settings):
    with pytest.raises(ActionFailed) as caught:
        deliver(**settings)
    return caught.value


def test_a_request_as_it_is_sent(server):
    deliver(sample_alert(9), url=server.url + "/hook?a=b", method="PUT", headers={"X-Team": "lvs"})
    (request,) = server.requests
    assert ("PUT", "/hook?a=b") == (request.method, request.path)
    told = request.json
    assert ("alert-9", "incident-9", "opened") == (told["id"], told["incident"], told["stage"])
    assert told["conditions"][0]["facts"] == {"status": 503}
    wanted = {
        "Host": server.place, "User-Agent": "lvsmon", "Content-Type": "application/json", "Idempotency-Key": "alert-9",
        "X-Team": "lvs", "Connection": "close", "Content-Length": str(len(request.body)),
    }  # fmt: skip
    assert wanted.items() <= request.headers.items()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_both_families_and_names(host):
    with web_server("127.0.0.1" if host == "localhost" else host) as server:
        deliver(url=server.url.replace("127.0.0.1", host) if host == "localhost" else server.url)
    assert 1 == len(server.requests)


def test_who_it_is(server):
    deliver(url=server.url, token=Secret("t0ken"))
    deliver(url=server.url, username="ann", password=Secret("pässword"))
    assert "Bearer t0ken" == server.requests[0].headers["Authorization"]
    assert "Basic YW5uOnDDpHNzd29yZA==" == server.requests[1].headers["Authorization"]


def test_a_signature_is_over_the_time_and_the_body(server):
    deliver(url=server.url, signing_key=Secret("key"))
    (request,) = server.requests
    at, digest = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", request.headers["X-Lvsmon-Signature"]).groups()
    assert hmac.new(b"key", f"{at}.".encode() + request.body, hashlib.sha256).hexdigest() == digest
    assert abs(int(at) - time.time()) < 60


def test_the_same_alert_has_the_same_key_however_often_it_is_tried(server):
    server.answer = (503, {}, b"")
    for _ in range(2):
        refused(url=server.url, alert=sample_alert(1, id="a\nb é"))
    assert ["a%0Ab%20%C3%A9"] * 2 == [request.headers["Idempotency-Key"] for request in server.requests]


def test_a_template_is_json_of_ones_own(server):
    template = {"msg": "{subject} ({{{number}}})", "to": ["{route}", 7, True], "deep": {"text": "{text}", "none": 1.5}}
    deliver(sample_alert(1, subject='say "no"\\'), url=server.url, template=template)
    text = sample_alert().text
    assert {
        "msg": 'say "no"\\ ({1})', "to": ["oncall", 7, True], "deep": {"text": text, "none": 1.5},
    } == server.requests[0].json  # fmt: skip


@pytest.mark.parametrize(
    ("status", "final"),
    [(200, None), (202, None), (204, None), (301, False), (307, False), (400, True), (401, True), (404, True),
     (408, False), (413, True), (425, False), (429, False), (500, False), (502, False), (503, False), (599, False)],
)  # fmt: skip
def test_statuses(server, status, final):
    server.answer = (status, {"Location": "http://127.0.0.1:1/elsewhere"}, b"" if status == 204 else b"so\nit is")
    if final is None:
        deliver(url=server.url)
        return
    error = refused(url=server.url)
    assert (final, None) == (error.final, error.retry_after)
    assert re.fullmatch(rf"127\.0\.0\.1 answered {status} ?[A-Za-z -]*(, a redirect.*)?: so it is", str(error))
    assert 1 == len(server.requests), "a redirect is not followed"


def test_statuses_as_they_are_set(server):
    server.answer = (404, {}, b"")
    assert not refused(url=server.url, retry_statuses=(404,)).final
    server.answer = (429, {}, b"")
    assert refused(url=server.url, retry_statuses=(404,)).final


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", (7, 7)), ("0", (0, 0)), ("999999999", (86400, 86400)), ("soon", None), ("-1", None), ("1" * 500, None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", (0, 0)), ("Fri, 31 Dec 9999 23:59:59 GMT", (86400, 86400)),
     ("Fri, 99 Dec 9999 23:59:59 GMT", None)],
)  # fmt: skip
def test_retry_after(server, said, seconds):
    server.answer = (503, {"Retry-After": said}, b"")
    waits = refused(url=server.url).retry_after
    assert waits is None if seconds is None else seconds[0] <= waits <= seconds[1]


CA = issue("ca", ca=True)


def test_tls_is_verified(tmp_path):
    """The chain and the name; a certificate of ours is shown where one is wanted."""
    ca = tmp_path / "ca.pem"
    ca.write_text(CA.pem)
    certificate, _ = (mine := issue("lvsmon", by=CA)).write(tmp_path, "mine")
    good = issue("server", by=CA, names=("localhost",))
    with web_server(context=server_context(good, tmp_path, client_ca=CA)) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        shown = {"tls_client_certificate": certificate, "tls_client_key": mine.key_secret}
        deliver(url=url, tls_ca_file=str(ca), **shown)
        deliver(url=server.url, tls_ca_file=str(ca), tls_name="localhost", **shown)
        deliver(url=server.url, tls_verify=False, **shown)
        assert 3 == len(server.requests)
        for settings, says in (
            ({"url": server.url, "tls_ca_file": str(ca), **shown}, "is for localhost, not for 127.0.0.1"),
            ({"url": url, **shown}, "the certificate of localhost is refused: "),
            ({"url": url, "tls_ca_file": str(ca)}, "after it had asked for a certificate of ours"),
            ({"url": url, "tls_ca_file": str(tmp_path / "no")}, "cannot be used: no such file"),
            ({"url": url.replace("https", "http")}, "localhost "),
        ):
            error = refused(**settings)
            assert says in str(error)
            assert not error.final
        assert 3 == len(server.requests), "nothing is said to whom is not trusted"


class Hook:
    """What the conformance suite delivers to: keys are the structure, strings the texts."""

    max_size = 2_000_000

    def __init__(self, server, body):
        more = {"routing_key": Secret("r")} if body == "pagerduty" else {}
        path = "/topic" if body == "ntfy" else ""
        self.channel = WebhookChannel(url=server.url + path, body=body, link="https://w.example.org/{virtual}", **more)
        self._server = server

    async def taken(self, count):
        requests, self._server.requests = self._server.requests, []
        return [Taken(self._structure(one), tuple(strings(one.json))) for one in requests]

    def _structure(self, request):
        names = tuple(sorted(request.headers))
        keys = tuple(dict.fromkeys(key for key in _keys(request.json)))
        skipped = {"urgency", "virtual", "realserver", "incident", "director", "blocks", "type", "elements", "emoji"}
        skipped |= {"status", "banner"}  # facts
        skipped |= {"destination", "about"}  # labels, where they are not empty
        return names, request.path, tuple(key for key in keys if key not in skipped)


def _keys(told):
    for key, inner in told.items() if isinstance(told, dict) else ((None, one) for one in told):
        if key is not None:
            yield key
        if isinstance(inner, dict | list):
            yield from _keys(inner)


@pytest.mark.parametrize("body", BODIES)
def test_the_conformance_suite(server, body):
    world = Hook(server, body)

    async def judged():
        return await delivery_complaints(world) + await memory_complaints(world)

    complaints = asyncio.run(judged())
    assert not complaints, "\n".join(complaints)


def test_refusals(server):
    token = "x0xb/token-of-a-hook"

    def saying(status, words, **settings):
        one = web_server()
        opened.append(one)
        with_it = one.__enter__()
        with_it.answer = (status, {}, words)
        secret = Secret(f"{with_it.url}/services/{token}")
        return WebhookChannel(secret_url=secret, **settings)

    opened = []
    try:
        refusals = {
            "for now": Refusal(saying(503, b"busy"), False, "503 Service Unavailable: busy"),
            "for good": Refusal(saying(400, b"invalid_payload"), True, "400 Bad Request: invalid_payload"),
            "binary": Refusal(saying(400, b"\x1b[2J\0\xff" * 500), True, "\\x1b[2J\\x00\\xff"),
            "it quotes the hook": Refusal(
                saying(404, f"no /services/{token} here".encode()), True, "no ******** here", (token,)
            ),
            "it quotes a password": Refusal(
                saying(403, b"wrong: swordfish", token=Secret("swordfish")), True, "wrong: ********", ("swordfish",)
            ),
        }
        complaints = asyncio.run(refusal_complaints(refusals))
    finally:
        for one in opened:
            one.__exit__(None, None, None)
    assert not complaints, "\n".join(complaints)


TAKES = frozenset(
    {"http_half_body", "http_half_body_hangs", "http_half_chunk", "http_half_body_resets", "http_body_never_closed",
     "http_endless_chunk_line", "http_endless_trailers", "http_endless_body", "http_endless_chunks", "http_gzip_bomb",
     "http_then_reset"}
)  # fmt: skip
"""They say 200 at once."""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_servers_that_misbehave(scheme):
    def channel(host, port):
        return WebhookChannel(url=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")

    with MisbehavingServers() as servers:
        complaints = stream_complaints(channel, servers, TAKES if scheme == "http" else frozenset())
    refuses = [one for one in complaints if one.startswith("is_http on ") and "final is True" in one]
    assert not set(complaints) - set(refuses), "\n".join(complaints)
    assert len(refuses) == (2 if scheme == "http" else 0), "400 is final"


def test_a_server_that_never_answers():
    with MisbehavingServers() as servers:
        url = f"http://127.0.0.1:{servers.port('silent', '127.0.0.1')}"
        complaints = asyncio.run(
            stall_complaints({body: WebhookChannel(url=url, body=body) for body in ("json", "slack")})
        )
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "url: missing: write where to send to"),
        ({"url": "http://h", "secret_url": Secret("http://h")}, "url and secret_url: give one of them"),
        ({"url": "h/hook"}, 'url: write a whole URL, such as "https://alerts.example.org/hook"'),
        ({"url": "ftp://h/"}, "url: write a whole URL"),
        ({"url": "http://"}, "url: write a whole URL"),
        ({"url": "http://[::1"}, "url: write a whole URL"),
        ({"url": "http://h/a b"}, "url: write a URL in ASCII"),
        ({"url": "http://h/\r\nX: y"}, "url: write a URL in ASCII"),
        ({"url": "http://ann:pw@h/"}, "url: no user and password in a URL"),
        ({"url": "http://h/#x"}, "url: leave out # and what follows it"),
        ({"url": "http://h:0/"}, "url: the host of the URL is none"),
        ({"url": "http://-h/"}, "url: the host of the URL is none"),
        ({"secret_url": Secret("http://h:x/s3cret")}, "secret_url: the host of the URL is none"),
        ({"url": "http://h", "tls_verify": False}, "tls_verify: has no effect without an https URL"),
        ({"url": "http://h", "headers": {"A B": ""}}, 'headers: "A B" is not the name of a header'),
        ({"url": "http://h", "headers": {"A": "x\r\ny"}}, "headers: write the value of A in ASCII, without line ends"),
        ({"url": "http://h", "headers": {"Host": "x"}}, "headers: Host is not yours to set"),
        (
            {"url": "http://h", "headers": {"Authorization": "x"}, "token": Secret("x")},
            "headers: Authorization is made",
        ),
        ({"url": "http://h", "username": "ann"}, "username and password: give both or none"),
        ({"url": "http://h", "username": "a:b", "password": Secret("x")}, "username: no colon in it"),
        ({"url": "http://h", "token": Secret("a\nb")}, "token: it has characters that no header can carry"),
        ({"url": "http://h", "template": {"a": "{nothing}"}}, 'template: unknown placeholder "{nothing}"'),
        ({"url": "http://h", "template": {"a": [float("nan")]}}, "template: nan cannot be said in JSON"),
        ({"url": "http://h", "template": {"a": "b"}, "body": "slack"}, 'template: works with body = "json" only'),
        ({"url": "http://h", "labels": {"a": "b"}}, 'labels: works with body = "alertmanager" only'),
        ({"url": "http://h", "labels": {"a-b": ""}, "body": "alertmanager"}, 'labels: "a-b" cannot be the name'),
        ({"url": "http://h", "hold": 3600.0}, 'hold: works with body = "alertmanager" only'),
        ({"url": "http://h", "hold": 1.0, "body": "alertmanager"}, "hold: write at least 1m"),
        ({"body": "pagerduty"}, "routing_key: missing"),
        ({"url": "http://h/", "body": "ntfy"}, "url: end it in the topic"),
        ({"url": "http://h/", "link": "x"}, "link: write a whole URL"),
        ({"url": "http://h/", "link": "http://x/{y}"}, 'link: unknown placeholder "{y}"'),
        ({"url": "http://h/", "retry_statuses": (500,)}, "retry_statuses: write statuses from 400 to 499, not 500"),
        ({"url": "http://h/", "timeout": 0.0}, "timeout: write a duration from 100ms to 10m"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        WebhookChannel(**settings)
    assert str(caught.value).startswith(message)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("http://h", "h", 80, "/"),
        ("https://h?x=1", "h", 443, "/?x=1"),
        ("https://h:443/a/b", "h", 443, "/a/b"),
        ("http://[::1]:8080/a?b", "[::1]:8080", 8080, "/a?b"),
        ("https://h:80/", "h:80", 80, "/"),
    ],
)
def test_parts_of_a_url(text, host, port, target):
    url = Url.read(text)
    assert (host, port, target) == (url.host, url.port, url.target)


def test_the_pages_way_to_check_a_signature():
    page = (Path(__file__).parents[2] / "docs/alerts/webhook.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names = {}
    exec(code, names)  # noqa: S102  what readers of the page are given
    check = names["is_lvsmons"]
    now = int(time.time())
    assert check(b"key", signature("key", now, b"body"), b"body")
    assert not check(b"key", signature("key", now, b"body"), b"other")
    assert not check(b"other", signature("key", now, b"body"), b"body")
    assert not check(b"key", signature("key", now - 400, b"body"), b"body")
