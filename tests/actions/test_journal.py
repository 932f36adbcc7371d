"""journal: an entry with fields, whose texts cannot make other ones, read back as journald reads it."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from lvsmon.actions.journal import JournalChannel
from lvsmon.testing.channel_conformance import (
    Refusal,
    Taken,
    delivery_complaints,
    memory_complaints,
    refusal_complaints,
    sample_alert,
    stall_complaints,
)


def parsed(raw):
    """Return the fields of an entry, in order, by the native protocol."""
    found = []
    while raw:
        line, end, rest = raw.partition(b"\n")
        assert end
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + size], rest[8 + size :]
            assert rest.startswith(b"\n")
            rest = rest[1:]
        found.append((name.decode(), value.decode()))
        raw = rest
    return found


@dataclass
class World:
    channel: Any
    sock: Any
    max_size: int = 16384 + 20 * 500

    async def taken(self, count):
        raw = await asyncio.get_running_loop().sock_recv(self.sock, 1 << 20)
        fields = parsed(raw)
        return [Taken(tuple(name for name, _ in fields), tuple(value for _, value in fields))]


@asynccontextmanager
async def world(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(folder / "journal"))
        sock.setblocking(False)
        yield World(JournalChannel(path=str(folder / "journal")), sock)


async def _judged(folder, judge):
    async with world(folder) as made:
        return await judge(made)


def test_every_alert_is_one_entry_whatever_stands_in_it(tmp_path):
    complaints = asyncio.run(_judged(tmp_path, delivery_complaints))
    assert not complaints, "\n".join(complaints)


def test_a_long_alert_holds_bounded_memory(tmp_path):
    assert [] == asyncio.run(_judged(tmp_path, memory_complaints))


def test_what_an_entry_holds(tmp_path):
    async def judge(made):
        await made.channel.deliver(sample_alert())
        return (await made.taken(1))[0]

    found = asyncio.run(_judged(tmp_path, judge))
    fields = dict(zip(found.structure, found.texts, strict=True))
    assert "[DOWN] shop rs2\nrs2 is down.\nIt said: HTTP/1.1 503 Service Unavailable" == fields["MESSAGE"]
    assert ("3", "lvsmon", "3") == tuple(fields[name] for name in ("PRIORITY", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY"))
    assert ("alert-1", "opened", "down", "rs2", "10.1.0.12:443") == tuple(
        fields[f"LVSMON_{name}"] for name in ("ID", "STAGE", "SEVERITY", "REALSERVER", "DESTINATION")
    )


def test_a_journal_that_stands_still_blocks_nothing(tmp_path):
    async def judge(made):
        return await stall_complaints({"unread": made.channel}, deliveries=5000)

    assert [] == asyncio.run(_judged(tmp_path, judge))


def test_no_journal_is_tried_again(tmp_path):
    refusal = Refusal(JournalChannel(path=str(tmp_path / "none")), final=False, says="no such file")
    assert [] == asyncio.run(refusal_complaints({"none": refusal}))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"path": "x"}, "path: write the absolute path of a socket"),
        ({"identifier": "a b"}, "identifier: write"),
        ({"timeout": 0.0}, "timeout: write"),
    ],
)
def test_settings_that_cannot_work_are_refused(more, message):
    with pytest.raises(ValueError) as caught:
        JournalChannel(**more)
    assert message in str(caught.value)
