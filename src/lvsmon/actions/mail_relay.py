"""One conversation with one mail relay (RFC 5321), over aiosmtplib, and what its words mean for trying again."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import aiosmtplib

from lvsmon.actions.connecting import connect
from lvsmon.actions.failing import failed, why
from lvsmon.actions.places import Place
from lvsmon.actions.secure import TlsSettings
from lvsmon.model.settings import Secret

MAX_RECIPIENTS_REFUSED: Final = 3
"""Refusals that are told with their words; of the rest, how many."""

_PORTS: Final = {"none": 25, "starttls": 587, "implicit": 465}
_GOODBYE: Final = 2.0
"""Seconds for the answer to QUIT, after which the connection is closed anyway."""

_NOT_ABOUT_THIS_MAIL: Final = frozenset({502, 503, 521, 523, 530, 534, 535, 538, 552})
"""Codes of 5xx after which trying again may help: what they are about is the login, TLS, the session, the relay itself
or (552, RFC 5321 section 4.5.3.1.10) a number of recipients, none of which is this mail's own fault."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What was answered instead of 2xx; ``final`` where the relay says that it will never take it."""

    words: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How to begin a conversation with any of the relays."""

    settings: TlsSettings
    tls: str
    helo: str
    username: str
    password: Secret | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail as it goes over the wire, from whom and to whom."""

    sender: str
    recipients: Sequence[str]
    mail: bytes


async def hand_over(session: Session, relay: Place, envelope: Envelope) -> dict[str, Refused | None]:
    """Hand the mail to ``relay``; return for each recipient None where it was taken, or the refusal.

    Raise `ActionFailed` where nothing was decided about any: no connection, no login, an end in the middle.
    """
    where = relay.write()
    async with _open(session, relay) as client:
        try:
            return await _converse(session, client, relay, envelope)
        except aiosmtplib.SMTPResponseException as error:
            raise failed(session.settings, f"the relay {where} says {_said(error)}") from None
        except ssl.SSLError as error:
            raise session.settings.tls_failed(error, where) from None
        except aiosmtplib.SMTPConnectError as error:
            cause = error.__cause__
            if isinstance(cause, ssl.SSLError):
                raise session.settings.tls_failed(cause, where) from None
            words = why(cause) if isinstance(cause, OSError) and cause.errno else "it closed the connection at once"
            raise failed(session.settings, f"the relay {where}: {words}") from None
        except aiosmtplib.SMTPServerDisconnected:
            raise failed(session.settings, f"the relay {where} closed the connection in the middle") from None
        except aiosmtplib.SMTPException as error:
            raise failed(session.settings, f"the relay {where}: {error.message}") from None
        except OSError as error:
            raise failed(session.settings, f"the relay {where}: {why(error)}") from None
        except (ValueError, UnicodeError) as error:  # it sent a challenge that aiosmtplib cannot read
            raise failed(session.settings, f"the relay {where} does not speak SMTP as it should: {error}") from None


@asynccontextmanager
async def _open(session: Session, relay: Place) -> AsyncIterator[aiosmtplib.SMTP]:
    """Connect; afterwards nothing of the connection is left, whether the relay answers or not."""
    context = None if session.tls == "none" else await session.settings.tls_context()
    sock = await connect(session.settings, relay, _PORTS[session.tls])
    try:
        yield aiosmtplib.SMTP(
            hostname=session.settings.tls_name or relay.host,
            sock=sock,
            use_tls=session.tls == "implicit",
            start_tls=False,
            tls_context=context,
            local_hostname=session.helo,
            timeout=None,  # the outbox has the deadline
        )
    finally:
        # The socket is the transport's, which closes it: if it waits for anything before, such as room for what is not
        # sent yet or the relay's close_notify, it hears the end now.
        with suppress(OSError):  # closed already
            sock.shutdown(socket.SHUT_RDWR)


async def _converse(
    session: Session, client: aiosmtplib.SMTP, relay: Place, envelope: Envelope
) -> dict[str, Refused | None]:
    await client.connect()
    if session.tls == "starttls":
        await client.starttls()
    if session.tls != "none":
        session.settings.judge(client.get_transport_info("ssl_object"), relay.host)
    if session.password is not None:
        await client.login(session.username, session.password.reveal())
    answers = await _send(client, envelope)
    with suppress(aiosmtplib.SMTPException, OSError):
        async with asyncio.timeout(_GOODBYE):  # the mail is theirs: how they say goodbye changes nothing
            await client.quit()
    return answers


async def _send(client: aiosmtplib.SMTP, envelope: Envelope) -> dict[str, Refused | None]:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if not 500 <= error.code < 600:  # it knows the command, and cannot now
            raise
        await client.helo()
    size = [f"SIZE={len(envelope.mail)}"] if client.supports_extension("size") else []
    try:
        await client.mail(envelope.sender, options=size)
    except aiosmtplib.SMTPSenderRefused as error:
        refusal = _refused(error, f"the sender {envelope.sender} is refused")
        return dict.fromkeys(envelope.recipients, refusal)
    answers: dict[str, Refused | None] = {}
    for recipient in envelope.recipients:
        try:
            await client.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as error:
            answers[recipient] = _refused(error, recipient)
        else:
            answers[recipient] = None
    if None not in answers.values():
        return answers
    try:
        await client.data(envelope.mail)
    except aiosmtplib.SMTPDataError as error:
        refusal = _refused(error, "the mail is refused")
        return {recipient: answer or refusal for recipient, answer in answers.items()}
    return answers


def _refused(error: aiosmtplib.SMTPResponseException, what: str) -> Refused:
    final = 500 <= error.code < 600 and error.code not in _NOT_ABOUT_THIS_MAIL
    return Refused(f"{what}: {_said(error)}", final)


def _said(error: aiosmtplib.SMTPResponseException) -> str:
    code = f"{error.code} " if error.code > 0 else ""
    return f"{code}{' '.join(str(error.message).split())}" or "something that is not SMTP"
