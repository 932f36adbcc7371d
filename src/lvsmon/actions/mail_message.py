"""An alert as a mail (RFC 5322, MIME). Pure.

All messages of one incident to one route are one thread: the first has a Message-ID made of the incident and the route,
the others refer to it. Each message's own Message-ID is made of the alert's id, so that a mail that was handed over
twice, because nobody knew whether the first time had gone well, is the same mail for those who look.
"""

import hashlib
import html
import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from lvsmon.actions.clean import lines, one_line
from lvsmon.actions.mail_address import MailAddress
from lvsmon.alerts.alert import Alert, Stage
from lvsmon.alerts.condition import Severity

MAX_SUBJECT: Final = 200
"""Characters: more than any mail program shows of it."""

MAX_TEXT: Final = 128 * 1024
"""Characters of the text, and of the HTML: what a person could ever read, and far below what relays take."""

_POLICY: Final = SMTP.clone(cte_type="7bit")
"""Lines end in CR LF; what is not ASCII is encoded, so that every relay takes it, with 8BITMIME or without."""

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", re.ASCII)
_NO_DOMAIN: Final = "localhost.localdomain"
_IMPORTANT: Final = frozenset(Severity) - {Severity.WARN, Severity.CERTIFICATE, Severity.DRIFT, Severity.FLAPPING}
_ALONE: Final = frozenset({Stage.DIGEST, Stage.HELD_BACK, Stage.TEST, Stage.HEARTBEAT})
"""Messages of no incident: no thread."""


def domain_of(alert: Alert) -> str:
    """Return the director's name as a domain that mail servers take, whatever it is called."""
    return alert.director if len(alert.director) <= 255 and _HOST.fullmatch(alert.director) else _NO_DOMAIN


def message_of(
    alert: Alert, sender: MailAddress, to: tuple[MailAddress, ...], reply_to: MailAddress | None, *, with_html: bool
) -> bytes:
    """Return the mail as it goes over the wire, without the doubling of dots."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _shown(sender)
    mail["To"] = tuple(map(_shown, to))
    if reply_to is not None:
        mail["Reply-To"] = _shown(reply_to)
    mail["Subject"] = _not_encoded(one_line(alert.subject, MAX_SUBJECT))
    mail["Date"] = format_datetime(datetime.fromtimestamp(alert.at, UTC))
    _thread(mail, alert)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered to us
    mail["X-Auto-Response-Suppress"] = "All"
    if alert.severity in _IMPORTANT and alert.stage in {Stage.OPENED, Stage.CHANGED, Stage.REPEATED}:
        mail["Importance"] = "high"
    mail["X-Lvsmon-Severity"] = alert.severity.value
    mail["X-Lvsmon-Stage"] = alert.stage.value
    mail["X-Lvsmon-Route"] = _token(alert.route)
    text = lines(alert.text, MAX_TEXT)
    mail.set_content(text + "\n")
    if with_html:
        mail.add_alternative(_html(alert, text), subtype="html")
        mail.set_boundary("=_lvsmon_" + hashlib.sha256(mail["Message-ID"].encode()).hexdigest()[:32])
    return mail.as_bytes()


def _shown(address: MailAddress) -> Address:
    return Address(address.name, address.local, address.domain)


def _not_encoded(text: str) -> str:
    """Return ``text`` without encoded words (RFC 2047): whoever reads the header would decode line ends out of them.

    The email package, for one, does so when a header is set, and writes the line ends.
    """
    return text.replace("=?", "= ?")


def _thread(mail: EmailMessage, alert: Alert) -> None:
    domain = domain_of(alert)
    first = f"<{_token(alert.incident)}.{_token(alert.route)}.incident@{domain}>"
    if alert.stage is Stage.OPENED and alert.number == 1 and alert.incident:
        mail["Message-ID"] = first
        return
    mail["Message-ID"] = f"<{_token(alert.id)}.alert@{domain}>"
    if alert.incident and alert.stage not in _ALONE:
        mail["In-Reply-To"] = first
        mail["References"] = first


def _token(text: str) -> str:
    """Return ``text`` where it can stand in a header as it is, else a digest of it."""
    return text if _PLAIN_ID.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _html(alert: Alert, text: str) -> str:
    """Return the HTML that a template made, or, without one that fits, the plain text in the simplest page there is."""
    if alert.html and len(made := lines(alert.html, MAX_TEXT + 1)) <= MAX_TEXT:
        return made + "\n"
    return (
        f'<!DOCTYPE html>\n<html><body><pre style="white-space: pre-wrap">{html.escape(text)}\n</pre></body></html>\n'
    )
