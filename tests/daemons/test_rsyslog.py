"""syslog against rsyslog: every transport and form, read back from what it has written."""

import asyncio
import json

import pytest

from certificates import Authority
from daemons.conftest import READY_WITHIN, free_port
from lvsmon.actions.places import Place
from lvsmon.actions.syslog import SyslogChannel
from lvsmon.errors import ActionFailed
from lvsmon.testing.channel_conformance import HOSTILE, hostile_alert, sample_alert

CONFIG = """
global(workDirectory="{folder}" maxMessageSize="8k"
    defaultNetstreamDriverCAFile="{ca}"
    defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imuxsock" sysSock.use="off")
module(load="imudp")
module(load="imptcp")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="all" type="list" option.jsonf="on") {{
    property(outname="severity" name="syslogseverity" format="jsonf")
    property(outname="facility" name="syslogfacility-text" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="program" name="programname" format="jsonf")
    property(outname="msgid" name="msgid" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="text" name="msg" format="jsonf")
    property(outname="input" name="inputname" format="jsonf")
}}
input(type="imuxsock" socket="{folder}/log")
input(type="imudp" address="127.0.0.1" port="{udp}")
input(type="imudp" address="::1" port="{udp}")
input(type="imptcp" address="127.0.0.1" port="{tcp}")
input(type="imptcp" address="::1" port="{tcp}")
input(type="imtcp" address="127.0.0.1" port="{tls}")
action(type="omfile" file="{folder}/messages" template="all" asyncWriting="off" flushOnTXEnd="on")
"""


class Rsyslog:
    def __init__(self, folder, ports):
        self.folder = folder
        self.ports = ports

    def messages(self):
        """Return what it has written so far; a line that is not whole yet is left for later."""
        path = self.folder / "messages"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    async def deliver(self, channel, *alerts):
        """Deliver ``alerts``; return what they have become, once as many have been written."""
        before = len(self.messages())
        async with asyncio.timeout(READY_WITHIN):
            for alert in alerts:
                await channel.deliver(alert)
            while len(found := self.messages()[before:]) < len(alerts):  # noqa: ASYNC110  a file has no event
                await asyncio.sleep(0.02)
        return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def rsyslog(start, authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rsyslog")
    certificate, key = authority.server(("log.example.org",)).write(authority.folder, "log")
    ports = {name: free_port() for name in ("udp", "tcp", "tls")}
    config = CONFIG.format(folder=folder, ca=authority.ca_file, certificate=certificate, key=key, **ports)
    arguments = ("-n", "-f", "{directory}/rsyslog.conf", "-i", "{directory}/pid")
    daemon = start("rsyslogd", *arguments, files={"rsyslog.conf": config}, directory=folder)
    running = Rsyslog(folder, ports)
    asyncio.run(_ready(running, daemon))
    return running


async def _ready(running, daemon):
    """Wait until it takes a message over each stream, and has its socket."""
    async with asyncio.timeout(READY_WITHIN):
        while True:
            assert daemon.process.poll() is None, daemon.log()
            try:
                for name in ("tcp", "tls"):
                    _, writer = await asyncio.open_connection("127.0.0.1", running.ports[name])
                    writer.close()
                    await writer.wait_closed()
            except OSError:
                await asyncio.sleep(0.02)
            else:
                if (running.folder / "log").exists():
                    return


def _channel(rsyslog, name, authority, host):
    if name == "unix":
        return SyslogChannel(path=str(rsyslog.folder / "log"))
    transport, _, form = name.partition(" ")
    more = {"tls_ca_file": authority.ca_file, "tls_name": "log.example.org"} if transport == "tls" else {}
    if form == "newline":
        more["framing"] = "newline"
    elif form:
        more["format"] = form
    return SyslogChannel(transport=transport, server=Place(host, rsyslog.ports[transport]), facility="local3", **more)


NAMES = ["unix", "udp", "udp rfc3164", "tcp", "tcp newline", "tcp rfc3164", "tls", "tls rfc3164"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_message_arrives_as_what_it_is(rsyslog, authority, name, host):
    if host == "::1" and name.split()[0] in {"unix", "tls"}:
        pytest.skip("it has no address, or is served over IPv4 alone")
    channel = _channel(rsyslog, name, authority, host)
    (message,) = asyncio.run(rsyslog.deliver(channel, sample_alert()))
    assert "3" == message["severity"]
    assert ("daemon" if name == "unix" else "local3") == message["facility"]
    assert "lvsmon" == message["program"]
    assert "[DOWN] shop rs2 | rs2 is down. | It said: HTTP/1.1 503 Service Unavailable" == message["text"].strip()
    if name in {"udp", "tcp", "tcp newline", "tls"}:
        assert "opened" == message["msgid"]
        assert message["data"].startswith('[lvsmon@32473 id="alert-1" incident="incident-1" stage="opened"')
    if name != "unix":
        assert "director1.example.org" == message["host"]


@pytest.mark.parametrize("name", NAMES)
def test_no_text_makes_two_messages_of_one(rsyslog, authority, name):
    """What a realserver says stays in the text and the values: rsyslog sees our names in all of them."""
    channel = _channel(rsyslog, name, authority, "127.0.0.1")
    alerts = [hostile_alert(number, text) for number, text in enumerate(HOSTILE.values())]
    messages = asyncio.run(rsyslog.deliver(channel, *alerts, sample_alert()))
    assert len(alerts) + 1 == len(messages)
    assert {"lvsmon"} == {message["program"] for message in messages}
    assert {"3"} == {message["severity"] for message in messages}
    assert not [message for message in messages if message["host"].startswith("injected")]


def test_a_wrong_name_is_told_and_nothing_is_sent(rsyslog, authority):
    channel = SyslogChannel(
        transport="tls", server=Place("127.0.0.1", rsyslog.ports["tls"]), tls_ca_file=authority.ca_file
    )
    before = len(rsyslog.messages())
    with pytest.raises(ActionFailed, match=r"is for log\.example\.org, not for 127\.0\.0\.1"):
        asyncio.run(channel.deliver(sample_alert()))
    assert before == len(rsyslog.messages())
