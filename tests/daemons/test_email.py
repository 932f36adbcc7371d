"""email by way of Exim, which keeps what it takes: relays in order, STARTTLS, login, and the mails as people get them.

What is sent is what lvsmon would send: an incident goes through a route, its words and the channel. The words of the
realserver are hostile.
"""

import asyncio
import os
import re
import socket
import tempfile
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from alerts.streams import START, Stream, condition, route
from daemons.conftest import HOSTS, eventually, probe_once, ready
from daemons.exim import NAME, certify, settings, start_exim
from lvsmon.actions.email import EmailChannel
from lvsmon.actions.mail_address import mail_address
from lvsmon.actions.places import Place
from lvsmon.alerts.facts import About
from lvsmon.alerts.render import Renderer
from lvsmon.errors import ActionFailed
from lvsmon.model.settings import Secret
from lvsmon.probes.smtp import SmtpProbe
from lvsmon.testing.channel_conformance import HOSTILE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mail servers change users: that takes root")

EXIM = """
acl_smtp_rcpt = recipient
acl_smtp_data = accept

begin acl

recipient:
  {recipient} authenticated = *
  deny message = relaying is not permitted

begin routers

keep:
  driver = accept
  transport = keep

begin transports

keep:
  driver = appendfile
  directory = {directory}/mail
  maildir_format
  return_path_add
  envelope_to_add
  user = mail

begin authenticators

{authenticator}
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""
REFUSING = "deny message = relaying is not permitted\n "
AUTHENTICATORS = {
    "PLAIN": """
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and {{eq{$auth2}{lvsmon}}{eq{$auth3}{good}}}}""",
    "LOGIN": """
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and {{eq{$auth1}{lvsmon}}{eq{$auth2}{good}}}}""",
    "CRAM-MD5": """
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{lvsmon}{good}fail}""",
}
TO = ("Größer Dienst <ops@example.org>", "大きい <boss@example.org>")
HEADERS = {
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "Importance", "X-Lvsmon-Severity", "X-Lvsmon-Stage", "X-Lvsmon-Route", "MIME-Version",
    "Content-Type", "Return-path", "Envelope-to", "Received",
}  # fmt: skip


class Exim:
    def __init__(self, directory, port):
        self.directory = directory
        self.port = port

    def count(self):
        return len(list(self.directory.glob("mail/new/*")))

    def mails(self, count):
        """Return the mails as they lie there, once there are so many, by when they were made."""
        eventually(self.count, lambda found: found >= count)
        mails = [
            (raw, message_from_bytes(raw, policy=default))
            for raw in (path.read_bytes() for path in self.directory.glob("mail/new/*"))
        ]
        return sorted(mails, key=lambda one: one[1]["Date"].datetime)


@pytest.fixture(scope="module")
def folder():
    """A folder that users with few rights can reach, too, with certificates."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made)
        path.chmod(0o711)
        certify(path)
        yield path


@pytest.fixture(scope="module")
def exim(start, folder):
    """Return a function that starts an Exim once, by the kind of its login or by what it is for."""
    running = {}

    def started(kind):
        if kind not in running:
            filled = {
                **settings(folder, f"exim-{kind}"),
                "recipient": REFUSING if kind == "refusing" else "accept",
                "authenticator": AUTHENTICATORS.get(kind, AUTHENTICATORS["PLAIN"]),
            }
            start_exim(start, filled, EXIM)
            directory, port = filled["directory"], filled["port"]
            ready(lambda: probe_once(SmtpProbe(), port, timeout=20.0))
            running[kind] = Exim(directory, port)
        return running[kind]

    return started


def channel(folder, *places, **more):
    given = {
        "to": tuple(map(mail_address, TO)), "sender": mail_address("Wächter <lvsmon@example.org>"),
        "reply_to": mail_address("desk@example.org"), "relays": tuple(Place(*one) for one in places),
        "tls": "starttls", "tls_ca_file": str(folder / "ca.pem"), "tls_name": NAME,
        "username": "lvsmon", "password": Secret("good"), "timeout": 30.0, **more,
    }  # fmt: skip
    return EmailChannel(**given)


def alerts(words, at=START):
    """Return what a route tells of an incident with ``words`` in it: opened, changed, repeated, resolved."""
    down = replace(condition("web/rs1"), seen=words, summary=f"rs1 of web is DOWN: {words}")
    stream = Stream(route(every=60.0), start=at).see(down, seconds=30)
    stream.see(down, condition("web/rs2"), seconds=90).see(seconds=1)
    renderer = Renderer(About(director="lb1.example.org"))
    return [renderer.alert(due, at + told[0]) for due, told in zip(stream.due, stream.told, strict=True)]


def deliver(sender, found):
    async def main():
        for alert in found:
            await sender.deliver(alert)

    asyncio.run(main())


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("kind", AUTHENTICATORS)
def test_the_third_relay_takes_it_after_one_that_is_dead_and_one_that_refuses(exim, folder, kind, host):
    """Once for each recipient, with a login over STARTTLS."""
    refusing, server = exim("refusing"), exim(kind)
    before = server.count()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        places = [(host, port) for port in (closed.getsockname()[1], refusing.port, server.port)]
        with pytest.raises(ActionFailed) as caught:
            deliver(channel(folder, *places[:2]), alerts("refused")[:1])
        assert "550 relaying is not permitted" in str(caught.value)
        assert "refused" in str(caught.value)
        assert not caught.value.final
        deliver(channel(folder, *places), alerts("refused")[:1])
    eventually(server.count, lambda found: found == before + len(TO))
    assert refusing.count() == 0
    assert {mail["Envelope-to"] for _, mail in server.mails(before)} == {mail_address(one).path for one in TO}


def test_a_password_that_is_wrong_is_told_and_not_final(exim, folder):
    sender = channel(folder, (HOSTS[0], exim("PLAIN").port), password=Secret("hunter2"))
    with pytest.raises(ActionFailed, match="535 Incorrect authentication data") as caught:
        deliver(sender, alerts("refused")[:1])
    assert not caught.value.final
    assert "hunter2" not in str(caught.value)


def test_an_incident_is_read_back_as_one_thread(exim, folder):
    """Headers, both parts and names in UTF-8, as Exim kept them."""
    server = exim("thread")
    made = alerts("connection refused")
    deliver(channel(folder, ("127.0.0.1", server.port)), made)
    mails = [mail for _, mail in server.mails(8) if mail["Envelope-to"] == "ops@example.org"]
    assert [mail["X-Lvsmon-Stage"] for mail in mails] == ["opened", "changed", "repeated", "resolved"]
    first, *rest = mails
    assert {mail["References"] for mail in rest} == {mail["In-Reply-To"] for mail in rest} == {first["Message-ID"]}
    assert len({mail["Message-ID"] for mail in mails}) == 4
    assert "References" not in first
    for alert, mail in zip(made, mails, strict=True):
        assert set(mail.keys()) <= HEADERS
        assert mail["Date"].datetime.timestamp() == alert.at
        assert mail["Auto-Submitted"] == "auto-generated"
        assert [str(one) for one in mail["To"].addresses] == [str(mail_address(one).write()) for one in TO]
        assert mail["From"].addresses[0].display_name == "Wächter"
        assert mail["Subject"] == alert.subject
        assert mail["Return-path"] == "<lvsmon@example.org>"
        assert mail.get_content_type() == "multipart/alternative"
        assert mail.get_body(("plain",)).get_content().rstrip("\n") == alert.text.rstrip("\n")
        page = mail.get_body(("html",)).get_content()
        assert "connection refused" in page
        assert "with esmtpsa" in " ".join(mail["Received"].split())


def test_no_words_of_a_realserver_change_a_mail(exim, folder):
    """Each text arrives as one mail of the same headers, in lines that every relay takes, and bounded."""
    server = exim("hostile")
    made = [alerts(words, at=START + 1000 * number)[0] for number, words in enumerate(HOSTILE.values())]
    deliver(channel(folder, ("127.0.0.1", server.port), to=(mail_address(TO[0]),)), made)
    mails = server.mails(len(HOSTILE))
    assert len(mails) == len(HOSTILE)
    for alert, (raw, mail) in zip(made, mails, strict=True):
        assert set(mail.keys()) <= HEADERS
        assert all(len(mail.get_all(name)) == 1 for name in mail)
        assert mail["Date"].datetime.timestamp() == alert.at
        assert max(map(len, raw.splitlines())) <= 998
        assert raw.isascii()
        assert len(raw) < 20_000
        text = mail.get_body(("plain",)).get_content()
        assert not [line for line in text.replace("\r\n", "\n").split("\n") if not line.isprintable()]
        assert not re.search(r"<(?:script|img)", mail.get_body(("html",)).get_content())
        assert mail["Envelope-to"] == "ops@example.org"
