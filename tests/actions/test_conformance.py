"""The suite for channels finds what it is for: each of these channels is wrong in one way."""

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lvsmon.errors import ActionFailed
from lvsmon.testing.channel_conformance import (
    DEADLINE,
    MEMORY,
    Refusal,
    Taken,
    delivery_complaints,
    memory_complaints,
    refusal_complaints,
    stall_complaints,
    stream_complaints,
)
from lvsmon.testing.misbehaving import MisbehavingServers


class Lines:
    """A channel that writes lines of ``name=value``, and the world at its other end."""

    max_size = 10_000

    def __init__(self):
        self.channel = self
        self.written = []

    async def deliver(self, alert):
        self.written.append(f"subject={self.clean(alert.subject)}\ntext={self.clean(alert.text)}\n")

    def clean(self, text):
        return ascii(text)[:4000]

    async def taken(self, count):
        found = [
            Taken(
                tuple(line.partition("=")[0] for line in entry.splitlines()),
                tuple(line.partition("=")[2] for line in entry.splitlines()),
            )
            for entry in self.written
        ]
        self.written.clear()
        return found


def _complaints(world):
    return asyncio.run(delivery_complaints(world))


def test_a_channel_without_fault_has_no_complaint():
    assert [] == _complaints(Lines())


class Raw(Lines):
    def clean(self, text):
        return text[:4000]


class Unbounded(Lines):
    def clean(self, text):
        return ascii(text)


class Terminal(Lines):
    def clean(self, text):
        return text[:4000].replace("\n", " ").replace("\r", " ")


class Twice(Lines):
    async def deliver(self, alert):
        await super().deliver(alert)
        await super().deliver(alert)


class Broken(Lines):
    async def deliver(self, alert):
        raise ActionFailed("out of order")


@pytest.mark.parametrize(
    ("world", "complaint"),
    [
        (Raw, "newlines: its structure is"),
        (Unbounded, "1 MB: it has"),
        (Terminal, "control characters: a text holds raw"),
        (Twice, "the stage opened: 2 messages were taken"),
        (Broken, "the stage opened: not delivered: ActionFailed('out of order')"),
    ],
)
def test_what_breaks_structure_or_bounds_is_found(world, complaint):
    assert any(one.startswith(complaint) for one in _complaints(world()))


class Hoarder(Lines):
    async def deliver(self, alert):
        self.copies = [alert.text + str(n) for n in range(MEMORY // (1 << 20))]
        await super().deliver(alert)


def test_a_delivery_that_holds_too_much_is_found():
    assert [] == asyncio.run(memory_complaints(Lines()))
    assert asyncio.run(memory_complaints(Hoarder()))


@dataclass
class Swallows:
    """Keeps all that a server says."""

    host: str
    port: int

    async def deliver(self, alert):
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port)
        except OSError as error:
            raise ActionFailed(str(error)) from error
        try:
            kept = []
            while data := await reader.read(1 << 16):
                kept.append(data)
        finally:
            writer.close()


@pytest.mark.slow
def test_a_channel_that_swallows_a_flood_is_found(monkeypatch):
    """Also where all floods come at once; who drips is not taken for a flood."""
    names = ("drip", "endless_line", "endless_lines")
    monkeypatch.setattr("lvsmon.testing.channel_conformance.BEHAVIOURS", names)
    monkeypatch.setattr("lvsmon.testing.channel_conformance.MEMORY", 1 << 20)
    with MisbehavingServers() as servers:
        complaints = stream_complaints(Swallows, servers)
    assert sorted({one.split(":")[0] for one in complaints}) == ["endless_line", "endless_lines"], complaints


@dataclass
class Raises:
    error: Exception | None

    async def deliver(self, alert):
        if self.error:
            raise self.error


def _refused(error, **more):
    return asyncio.run(refusal_complaints({"it": Refusal(Raises(error), **more)}))


def test_refusals_that_are_told_wrongly_are_found():
    assert [] == _refused(ActionFailed("no: 550", final=True), final=True, says="550")
    assert ["it: taken for delivered"] == _refused(None, final=True)
    assert ["it: final is False: no"] == _refused(ActionFailed("no"), final=True)
    assert "it: does not tell '550': no" in _refused(ActionFailed("no"), final=False, says="550")
    assert ["it: it tells a secret"] == _refused(ActionFailed("no hunter2"), final=False, secrets=("hunter2",))
    assert ["it: its error has 401 characters"] == _refused(ActionFailed("x" * 401), final=False)
    assert ["it: its error is not one printable line: 'a\\nb'"] == _refused(ActionFailed("a\nb"), final=False)


class Waits:
    async def deliver(self, alert):
        await asyncio.Event().wait()


class Blocks:
    async def deliver(self, alert):
        time.sleep(1.5 * DEADLINE)  # noqa: ASYNC251  this is what is looked for
        await asyncio.Event().wait()


class Keeps:
    def __init__(self):
        self.kept = []

    async def deliver(self, alert):
        self.kept.append(Path("/dev/null").open())  # noqa: ASYNC230, SIM115
        await asyncio.Event().wait()


class Spawns:
    def __init__(self):
        self.kept = []

    async def deliver(self, alert):
        program = [sys.executable, "-c", "input()"]
        self.kept.append(subprocess.Popen(program, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))  # noqa: ASYNC220
        await asyncio.Event().wait()


class Raising:
    async def deliver(self, alert):
        raise ValueError("oops")


def _stalled(channel, monkeypatch):
    monkeypatch.setattr("lvsmon.testing.channel_conformance.PATIENCE", 0.2)
    return asyncio.run(stall_complaints({"it": channel}))


def test_a_channel_that_waits_is_no_fault(monkeypatch):
    assert [] == _stalled(Waits(), monkeypatch)


@pytest.mark.slow
def test_what_blocks_or_is_left_behind_is_found(monkeypatch):
    assert "something blocks" in _stalled(Blocks(), monkeypatch)[0]
    assert ["it: raised ValueError('oops')"] == _stalled(Raising(), monkeypatch)
    keeps = Keeps()
    assert ["it: 1 descriptors and 0 processes are left"] == _stalled(keeps, monkeypatch)
    for file in keeps.kept:
        file.close()
    spawns = Spawns()
    assert "1 processes are left" in _stalled(spawns, monkeypatch)[0]
    for process in spawns.kept:
        process.communicate()
