"""What real servers answer, and what becomes of the alert: taken, given up, tried again and when."""

import asyncio
import logging

import pytest

from actions.mail_server import Mailbox, mail_server
from actions.web_server import web_server
from alerts.streams import START, condition, route
from lvsmon.actions.email import EmailChannel
from lvsmon.actions.mail_address import MailAddress
from lvsmon.actions.places import Place
from lvsmon.actions.webhook import WebhookChannel
from lvsmon.alerts.facts import About
from lvsmon.alerts.outbox import FIRST_PAUSE, LONGEST_ASKED
from lvsmon.alerts.setup import Setup
from lvsmon.monitor.alerting.courier import Courier
from lvsmon.monitor.alerting.desk import Desk
from lvsmon.store.alerts import AlertStore
from oneshot_support import listening

ANN = MailAddress("ann", "example.org")


def desk(store, channel):
    return Desk(Setup(routes=(route(),), channels={"mail": channel}), store, About(director="lb1"))


async def settle(one, seconds):
    """Deliver as far as it may be tried so many seconds after the start."""
    await Courier(one, now=lambda: START + seconds).settle(20.0)


@pytest.mark.parametrize(("said", "waits"), [("120", 120.0), ("86400", LONGEST_ASKED), ("0", FIRST_PAUSE)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_is_left_alone_for_as_long_as_it_asks_but_not_for_ever_and_also_after_a_restart(
    tmp_path, status, said, waits
):
    with web_server() as server:
        server.answer = (status, {"Retry-After": said}, b"")
        one = desk(AlertStore.open(tmp_path), WebhookChannel(url=server.url))
        one.look([condition("web/rs1")], START)
        asyncio.run(settle(one, 0))
        (entry,) = one.outbox.entries()
        assert entry.next_at == START + waits
        if waits > FIRST_PAUSE:  # asking for less than is waited anyway is nothing that need be kept
            one = desk(AlertStore.open(tmp_path), WebhookChannel(url=server.url))
            asyncio.run(settle(one, waits - 1))
            assert len(server.requests) == 1
        server.answer = (200, {}, b"")
        asyncio.run(settle(one, waits))
        assert (len(server.requests), one.outbox.entries()) == (2, [])


@pytest.mark.parametrize(
    ("says", "given_up"),
    [("451 4.7.1 greylisted, come again later", 0), ("421 too busy", 0), ("550 no such mailbox", 1), ("552 full", 0)],
)
def test_what_a_relay_says_for_now_is_tried_again_and_what_it_says_for_good_is_given_up(caplog, says, given_up):
    """RFC 5321 section 4.2.1: 4yz is for now, 5yz for good, but for those that are not about this mail."""
    caplog.set_level(logging.ERROR)

    async def scenario():
        mailbox = Mailbox(recipients={"ann@example.org": says})
        async with mail_server(mailbox) as port:
            channel = EmailChannel(to=(ANN,), relays=(Place("127.0.0.1", port),))
            one = desk(None, channel)
            one.look([condition("web/rs1")], START)
            await settle(one, 0)
            waiting = [entry.next_at - START for entry in one.outbox.entries()]
            mailbox.recipients.clear()
            await settle(one, FIRST_PAUSE)
            return waiting, len(mailbox.mails), one.outbox.entries()

    waiting, mails, left = asyncio.run(scenario())
    assert (waiting, mails, left) == ([], 0, []) if given_up else ([FIRST_PAUSE], 1, [])
    assert [record.message for record in caplog.records] == ["alert_given_up"] * given_up


def test_what_hangs_is_cut_off_and_counts_as_tried():
    with listening() as relay:
        one = desk(None, EmailChannel(to=(ANN,), relays=(Place("127.0.0.1", relay.getsockname()[1]),)))
        one.look([condition("web/rs1")], START)
        asyncio.run(Courier(one, now=lambda: START).settle(0.2))
    assert [entry.tries for entry in one.outbox.entries()] == [1]
    assert one.trouble == {"mail": "not delivered within the 0.2 s there were"}


def test_who_has_taken_a_mail_is_not_sent_it_again_by_the_next_process(tmp_path):
    """Of several recipients one is refused for now: with a run of cron each minute the others would be flooded."""

    async def scenario():
        mailbox = Mailbox(recipients={"bob@example.org": "451 greylisted"})
        async with mail_server(mailbox) as port:
            for run in range(4):
                channel = EmailChannel(to=(ANN, MailAddress("bob", "example.org")), relays=(Place("127.0.0.1", port),))
                one = desk(AlertStore.open(tmp_path), channel)
                one.look([condition("web/rs1")], START)
                await settle(one, 60 * run)
                if run == 2:
                    mailbox.recipients.clear()
        return [envelope.rcpt_tos for envelope in mailbox.envelopes], one.outbox.entries()

    assert asyncio.run(scenario()) == ([["ann@example.org"], ["bob@example.org"]], [])
