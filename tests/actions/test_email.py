"""email: taken by a real SMTP server and read back, in one piece whatever stands in it, by the first relay that can."""

import asyncio
import base64
import socket
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from actions.mail_server import Mailbox, mail_server
from actions.peers import serving, until_the_end
from certificates import Authority
from lvsmon.actions.email import EmailChannel
from lvsmon.actions.mail_address import MailAddress, mail_address
from lvsmon.actions.mail_message import MAX_SUBJECT, MAX_TEXT
from lvsmon.actions.places import Place
from lvsmon.alerts.alert import Stage
from lvsmon.errors import ActionFailed
from lvsmon.model.settings import Secret
from lvsmon.testing.channel_conformance import (
    Refusal,
    delivery_complaints,
    hostile_alert,
    memory_complaints,
    refusal_complaints,
    sample_alert,
    stall_complaints,
    stream_complaints,
)
from lvsmon.testing.misbehaving import LOOPBACKS, MisbehavingServers

OPS = mail_address("ops@example.org")
BOSS = mail_address("Jörg Größer <boss@example.org>")


def channel(*ports, host="127.0.0.1", **more):
    settings = {"to": (OPS,), "relays": tuple(Place(host, port) for port in ports), "timeout": 20.0, **more}
    return EmailChannel(**settings)


@dataclass
class World:
    channel: EmailChannel
    taken: Any
    max_size: int = MAX_TEXT + MAX_SUBJECT + 2000


async def _in_world(judge):
    mailbox = Mailbox()
    async with mail_server(mailbox) as port:
        return await judge(World(channel(port), mailbox.taken))


def test_every_alert_is_one_mail_whatever_stands_in_it():
    complaints = asyncio.run(_in_world(delivery_complaints))
    assert not complaints, "\n".join(complaints)


def test_a_long_alert_holds_bounded_memory():
    assert [] == asyncio.run(_in_world(memory_complaints))


@pytest.mark.slow
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_no_misbehaving_server_takes_a_mail(tls):
    with MisbehavingServers() as servers:
        complaints = stream_complaints(
            lambda host, port: channel(port, host=host, tls=tls, tls_verify=tls == "none"), servers
        )
    assert not complaints, "\n".join(complaints)


def _deliver(mailbox, *alerts, host="127.0.0.1", server=None, **more):
    """Deliver to a server of ``mailbox``; return its mails."""

    async def main():
        async with mail_server(mailbox, host, **(server or {})) as port:
            sender = channel(port, host=host, **more)
            for alert in alerts or (sample_alert(),):
                await sender.deliver(alert)

    asyncio.run(main())
    return mailbox.mails


@pytest.mark.parametrize("host", LOOPBACKS)
def test_what_a_mail_holds(host):
    (mail,) = _deliver(Mailbox(), host=host, to=(OPS, BOSS), reply_to=mail_address("desk@example.org"))
    assert "lvsmon@director1.example.org" == mail["From"]
    assert "ops@example.org, Jörg Größer <boss@example.org>" == mail["To"]
    assert "desk@example.org" == mail["Reply-To"]
    assert "[DOWN] shop rs2" == mail["Subject"]
    assert 1_700_000_060 == mail["Date"].datetime.timestamp()
    assert "auto-generated" == mail["Auto-Submitted"]
    assert ("high", "down", "opened", "oncall") == (
        mail["Importance"], mail["X-Lvsmon-Severity"], mail["X-Lvsmon-Stage"], mail["X-Lvsmon-Route"],
    )  # fmt: skip
    assert sample_alert().text + "\n" == mail.get_body(("plain",)).get_content()
    assert "Precedence" not in mail
    assert "List-Id" not in mail


def test_an_incident_is_one_thread():
    """The first mail's Message-ID is the incident's; the others refer to it. Another route is another thread."""
    stages = [Stage.OPENED, Stage.CHANGED, Stage.REPEATED, Stage.ACKNOWLEDGED, Stage.RESOLVED]
    alerts = [sample_alert(n + 1, incident="i-1", number=n + 1, stage=stage) for n, stage in enumerate(stages)]
    other = sample_alert(9, incident="i-1", route="boss")
    first, *rest, elsewhere, digest = _deliver(Mailbox(), *alerts, other, sample_alert(10, stage=Stage.DIGEST))
    assert first["Message-ID"].startswith("<i-1.")
    assert "References" not in first
    assert {first["Message-ID"]} == {mail["In-Reply-To"] for mail in rest} == {mail["References"] for mail in rest}
    assert len({mail["Message-ID"] for mail in (first, *rest, elsewhere, digest)}) == 7
    assert "References" not in elsewhere
    assert "References" not in digest


def test_the_same_alert_is_the_same_mail():
    """So that those who look at Message-IDs take it once, also where the first try ended in the unknown."""
    mailbox = Mailbox()
    _deliver(mailbox, sample_alert(1), sample_alert(1))
    first, second = (envelope.original_content for envelope in mailbox.envelopes)
    assert first == second


def test_dots_and_bare_carriage_returns_arrive_as_they_are_written():
    text = ".\n..\n.hidden\nlast.\r.\r\nend"
    (mail,) = _deliver(Mailbox(), sample_alert(text=text), html=False)
    assert ".\n..\n.hidden\nlast.\n.\nend\n" == mail.get_content()


def test_a_template_s_html_is_sent_beside_the_text():
    (mail,) = _deliver(Mailbox(), sample_alert(html="<p>rs2 is <b>down</b></p>"))
    assert "<p>rs2 is <b>down</b></p>\n" == mail.get_body(("html",)).get_content()
    (mail,) = _deliver(Mailbox(), sample_alert(html="<p>" * MAX_TEXT))
    assert "<pre" in mail.get_body(("html",)).get_content()
    (mail,) = _deliver(Mailbox(), html=False)
    assert "text/plain" == mail.get_content_type()


def test_every_line_goes_over_the_wire_in_ascii_and_short():
    mailbox = Mailbox()
    _deliver(mailbox, hostile_alert(1, "größer " * 4000), to=(BOSS,))
    (envelope,) = mailbox.envelopes
    assert envelope.original_content.isascii()
    assert max(map(len, envelope.original_content.split(b"\r\n"))) <= 998


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.server(("mx.example.org",)).write(authority.folder, "mx")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_tls_and_login(tls, authority, certificate):
    mailbox = Mailbox()
    server = {"certificate": certificate, "implicit": tls == "implicit", "authenticator": mailbox.login}
    more = {"tls": tls, "tls_ca_file": authority.ca_file, "tls_name": "mx.example.org"}
    if tls == "implicit":
        server["auth_require_tls"] = False  # aiosmtpd counts only what it began itself
    mails = _deliver(mailbox, server=server, username="lvsmon", password=Secret("good"), **more)
    assert len(mails) == 1
    assert ("lvsmon", "good") == mailbox.logins[0][1:]


def _refused(mailbox, server=None, **more):
    async def main():
        async with mail_server(mailbox, **(server or {})) as port:
            with pytest.raises(ActionFailed) as caught:
                await channel(port, **more).deliver(sample_alert())
            return caught.value

    return asyncio.run(main())


def test_a_certificate_for_another_name_or_of_another_authority_is_not_talked_to(authority, certificate):
    for tls in ("starttls", "implicit"):
        server = {"certificate": certificate, "implicit": tls == "implicit"}
        mailbox = Mailbox()
        error = _refused(mailbox, server, tls=tls, tls_ca_file=authority.ca_file, tls_name="mail.example.org")
        assert "the certificate of 127.0.0.1 is for mx.example.org, not for mail.example.org" in str(error)
        assert "is refused" in str(_refused(mailbox, server, tls=tls))
        assert not error.final
        assert not mailbox.envelopes
    assert "STARTTLS" in str(_refused(Mailbox(), tls="starttls"))


def test_a_login_that_is_refused_is_told_without_the_password_and_tried_again(authority, certificate):
    mailbox = Mailbox()
    server = {"certificate": certificate, "authenticator": mailbox.login}
    trust = {"tls": "starttls", "tls_ca_file": authority.ca_file, "tls_name": "mx.example.org"}
    error = _refused(mailbox, server, username="lvsmon", password=Secret("hunter2"), **trust)
    assert "535" in str(error)
    assert "hunter2" not in str(error)
    assert not error.final


async def _dialogue(answers, reader, writer):
    """Answer each line with the next answer; the one for DATA's text comes after the lone dot."""
    writer.write(b"220 mx.example.org\r\n")
    in_data = False
    while line := await reader.readline():
        if in_data and line != b".\r\n":
            continue
        word = b"." if in_data else line.split()[0].upper()
        in_data = False
        answer = answers.get(word, b"250 OK\r\n")
        if callable(answer):
            answer = answer(line)
        if answer is None:
            break
        in_data = word == b"DATA" and answer.startswith(b"354")
        writer.write(answer)


async def _scripted(answers, judge):
    async def serve(reader, writer):
        await _dialogue({b"DATA": b"354 go on\r\n", **answers}, reader, writer)

    async with serving(serve) as port:
        return await judge(port)


REFUSALS = {
    "busy at once": ({b"EHLO": b"421 too busy\r\n"}, False, "421 too busy"),
    "no mail from us": ({b"MAIL": b"550 5.7.1 no such sender\r\n"}, True, "no such sender"),
    "greylisted": ({b"RCPT": b"450 4.2.0 come back later\r\n"}, False, "come back later"),
    "unknown recipient": ({b"RCPT": b"550 5.1.1 who is\r\n"}, True, "ops@example.org: 550 5.1.1 who is"),
    "too many recipients": ({b"RCPT": b"552 too many\r\n"}, False, "too many"),
    "login wanted": ({b"MAIL": b"530 5.7.0 authentication required\r\n"}, False, "authentication required"),
    "mail refused": ({b".": b"554 5.6.0 it looks like spam\r\n"}, True, "looks like spam"),
    "mail refused for now": ({b".": b"451 disk full\r\n"}, False, "disk full"),
    "no DATA": ({b"DATA": b"554 no valid recipients\r\n"}, True, "no valid recipients"),
    "closed in the middle": ({b"RCPT": None}, False, "closed the connection"),
    "closed after the mail": ({b".": None}, False, "closed the connection"),
    "endless answer": ({b"RCPT": b"250-more\r\n" * 9000}, False, "too long"),
    "hostile words": ({b"RCPT": b"550 \x1b[2J\x00\xff\xfe\r\n"}, True, "\\x1b[2J\\x00"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_told_and_final_by_their_code(name):
    answers, final, says = REFUSALS[name]

    async def judge(port):
        return await refusal_complaints({name: Refusal(channel(port), final, says)})

    assert [] == asyncio.run(_scripted(answers, judge))


def test_a_relay_that_repeats_the_password_does_not_bring_it_into_the_error():
    """In base64, as it heard it, and in clear."""
    plain = base64.b64encode(b"\0lvsmon\0s3cret-word")

    def repeat(line):
        return b"535 not " + line.split()[-1] + b" nor s3cret-word\r\n"

    answers = {b"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n", b"AUTH": repeat}

    async def judge(port):
        sender = channel(port, username="lvsmon", password=Secret("s3cret-word"))
        refusal = Refusal(sender, final=False, says="535", secrets=("s3cret-word", plain.decode()))
        return await refusal_complaints({"repeats": refusal})

    assert [] == asyncio.run(_scripted(answers, judge))


@pytest.mark.slow
def test_a_relay_that_stops_answering_at_any_step_holds_nothing_and_blocks_nothing():
    async def serve(reader, writer, silent_at):
        writer.write(b"220 mx\r\n" if silent_at != b"greeting" else b"")
        while line := await reader.readline():
            word = line.split()[0].upper()
            if word == silent_at:
                await until_the_end(reader, writer)
            else:
                writer.write(b"354 go on\r\n" if word == b"DATA" else b"250 OK\r\n")

    async def main():
        complaints = []
        for step in (b"greeting", b"EHLO", b"MAIL", b"RCPT", b"DATA"):
            async with serving(partial(serve, silent_at=step)) as port:
                complaints += await stall_complaints({str(step): channel(port)})
        return complaints

    assert [] == asyncio.run(main())


def test_relays_are_tried_in_order_and_each_recipient_gets_one_mail():
    """The first is not there, the second takes one of two recipients, the third the other one."""
    second, third = Mailbox({BOSS.path: "550 not here"}), Mailbox()

    async def main():
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with mail_server(second) as two, mail_server(third) as three:
                sender = channel(closed.getsockname()[1], two, three, to=(OPS, BOSS))
                await sender.deliver(sample_alert())

    asyncio.run(main())
    assert [[OPS.path]] == [envelope.rcpt_tos for envelope in second.envelopes]
    assert [[BOSS.path]] == [envelope.rcpt_tos for envelope in third.envelopes]


def test_a_silent_relay_leaves_time_for_the_next_one():
    mailbox = Mailbox()

    async def main():
        async with serving(until_the_end) as dead, mail_server(mailbox) as port:
            await channel(dead, port, timeout=1.0).deliver(sample_alert())

    asyncio.run(main())
    assert len(mailbox.mails) == 1


def test_who_has_taken_it_is_not_sent_it_again():
    """One recipient is refused for now: the next try is for this one alone, and the last one tells the truth."""
    mailbox = Mailbox({BOSS.path: "450 later"})

    async def main():
        async with mail_server(mailbox) as port:
            sender = channel(port, to=(OPS, BOSS))
            with pytest.raises(
                ActionFailed, match=r"^taken for 1 of 2 recipients; boss@example.org: 450 later$"
            ) as now:
                await sender.deliver(sample_alert())
            mailbox.recipients[BOSS.path] = "550 never"
            with pytest.raises(ActionFailed, match="taken for 1 of 2 recipients") as good:
                await sender.deliver(sample_alert())
            mailbox.recipients.clear()
            await sender.deliver(sample_alert())
            await sender.deliver(sample_alert(2))
            return now.value.final, good.value.final

    assert (False, True) == asyncio.run(main())
    assert [[OPS.path], [BOSS.path], [OPS.path, BOSS.path]] == [one.rcpt_tos for one in mailbox.envelopes]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ops@example.org", MailAddress("ops", "example.org")),
        ("The team <o+p.s@mail.example.org>", MailAddress("o+p.s", "mail.example.org", "The team")),
        ('"Größer, J." <x@example.org>', MailAddress("x", "example.org", "Größer, J.")),
        ("root@localhost", MailAddress("root", "localhost")),
        ("x@größer.example", MailAddress("x", "xn--grer-8qa7c.example")),
    ],
)
def test_addresses_are_read(written, read):
    if "xn--" in read.domain:
        read = MailAddress(read.local, "größer.example".encode("idna").decode())
    assert read == mail_address(written)
    assert read == mail_address(read.write())


@pytest.mark.parametrize(
    "written",
    [
        "", "ops", "@example.org", "ops@", "o ps@example.org", "ops@exa mple.org", "ops@-x.org", "a..b@example.org",
        "x@example.org\nBcc: y@example.org", "x\r\n <y@example.org>", "Team <x@example.org", "x" * 65 + "@example.org",
        "x@" + "a." * 130 + "org", "jörg@example.org", "x@" + "ö" * 80 + ".org", "<x@example.org>, y@example.org", 7,
        ".a@x.org", None, "x@example.org;y@example.org", "x@example.org,y@example.org", "a" * 300 + " <x@example.org>",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_when_it_is_read(written):
    with pytest.raises(ValueError, match="write an address such as"):
        mail_address(written)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"to": ()}, "to: write from 1 to 100 addresses"),
        ({"to": (OPS, OPS)}, "to: an address is written twice"),
        ({"relays": ()}, "relays: write at least one"),
        ({"username": "x"}, "username and password: give both or none"),
        ({"password": Secret("x")}, "username and password: give both or none"),
        (
            {"relays": (Place("mx.example.org"),), "username": "x", "password": Secret("x")},
            'password: it would go over the network in clear text; set tls = "starttls" or "implicit"',
        ),
        ({"helo": "a b"}, "helo: write a host name"),
        ({"tls_name": "x"}, 'tls_name: has no effect without tls = "starttls" or tls = "implicit"'),
        ({"tls": "implicit", "tls_ca_file": "ca.pem"}, "tls_ca_file: write an absolute path"),
        ({"tls": "implicit", "tls_verify": False, "tls_name": "x"}, "tls_verify: while it is false"),
        ({"tls": "implicit", "tls_client_key": Secret("x")}, "give both or none"),
        ({"timeout": 0.0}, "timeout: write a time that is not 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(more, message):
    with pytest.raises(ValueError) as caught:
        EmailChannel(**{"to": (OPS,), **more})
    assert message in str(caught.value)
