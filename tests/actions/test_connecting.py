"""Connections of channels: by name or address, the first that answers; no dead name server holds up another channel."""

import asyncio
import gc
import socket
import threading
import warnings

import pytest

from actions.peers import serving, until_the_end
from lvsmon.actions import connecting
from lvsmon.actions.connecting import MAX_LOOKUPS, connect
from lvsmon.actions.places import Place, place
from lvsmon.actions.syslog import SyslogChannel
from lvsmon.errors import ActionFailed
from lvsmon.testing.misbehaving import LOOPBACKS

CHANNEL = SyslogChannel()


@pytest.fixture
def dead():
    """An address that takes no connection and refuses none: its backlog is full."""
    with socket.socket() as sock, socket.socket() as first, socket.socket() as second:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
        yield sock.getsockname()


def _names(monkeypatch, *addresses):
    """Let every name have these addresses."""

    def found(host, port, kind, flags=0):
        if flags:
            raise OSError("it is no address")
        return [(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, address) for address in addresses]

    monkeypatch.setattr(connecting, "_found", found)


@pytest.mark.parametrize("host", LOOPBACKS)
def test_an_address_is_connected_to_without_a_thread(host):
    async def main():
        async with serving(until_the_end, host) as port:
            before = threading.active_count()
            with await connect(CHANNEL, Place(host), port) as sock:
                assert sock.getpeername()[:2] == (host, port)
                assert not sock.getblocking()
            assert before == threading.active_count()

    asyncio.run(main())


def test_the_next_address_is_tried_while_the_first_one_keeps_silent(monkeypatch, dead):
    async def main():
        async with serving(until_the_end) as port:
            _names(monkeypatch, dead, ("127.0.0.1", port))
            async with asyncio.timeout(20):
                with await connect(CHANNEL, Place("log.example.org"), 514) as sock:
                    assert sock.getpeername()[1] == port

    asyncio.run(main())


def test_an_address_that_refuses_is_followed_by_the_next_at_once(monkeypatch):
    async def main():
        async with serving(until_the_end) as port:
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                _names(monkeypatch, closed.getsockname(), ("127.0.0.1", port))
                monkeypatch.setattr(connecting, "_STAGGER", 100.0)
                async with asyncio.timeout(20):
                    (await connect(CHANNEL, Place("log.example.org"), 514)).close()

    asyncio.run(main())


def test_where_all_refuse_the_first_one_is_told(monkeypatch):
    async def main():
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            _names(monkeypatch, closed.getsockname(), closed.getsockname())
            with pytest.raises(ActionFailed, match=r"^no connection to log\.example\.org:514: connection refused$"):
                await connect(CHANNEL, Place("log.example.org"), 514)

    asyncio.run(main())


def test_a_connection_that_is_not_wanted_any_more_is_closed():
    """Cancelled after each number of turns of the loop: nothing is left open, wherever it was."""

    async def main():
        async with serving(until_the_end) as port:
            for turns in range(12):
                opening = asyncio.create_task(connect(CHANNEL, Place("127.0.0.1"), port))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if not opening.cancel():
                    opening.result().close()
                await asyncio.wait([opening])
                if not opening.cancelled():
                    opening.result().close()
            del opening
            gc.collect()

    with warnings.catch_warnings(action="error", category=ResourceWarning):
        asyncio.run(main())


def test_dead_name_servers_hold_up_nobody_else(monkeypatch):
    """Each lookup that hangs keeps a thread, until there are as many as may be; addresses need none."""
    back = threading.Event()

    def found(host, port, kind, flags=0):
        if host == "127.0.0.1":
            return [(socket.AF_INET, (host, port))]
        if flags:
            raise OSError("it is no address")
        back.wait(20)
        return []

    async def hang():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connect(CHANNEL, Place("dead.example.org"), 514)

    async def main():
        before = threading.active_count()
        await asyncio.gather(*(hang() for _ in range(MAX_LOOKUPS)))
        assert before + MAX_LOOKUPS == threading.active_count()
        with pytest.raises(ActionFailed, match=f"{MAX_LOOKUPS} lookups before it are not answered yet"):
            await connect(CHANNEL, Place("dead.example.org"), 514)
        async with serving(until_the_end) as port:
            (await connect(CHANNEL, Place("127.0.0.1"), port)).close()
        back.set()
        while threading.active_count() > before:  # noqa: ASYNC110  threads have no event of the loop's
            await asyncio.sleep(0)

    monkeypatch.setattr(connecting, "_found", found)
    asyncio.run(main())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("mail.example.org", Place("mail.example.org")),
        ("mail.example.org:587", Place("mail.example.org", 587)),
        ("192.0.2.1", Place("192.0.2.1")),
        ("192.0.2.1:25", Place("192.0.2.1", 25)),
        ("2001:db8::1", Place("2001:db8::1")),
        ("[2001:db8::1]", Place("2001:db8::1")),
        ("[2001:db8::1]:25", Place("2001:db8::1", 25)),
        ("localhost", Place("localhost")),
    ],
)
def test_places_are_read_and_written(written, read):
    assert read == place(written)
    assert read == place(read.write())


@pytest.mark.parametrize(
    "written",
    ["", ":25", "a b", "mail:", "mail:0", "mail:65536", "mail:smtp", "a:25:26", "[x]:25", "-x.org", "x\n", 7],
)  # fmt: skip
def test_what_is_no_place_is_refused(written):
    with pytest.raises(ValueError, match="write a host name or an address"):
        place(written)
