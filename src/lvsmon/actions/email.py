"""email: a mail by way of the first relay that takes it (RFC 5321, RFC 6409)."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from lvsmon.actions.failing import failed
from lvsmon.actions.mail_address import MailAddress, MailAddressSetting
from lvsmon.actions.mail_message import domain_of, message_of
from lvsmon.actions.mail_relay import MAX_RECIPIENTS_REFUSED, Envelope, Refused, Session, hand_over
from lvsmon.actions.places import Place, PlaceSetting
from lvsmon.actions.secure import TlsSettings
from lvsmon.alerts.alert import Alert
from lvsmon.errors import ActionFailed
from lvsmon.model.certificate import as_address
from lvsmon.model.settings import Duration, Secret

MAX_RECIPIENTS: Final = 100
"""Recipients that every relay must take in one mail (RFC 5321 section 4.5.3.1.8)."""

_REMEMBERED: Final = 256
"""Alerts whose recipients are remembered while some of them have not taken it yet."""


class Settled:
    """Who has taken which alert already; what waits is kept with the alert (`EmailChannel.partly`)."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, set[str]] = OrderedDict()

    def of(self, alert: str) -> set[str]:
        """Return the recipients who have taken ``alert``, to be added to."""
        while len(self._taken) >= _REMEMBERED and alert not in self._taken:
            self._taken.popitem(last=False)
        return self._taken.setdefault(alert, set())

    def forget(self, alert: str) -> None:
        self._taken.pop(alert, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChannel(TlsSettings):
    """Send each alert as one mail to all recipients; an incident is a thread."""

    kind: ClassVar[str] = "email"

    to: tuple[MailAddressSetting, ...]
    """Recipients, at most 100."""
    sender: MailAddressSetting | None = None
    """Address in From and in the envelope; if not given, lvsmon at the director's host name."""
    reply_to: MailAddressSetting | None = None
    """Address that answers go to, where it is not the sender's."""
    relays: tuple[PlaceSetting, ...] = (Place("localhost"),)
    """Mail servers to hand it to, in this order until one takes it; the port is 25, with TLS 587 or 465."""
    tls: Literal["none", "starttls", "implicit"] = "none"
    """"none", "starttls" (the relay must offer it), or "implicit": TLS from the first byte."""
    username: str = ""
    """Name to log in with."""
    password: Secret | None = None
    """Password to log in with."""
    helo: str = ""
    """Name to greet with; if not given, the director's host name."""
    html: bool = True
    """Send HTML beside the plain text."""
    timeout: Duration = 60.0
    """Time that one try may take, over all relays."""
    settled: Settled = field(init=False, repr=False, compare=False, default_factory=Settled)

    def __post_init__(self) -> None:
        """Raise ValueError for settings that contradict each other or reach nobody."""
        TlsSettings.__post_init__(self)
        if not 1 <= len(self.to) <= MAX_RECIPIENTS:
            raise ValueError(f"to: write from 1 to {MAX_RECIPIENTS} addresses")
        if len({address.path for address in self.to}) < len(self.to):
            raise ValueError("to: an address is written twice")
        if not self.relays:
            raise ValueError("relays: write at least one")
        if self.tls == "none":
            self.refuse_tls_settings('tls = "starttls" or tls = "implicit"')
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password: give both or none")
        if self.password is not None and self.tls == "none" and not all(map(_is_here, self.relays)):
            raise ValueError('password: it would go over the network in clear text; set tls = "starttls" or "implicit"')
        if self.helo and not (self.helo.isascii() and self.helo.isprintable() and " " not in self.helo):
            raise ValueError("helo: write a host name in ASCII, without spaces")
        if not self.timeout > 0:
            raise ValueError("timeout: write a time that is not 0")

    def partly(self, alert: Alert, /) -> Sequence[str]:
        """Return who has taken ``alert`` though it was not delivered to all."""
        return sorted(self.settled.of(alert.id))

    async def deliver(self, alert: Alert, /) -> None:
        """Hand the mail to the relays in turn, each getting its share of the time, until every recipient is settled.

        Who has taken it is not sent it again when the outbox tries again for the others.
        """
        domain = domain_of(alert)
        sender = self.sender or MailAddress("lvsmon", domain)
        mail = message_of(alert, sender, self.to, self.reply_to, with_html=self.html)
        session = Session(
            settings=self, tls=self.tls, helo=self.helo or domain, username=self.username, password=self.password
        )
        taken = self.settled.of(alert.id)
        taken.update(alert.taken)
        refused: dict[str, Refused] = {}
        trouble: list[ActionFailed] = []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.timeout
        for number, relay in enumerate(self.relays):
            if not (left := [to.path for to in self.to if to.path not in taken]):
                break
            share = (deadline - loop.time()) / (len(self.relays) - number)
            try:
                async with asyncio.timeout(share if number < len(self.relays) - 1 else None):
                    answers = await hand_over(session, relay, Envelope(sender.path, left, mail))
            except TimeoutError:
                trouble.append(failed(self, f"the relay {relay.write()} did not answer in {share:.0f} s"))
            except ActionFailed as error:
                trouble.append(error)
            else:
                taken.update(path for path, answer in answers.items() if answer is None)
                refused.update((path, answer) for path, answer in answers.items() if answer is not None)
        left = [to.path for to in self.to if to.path not in taken]
        if not left:
            self.settled.forget(alert.id)
            return
        raise self._told(left, refused, trouble)

    def _told(self, left: list[str], refused: dict[str, Refused], trouble: list[ActionFailed]) -> ActionFailed:
        """Say who has not taken it and why.

        Final only where every relay has answered and all of ``left`` are refused for good: then trying again is vain.
        """
        final = not trouble and all(path in refused and refused[path].final for path in left)
        words = list(dict.fromkeys(refused[path].words for path in left if path in refused))
        shown = words[:MAX_RECIPIENTS_REFUSED] + [str(error) for error in trouble]
        if len(words) > MAX_RECIPIENTS_REFUSED:
            shown.append(f"and {len(words) - MAX_RECIPIENTS_REFUSED} more refusals")
        count = len(self.to) - len(left)
        head = f"taken for {count} of {len(self.to)} recipients; " if count else ""
        return failed(self, head + "; ".join(shown), final=final)


def _is_here(relay: Place) -> bool:
    address = as_address(relay.host)
    return relay.host == "localhost" or (address is not None and address.is_loopback)
