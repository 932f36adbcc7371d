"""syslog: one line for each alert, by every transport; what nobody reads blocks nothing."""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest

from actions.peers import serving, until_the_end
from actions.syslog_reader import read3164, read5424
from certificates import Authority
from lvsmon.actions.places import Place
from lvsmon.actions.severities import BY_SEVERITY
from lvsmon.actions.syslog import Facility, SyslogChannel
from lvsmon.actions.syslog_format import FACILITIES
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Severity
from lvsmon.errors import ActionFailed
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
    stream_complaints,
)
from lvsmon.testing.misbehaving import BEHAVIOURS, MisbehavingServers


@dataclass
class World:
    """What a socket of this host's log, or a log server, has taken."""

    channel: Any
    received: list = field(default_factory=list)
    max_size: int = 2048
    form: str = "rfc5424"
    wait: Any = None

    async def taken(self, count):
        if self.wait:
            while len(self.received) < count:
                await self.wait()
        messages = [self.read(raw) for raw in self.received]
        self.received.clear()
        return messages

    def read(self, raw):
        assert len(raw) <= self.max_size
        if self.form == "rfc3164":
            priority, _, host, tag, text = read3164(raw)
            return Taken((priority, host, tag), (text,))
        priority, _, host, app, stage, sd_id, params, text = read5424(raw)
        structure = (priority, host, app, stage, sd_id, tuple(name for name, _ in params))
        return Taken(structure, (text, *(value for _, value in params)))


@asynccontextmanager
async def unix_world(folder, **more):
    path = str(folder / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.setblocking(False)
        world = World(SyslogChannel(path=path, **more), form=more.get("format", "rfc3164"))
        world.wait = lambda: _datagram(sock, world)
        yield world


@asynccontextmanager
async def udp_world(host="127.0.0.1", **more):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.setblocking(False)
        channel = SyslogChannel(transport="udp", server=Place(host, sock.getsockname()[1]), **more)
        world = World(channel, form=more.get("format", "rfc5424"))
        world.wait = lambda: _datagram(sock, world)
        yield world


async def _datagram(sock, world):
    world.received.append(await asyncio.get_running_loop().sock_recv(sock, 65536))


@asynccontextmanager
async def stream_world(transport="tcp", host="127.0.0.1", tls=None, **more):
    world = World(None)

    async def serve(reader, writer):
        raw = await reader.read()
        if more.get("framing") == "newline":
            assert raw.endswith(b"\n")
            world.received.extend(raw[:-1].split(b"\n"))
        else:
            while raw:
                count, _, rest = raw.partition(b" ")
                world.received.append(rest[: int(count)])
                raw = rest[int(count) :]

    async with serving(serve, host, ssl=tls) as port:
        world.channel = SyslogChannel(transport=transport, server=Place(host, port), **more)
        yield world


WORLDS = {
    "unix": unix_world,
    "unix 5424": lambda folder: unix_world(folder, format="rfc5424"),
    "udp": lambda _: udp_world(),
    "udp 3164": lambda _: udp_world("::1", format="rfc3164"),
    "tcp": lambda _: stream_world(),
    "tcp newline": lambda _: stream_world(host="::1", framing="newline"),
}


async def _judged(world, judge):
    async with world as made:
        return await judge(made)


@pytest.mark.parametrize("name", WORLDS)
def test_every_alert_is_one_message_whatever_stands_in_it(name, tmp_path):
    complaints = asyncio.run(_judged(WORLDS[name](tmp_path), delivery_complaints))
    assert not complaints, "\n".join(complaints)


def test_a_long_alert_holds_bounded_memory():
    assert [] == asyncio.run(_judged(udp_world(), memory_complaints))


@pytest.mark.parametrize("size", [480, 2048, 60_000])
def test_no_message_is_longer_than_it_may_be(size):
    channel = SyslogChannel(transport="udp", server=Place("127.0.0.1"), max_size=size)
    for number, text in enumerate(HOSTILE.values()):
        raw = channel.message(hostile_alert(number, text))
        assert len(raw) <= size
        read5424(raw)


def test_what_a_message_holds():
    alert = sample_alert()
    channel = SyslogChannel(transport="udp", server=Place("127.0.0.1"), facility="local3")
    priority, time, host, app, stage, sd_id, params, text = read5424(channel.message(alert))
    assert (19 * 8 + 3, "2023-11-14T22:14:20.250000Z") == (priority, time)
    assert ("director1.example.org", "lvsmon", "opened", "lvsmon@32473") == (host, app, stage, sd_id)
    assert ("rs2", "10.1.0.12:443", "down") == tuple(
        dict(params)[name] for name in ("realserver", "destination", "severity")
    )
    assert "[DOWN] shop rs2 | rs2 is down. | It said: HTTP/1.1 503 Service Unavailable" == text


def test_the_page_shows_what_is_sent():
    page = (Path(__file__).parents[2] / "docs/alerts/syslog.md").read_text()
    shown = SyslogChannel(transport="udp", server=Place("127.0.0.1")).message(sample_alert()).decode()
    assert f"\n    {shown}\n" in page


def test_every_facility_that_may_be_written_has_its_number():
    assert set(FACILITIES) == set(get_args(Facility))


def test_every_severity_has_one_of_syslog_and_what_is_over_is_a_notice():
    channel = SyslogChannel()
    assert set(Severity) == set(BY_SEVERITY)
    for stage, severity, wanted in (
        (Stage.OPENED, Severity.BRAKE, 1),
        (Stage.REPEATED, Severity.FLOOR, 2),
        (Stage.CHANGED, Severity.DOWN, 3),
        (Stage.OPENED, Severity.WARN, 4),
        (Stage.RESOLVED, Severity.BRAKE, 5),
        (Stage.TEST, Severity.DOWN, 6),
    ):
        assert 24 + wanted == read3164(channel.message(sample_alert(stage=stage, severity=severity)))[0]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


def _served(authority):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.server(("log.example.org",)).write(authority.folder, "log"))
    return context


def test_over_tls_to_the_right_server(authority):
    trust = {"tls_ca_file": authority.ca_file, "tls_name": "log.example.org"}
    world = stream_world("tls", tls=_served(authority), **trust)
    complaints = asyncio.run(_judged(world, delivery_complaints))
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("trust", "says"),
    [({}, "is refused"), ({"tls_ca_file": True}, "is for log.example.org, not for 127.0.0.1")],
    ids=["unknown authority", "another name"],
)
def test_nothing_is_told_to_another_server(authority, trust, says):
    if trust:
        trust = {"tls_ca_file": authority.ca_file}

    async def main():
        async with stream_world("tls", tls=_served(authority), **trust) as world:
            with pytest.raises(ActionFailed, match=says) as caught:
                await world.channel.deliver(sample_alert())
            assert not world.received
            return caught.value.final

    assert not asyncio.run(main())


def test_a_socket_that_nobody_reads_blocks_nothing(tmp_path):
    """Its queue is full after some ten messages (net.unix.max_dgram_qlen); the loop turns on, nothing is left."""

    async def main():
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(str(tmp_path / "log"))
            return await stall_complaints({"unread": SyslogChannel(path=str(tmp_path / "log"))}, deliveries=5000)

    assert [] == asyncio.run(main())


def test_a_server_that_stands_still_is_told_and_left():
    async def main():
        async with serving(until_the_end) as port:
            silent = SyslogChannel(transport="tls", server=Place("127.0.0.1", port), tls_verify=False)
            return await stall_complaints({"no handshake": silent})

    assert [] == asyncio.run(main())


def test_nobody_there_is_tried_again(tmp_path):
    async def main():
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            udp.bind(("127.0.0.1", 0))
            closed, silent = Place("127.0.0.1", tcp.getsockname()[1]), Place("127.0.0.1", udp.getsockname()[1])
            udp.close()
            (tmp_path / "file").touch()
            with socket.socket(socket.AF_UNIX) as stream:
                stream.bind(str(tmp_path / "stream"))
                stream.listen()
                return await refusal_complaints(
                    {
                        "no server": Refusal(
                            SyslogChannel(transport="tcp", server=closed), False, "connection refused"
                        ),
                        "no udp": Refusal(SyslogChannel(transport="udp", server=silent), False, "connection refused"),
                        "no socket": Refusal(SyslogChannel(path=str(tmp_path / "x")), False, "no such file"),
                        "no log": Refusal(SyslogChannel(path=str(tmp_path / "file")), False, "connection refused"),
                        "a stream": Refusal(
                            SyslogChannel(path=str(tmp_path / "stream")), False, "a socket for streams"
                        ),
                        "no name": Refusal(
                            SyslogChannel(transport="udp", server=Place("log.invalid")), False, "cannot be looked up"
                        ),
                    }
                )

    assert [] == asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_no_misbehaving_server_takes_a_message(transport):
    """But those that close without a word: nobody could tell them from a log server; nor in TLS who answers its end."""
    takes = {name for name in BEHAVIOURS if name.startswith("tls_")} | {"close_on_accept", "close_after_request"}
    with MisbehavingServers() as servers:
        complaints = stream_complaints(
            lambda host, port: SyslogChannel(
                transport=transport, server=Place(host, port), tls_verify=transport == "tcp"
            ),
            servers,
            frozenset(takes if transport == "tcp" else takes - {"close_on_accept", "close_after_request"}),
        )
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"server": Place("x")}, "server: has no effect with transport"),
        ({"transport": "udp"}, "server: missing"),
        ({"path": "log"}, "path: write the absolute path"),
        ({"path": "/" + "x" * 107}, "path: write the absolute path"),
        ({"transport": "tcp", "server": Place("x"), "path": "/x"}, "path: has no effect"),
        ({"tls_name": "x"}, 'tls_name: has no effect without transport = "tls"'),
        ({"framing": "newline"}, "framing: has no effect"),
        ({"app_name": "a b"}, "app_name: write at most 32"),
        ({"sd_id": 'a"b'}, "sd_id: write a name"),
        ({"max_size": 479}, "max_size: write a size from 480B to 60kB"),
        ({"timeout": 0.0}, "timeout: write a time"),
    ],
)
def test_settings_that_cannot_work_are_refused(more, message):
    with pytest.raises(ValueError) as caught:
        SyslogChannel(**more)
    assert message in str(caught.value)
