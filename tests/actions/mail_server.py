"""A mail server that keeps what it is sent, and says what it is told to say."""

import asyncio
import email
import ssl
import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.policy import default
from html.parser import HTMLParser

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aiosmtpd.smtp import SMTP, AuthResult

from lvsmon.testing.channel_conformance import Taken


@dataclass
class Mailbox:
    """Answers by recipient, sender and mail: "" is for yes. Keeps the envelopes that it took."""

    recipients: dict = field(default_factory=dict)
    sender: str = ""
    data: str = ""
    envelopes: list = field(default_factory=list)
    logins: list = field(default_factory=list)

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802  aiosmtpd's name
        if self.sender:
            return self.sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if answer := self.recipients.get(address, ""):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data:
            return self.data
        self.envelopes.append(envelope)
        return "250 kept"

    def login(self, server, session, envelope, mechanism, data):
        self.logins.append((mechanism, data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"good", handled=False)

    @property
    def mails(self):
        """The mails as a mailbox holds them: lines end in LF."""
        contents = [envelope.original_content.replace(b"\r\n", b"\n") for envelope in self.envelopes]
        return [email.message_from_bytes(content, policy=default) for content in contents]

    async def taken(self, count):
        assert len(self.envelopes) >= count
        found = [as_taken(mail, envelope) for mail, envelope in zip(self.mails, self.envelopes, strict=True)]
        self.envelopes.clear()
        return found


@asynccontextmanager
async def mail_server(mailbox, host="127.0.0.1", *, certificate=None, implicit=False, **more):
    """Serve ``mailbox`` on a free port; ``certificate`` is a pair of files and lets it offer STARTTLS."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    settings = {"hostname": "mx.example.org", "data_size_limit": 1 << 22, "enable_SMTPUTF8": False, **more}
    if context and not implicit:
        settings |= {"tls_context": context}

    def made():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return SMTP(mailbox, loop=asyncio.get_running_loop(), **settings)

    server = await asyncio.get_running_loop().create_server(made, host, 0, ssl=context if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, tuple(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.tags.append("a comment")


def as_taken(mail, envelope):
    plain, page = mail.iter_parts()
    read = Tags()
    read.feed(page.get_content())
    read.close()
    assert not mail.defects
    structure = (
        tuple(mail.keys()), plain.get_content_type(), tuple(plain.keys()), page.get_content_type(), tuple(page.keys()),
        tuple(read.tags), envelope.mail_from, tuple(envelope.rcpt_tos),
    )  # fmt: skip
    body, shown = (text.replace("\r\n", "\n").strip("\n") for text in (plain.get_content(), "".join(read.texts)))
    assert body == shown
    return Taken(structure, (*map(str, mail.values()), body))
