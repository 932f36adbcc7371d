"""snmptrap: what is sent, and that only an acknowledgement has taken an inform."""

import asyncio
import contextlib
import re
import socket
import threading
from pathlib import Path

import pytest

from lvsmon.actions.places import Place
from lvsmon.actions.snmptrap import NOTIFICATIONS, OBJECTS, SnmptrapChannel
from lvsmon.alerts.alert import Stage
from lvsmon.errors import ActionFailed
from lvsmon.model.settings import Secret
from lvsmon.testing.channel_conformance import (
    HOSTILE,
    Refusal,
    Taken,
    delivery_complaints,
    hostile_alert,
    memory_complaints,
    refusal_complaints,
    sample_alert,
    stall_complaints,
)
from wire.test_snmp import answer, read_raw

SECRET = Secret("c0mmunity")
MIB = Path(__file__).parents[2] / "docs/alerts/LVSMON-MIB.txt"


class Receiver:
    """Keeps datagrams and sends what ``answers`` makes of each request's number; in a thread."""

    def __init__(self, host="127.0.0.1", answers=lambda number: [answer(number)]):
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.port = self.sock.getsockname()[1]
        self.taken = []
        self._answers = answers
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while data := self._next():
            self.taken.append(read_raw(data))
            for one in self._answers(self.taken[-1][2][0]):
                self.sock.sendto(one, self._peer)

    def _next(self):
        data, self._peer = self.sock.recvfrom(65536)
        return data

    def close(self):
        with socket.socket(self.sock.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.sock.getsockname())
        self._thread.join()
        self.sock.close()

    def channel(self, **settings):
        return SnmptrapChannel(server=Place(self.sock.getsockname()[0], self.port), community=SECRET, **settings)


@contextlib.contextmanager
def receiver(*args, **more):
    one = Receiver(*args, **more)
    try:
        yield one
    finally:
        one.close()


def variables(message):
    """Return the variables by their names."""
    return dict(message[3])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_inform_is_taken_once_it_is_acknowledged(host):
    with receiver(host) as other:
        asyncio.run(other.channel().deliver(sample_alert()))
        (message,) = other.taken
    assert b"c0mmunity" == message[1]
    found = variables(message)
    assert "1.3.6.1.4.1.32473.1.0.1" == found["1.3.6.1.6.3.1.1.4.1.0"]
    base = "1.3.6.1.4.1.32473.1.1"
    assert b"[DOWN] shop rs2" == found[f"{base}.6.0"]
    assert [b"shop", b"rs2", b"10.1.0.12:443"] == [found[f"{base}.{number}.0"] for number in (9, 10, 11)]
    assert 1 == found[f"{base}.12.0"]
    assert "07e70b0e160d1400" + b"+\0\0".hex() == found[f"{base}.13.0"].hex()


def test_a_trap_is_sent_and_forgotten():
    with receiver(answers=lambda _: []) as other:
        asyncio.run(other.channel(inform=False, enterprise="1.3.6.1.4.1.9999.7").deliver(sample_alert()))
        while not other.taken:
            threading.Event().wait(0.001)
        assert "1.3.6.1.4.1.9999.7.0.1" == variables(other.taken[0])["1.3.6.1.6.3.1.1.4.1.0"]


def test_an_inform_is_sent_again_until_it_is_answered(monkeypatch):
    """With the same number, so that whoever got both knows it."""
    monkeypatch.setattr("lvsmon.actions.snmptrap._AGAIN", 0.02)
    seen = []

    def answers(number):
        seen.append(number)
        return [answer(number)] if len(seen) >= 3 else [b"junk", answer(number + 1), answer(number, kind=7)]

    with receiver(answers=answers) as other:
        asyncio.run(other.channel().deliver(sample_alert()))
        asyncio.run(other.channel().deliver(sample_alert(2)))
    assert seen[0] == seen[1] == seen[2] != seen[-1]
    assert len(set(seen)) == 2


def test_nobody_acknowledges():
    with receiver(answers=lambda _: []) as other:
        with pytest.raises(ActionFailed, match="does not acknowledge it: nobody is there, or the community") as caught:
            asyncio.run(other.channel(timeout=0.1).deliver(sample_alert()))
        assert not caught.value.final


class World:
    max_size = 2000

    def __init__(self, other):
        self.channel = other.channel()
        self._other = other

    async def taken(self, count):
        messages, self._other.taken = self._other.taken, []
        return [Taken(tuple(variables(one)), tuple(_texts(one))) for one in messages]


def _texts(message):
    for name, value in variables(message).items():
        if "32473.1.1." in name and not name.endswith((".12.0", ".13.0")):
            yield value.decode()


def test_the_conformance_suite():
    with receiver() as other:
        world = World(other)

        async def judged():
            return await delivery_complaints(world) + await memory_complaints(world)

        complaints = asyncio.run(judged())
    assert not complaints, "\n".join(complaints)


def test_a_notification_fits_a_packet_that_nobody_divides():
    """1500 bytes of Ethernet, less 48 of IPv6 and UDP."""
    channel = SnmptrapChannel(server=Place("h"), community=SECRET)
    sizes = {len(channel.message(hostile_alert(1, text), 2**31 - 1, 2**32 - 1)) for text in HOSTILE.values()}
    assert max(sizes) <= 1452


def test_refusals_and_silence():
    with (
        receiver(answers=lambda number: [answer(number, 16)]) as refusing,
        receiver(answers=lambda _: []) as silent,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed,
    ):
        closed.bind(("127.0.0.1", 0))
        nobody = SnmptrapChannel(server=Place("127.0.0.1", closed.getsockname()[1]), community=SECRET)
        closed.close()
        refusals = {
            "an error": Refusal(refusing.channel(), False, "answered authorizationError", ("c0mmunity",)),
            "nobody listens": Refusal(nobody, False, "connection refused"),
        }
        complaints = asyncio.run(refusal_complaints(refusals))
        complaints += asyncio.run(stall_complaints({"silent": silent.channel()}))
    assert not complaints, "\n".join(complaints)


def test_the_mib_has_what_is_sent():
    text = MIB.read_text()
    for name, (number, most) in OBJECTS.items():
        found = re.search(
            rf"^lvsmon{name.capitalize()} OBJECT-TYPE\n(.*?)::= \{{ lvsmonObjects {number} \}}$",
            text,
            re.MULTILINE | re.DOTALL,
        )
        assert found, name
        assert f"SIZE (0..{most})" in found[1], name
    for stage, number in NOTIFICATIONS.items():
        name = "".join(part.capitalize() for part in stage.split("_"))
        found = re.search(
            rf"^lvsmon{name}Notification NOTIFICATION-TYPE\n(.*?)::= \{{ lvsmonNotifications {number} \}}$",
            text,
            re.MULTILINE | re.DOTALL,
        )
        assert found, stage
    assert set(NOTIFICATIONS) == set(Stage)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"enterprise": "1.3"}, 'enterprise: write an object identifier, such as "1.3.6.1.4.1.32473.1"'),
        ({"enterprise": ".".join(["1"] * 70)}, "enterprise: more than 64 numbers"),
        ({"community": Secret("")}, "community: write a text of 1 to 255 bytes"),
        ({"community": Secret("é" * 128)}, "community: write a text of 1 to 255 bytes"),
        ({"timeout": 0.0}, "timeout: write a duration from 100ms to 10m"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        SnmptrapChannel(**{"server": Place("h"), "community": SECRET} | settings)
    assert str(caught.value).startswith(message)
