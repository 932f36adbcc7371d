"""No secret of any kind's settings is in what a run comes to, however the realserver repeats it."""

import asyncio
import base64
import json
import struct
from urllib.parse import quote

import dns.rrset
import pytest

from certificates import Authority
from ldap_messages import bound
from lvsmon import recorded
from lvsmon.config.kinds import builtin
from lvsmon.model import Target, Verdict
from lvsmon.model.settings import Secret
from lvsmon.monitor.runner import run
from lvsmon.net.nested import in_reactor
from lvsmon.probes import BUILTIN
from lvsmon.probes.base import aim
from lvsmon.secrets.masking import STARS
from lvsmon.testing.network import run_scripted
from lvsmon.wire.radius import Request
from net.tls_servers import TlsServer, server_context
from probe_support import answering
from probes.datagram_server import AnsweringNet
from probes.name_server import KEY, NameServer, respond
from probes.name_server import outcome_of as outcome_from
from radius_messages import reply

SECRET = "s3cret/wörd"
NEVER_SENT = {"tls_client_key"}
LOGIN = {"username": "probe", "password": Secret(SECRET)}
USER = {"user": "probe", "password": Secret(SECRET)}

FORMS = {
    "plain": SECRET.encode(),
    "plain in latin-1": SECRET.encode("latin-1"),
    "base64": base64.b64encode(SECRET.encode()),
    "base64 of a login": base64.b64encode(b"\0probe\0" + SECRET.encode()),
    "hexadecimal": SECRET.encode().hex().encode(),
    "percent-encoded": quote(SECRET, safe="").encode(),
    "cut off": b"x" * 30 + SECRET.encode() * 60,
}
"""How a server may repeat what it got."""


def line(text):
    return lambda said: text % said


def _mysql(said):
    body = b"\xff\x10\x04#HY000" + said
    return struct.pack("<I", len(body)) + body


def _pgsql(said):
    body = b"SFATAL\0C53300\0M" + said + b"\0\0"
    return b"E" + struct.pack(">I", 4 + len(body)) + body


def _ajp(said):
    body = struct.pack(">BHH", 4, 503, len(said)) + said + b"\0\0\0"
    return b"AB" + struct.pack(">H", len(body)) + body


HTTP = line(b"HTTP/1.1 403 %s\r\nContent-Length: 0\r\n\r\n")
SERVERS = {
    "ajp": ({"path": "/", "cping": False, "secret": Secret(SECRET)}, _ajp),
    "ftp": ({"user": "probe", "password": Secret(SECRET), "account": Secret("x" + SECRET)}, line(b"530 %s\r\n")),
    "http": (LOGIN, HTTP),
    "https": ({**LOGIN, "tls_verify": False}, HTTP),
    "imap": (LOGIN, line(b"* BYE %s\r\n")),
    "ldap": ({"bind_dn": "cn=probe", "password": Secret(SECRET)}, lambda said: bound(code=51, text=said)),
    "lmtp": (LOGIN, line(b"554 %s\r\n")),
    "memcached": (LOGIN, line(b"SERVER_ERROR %s\r\n")),
    "mysql": (USER, _mysql),
    "nntp": (LOGIN, line(b"400 %s\r\n")),
    "pgsql": (USER, _pgsql),
    "pop3": (LOGIN, line(b"-ERR %s\r\n")),
    "proxy": ({**LOGIN, "url": "http://www.example.org/"}, HTTP),
    "redis": ({"password": Secret(SECRET)}, line(b"-ERR %s\r\n")),
    "rtsp": (LOGIN, line(b"RTSP/1.0 403 %s\r\nCSeq: 1\r\n\r\n")),
    "smtp": (LOGIN, line(b"554 %s\r\n")),
    "submission": ({**LOGIN, "tls": "none"}, line(b"554 %s\r\n")),
}
"""Each kind's settings and how its server refuses it, with what it repeats as the reason."""

SPEAK_FIRST = SERVERS.keys() - {"ajp", "http", "https", "ldap", "memcached", "pgsql", "proxy", "redis", "rtsp"}
ELSEWHERE = {"dns", "radius"}
"""Below: they do not speak TCP alone, or what they repeat is in no refusal."""


def outcome_of(kind, settings, port):
    probe = builtin(kind).probe(**settings)

    async def once():
        return await in_reactor(
            lambda engine: run(probe, aim(probe, "127.0.0.1", port, hostname="mail.example.org"), 20, engine)
        )

    return asyncio.run(once())


def leaks(outcome, secret=SECRET):
    """Return which forms are in anything that leaves the run, whole or more than a little of it."""
    told = (outcome.detail + json.dumps(dict(outcome.facts), ensure_ascii=False) + recorded.encode(outcome)).lower()
    forms = {secret, secret[:6], secret.encode().hex()[:12], quote(secret, safe="")}
    forms |= {base64.b64encode(secret.encode()).decode()[:8], base64.b64encode(b"\0probe\0" + secret.encode()).decode()}
    return [form for form in forms if form.lower() in told]


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    return server_context(folder, Authority(folder).server())


def test_every_kind_with_a_secret_has_a_server_here():
    kinds = {kind for kind in BUILTIN if builtin(kind).secrets.keys() - NEVER_SENT}
    assert kinds == SERVERS.keys() | ELSEWHERE


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", sorted(SERVERS))
def test_what_a_refusal_repeats_is_starred(kind, form, context):
    settings, refusal = SERVERS[kind]
    said = refusal(FORMS[form])
    if kind == "https":
        with TlsServer(context, lambda connection: (connection.recv(65536), connection.sendall(said))) as server:
            outcome = outcome_of(kind, settings, server.port)
    else:
        with answering(said, first=kind in SPEAK_FIRST) as port:
            outcome = outcome_of(kind, settings, port)
    assert outcome.verdict is Verdict.FAIL
    assert STARS in outcome.detail
    assert leaks(outcome) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("whose", [{"secret": Secret("other")}, {"password": Secret("other")}])
def test_what_a_radius_server_repeats_is_starred(form, whose):
    """The password, or the secret that it shares."""
    probe = builtin("radius").probe(**{**LOGIN, "secret": Secret(SECRET), **whose})
    asked_with = probe.secret.reveal().encode()

    def answer(data, _):
        return [(0.0, reply(3, (18, FORMS[form][:250]), asked=Request(data, asked_with), secret=asked_with))]

    outcome = run_scripted(probe, Target(address="10.1.0.11", port=1812), AnsweringNet(answer))
    assert outcome.verdict is Verdict.FAIL
    assert STARS in outcome.detail
    assert leaks(outcome) == []


@pytest.mark.parametrize("form", FORMS)
def test_what_is_repeated_of_a_body_is_starred(form):
    """A form to log in with, sent by HTTP."""
    settings = {"method": "POST", "content_type": "text/plain", "secret_body": Secret(SECRET)}
    with answering(HTTP(FORMS[form])) as port:
        outcome = outcome_of("http", settings, port)
    assert STARS in outcome.detail
    assert leaks(outcome) == []


def test_what_a_passing_run_found_is_starred():
    """In its facts, and in capitals too."""
    capable = b"+OK\r\n%s\r\n.\r\n" % SECRET.encode()
    parts = [b"+OK %s\r\n" % SECRET.encode(), capable, b"+OK\r\n", b"+OK\r\n", b"+OK 1 2\r\n", b"+OK\r\n"]
    with answering(*parts, first=True) as port:
        outcome = outcome_of("pop3", LOGIN, port)
    assert (outcome.verdict, outcome.facts["banner"], outcome.facts["capabilities"]) == (Verdict.PASS, STARS, STARS)
    assert leaks(outcome) == []


def test_a_key_of_dns_that_a_record_holds_is_starred():
    """It is never sent, but a server that shares it can tell it."""
    record = dns.rrset.from_text("example.org.", 60, "IN", "TXT", '"it is c2VjcmV0"')

    def answer(query):
        message = respond(query, record)
        message.use_tsig(KEY)
        message.request_mac = query.mac
        return message

    key = {"tsig_name": "check.", "tsig_secret": Secret("c2VjcmV0")}
    probe = builtin("dns").probe(name="example.org", type="TXT", expect=('"other"',), **key)
    outcome = outcome_from(probe, NameServer(udp=answer))
    assert outcome.verdict is Verdict.FAIL
    assert f"it is {STARS}" in outcome.detail
    assert "c2VjcmV0" not in outcome.detail + recorded.encode(outcome)
