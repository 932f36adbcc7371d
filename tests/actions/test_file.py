"""file: one line of JSON for each alert, in whatever file is there now."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lvsmon.actions.apart import Apart, Full
from lvsmon.actions.file import FileChannel
from lvsmon.testing.channel_conformance import (
    Refusal,
    Taken,
    delivery_complaints,
    memory_complaints,
    refusal_complaints,
    sample_alert,
    stall_complaints,
)


@dataclass
class World:
    path: Path
    channel: Any
    max_size: int = 1 << 20
    seen: int = 0

    async def taken(self, count):
        raw = self.path.read_bytes()[self.seen :]
        self.seen += len(raw)
        return [_taken(line) for line in raw.removesuffix(b"\n").split(b"\n")]


def _taken(line):
    assert line.isascii()
    read = json.loads(line)
    texts = []

    def walk(value):
        if isinstance(value, dict):
            return tuple((name, walk(item)) for name, item in value.items())
        if isinstance(value, list):
            return tuple(walk(item) for item in value)
        if isinstance(value, str):
            texts.append(value)
        return type(value).__name__

    return Taken(walk(read), tuple(texts))


def world(folder):
    path = folder / "alerts.json"
    return World(path, FileChannel(path=str(path)))


def deliver(channel, *alerts):
    async def main():
        for alert in alerts:
            await channel.deliver(alert)

    asyncio.run(main())


def ids(path):
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_every_alert_is_one_line_whatever_stands_in_it(tmp_path):
    complaints = asyncio.run(delivery_complaints(world(tmp_path)))
    assert not complaints, "\n".join(complaints)


def test_a_long_alert_holds_bounded_memory(tmp_path):
    assert [] == asyncio.run(memory_complaints(world(tmp_path)))


def test_the_page_shows_what_is_written(tmp_path):
    channel = FileChannel(path=str(tmp_path / "x"))
    deliver(channel, sample_alert())
    page = (Path(__file__).parents[2] / "docs/alerts/file.md").read_text()
    assert f"```json\n{(tmp_path / 'x').read_text()}```" in page
    assert not (tmp_path / "x").stat().st_mode & 0o017


def test_a_file_that_is_rotated_is_made_anew(tmp_path):
    made = world(tmp_path)
    deliver(made.channel, sample_alert(1))
    made.path.rename(tmp_path / "alerts.json.1")
    deliver(made.channel, sample_alert(2))
    made.path.unlink()
    deliver(made.channel, sample_alert(3), sample_alert(4))
    assert ["alert-1"] == ids(tmp_path / "alerts.json.1")
    assert ["alert-3", "alert-4"] == ids(made.path)


def test_a_line_that_was_cut_off_takes_no_other_with_it(tmp_path):
    made = world(tmp_path)
    made.path.write_text('{"id": "torn')
    deliver(made.channel, sample_alert(1), sample_alert(2))
    torn, *whole = made.path.read_text().splitlines()
    assert '{"id": "torn' == torn
    assert ["alert-1", "alert-2"] == [json.loads(line)["id"] for line in whole]


def test_what_cannot_be_written_is_told_and_tried_again(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refusals = {
        "no folder": Refusal(FileChannel(path=str(tmp_path / "no/x")), False, "no such file or directory"),
        "a folder": Refusal(FileChannel(path=str(tmp_path)), False, "is a directory"),
        "a pipe": Refusal(FileChannel(path=str(tmp_path / "pipe")), False, "not a regular file"),
        "a device": Refusal(FileChannel(path="/dev/null"), False, "not a regular file"),
        "a full disk": Refusal(FileChannel(path="/dev/full"), False, "not a regular file"),
    }
    assert [] == asyncio.run(refusal_complaints(refusals))


FULL = """
import asyncio, resource, signal, sys
from lvsmon.actions.file import FileChannel
from lvsmon.errors import ActionFailed
from lvsmon.testing.channel_conformance import sample_alert
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
channel = FileChannel(path=sys.argv[1])
asyncio.run(channel.deliver(sample_alert(1)))
try:
    asyncio.run(channel.deliver(sample_alert(2)))
except ActionFailed as error:
    print(error.final, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
asyncio.run(channel.deliver(sample_alert(2)))
"""


def test_a_disk_that_is_full_in_the_middle_of_a_line(tmp_path):
    """Half a line is a failure; when there is room again, the whole line follows on a line of its own."""
    path = tmp_path / "x"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert "no space left on the device" in done.stdout
    assert done.stdout.startswith("False")
    first, _, last = path.read_text().splitlines()
    assert ["alert-1", "alert-2"] == [json.loads(line)["id"] for line in (first, last)]


def test_a_disk_that_does_not_come_back_blocks_nothing(tmp_path, monkeypatch):
    """The loop turns on; the next try says what is the matter, and starts no further thread."""
    back = threading.Event()
    monkeypatch.setattr(FileChannel, "_append", lambda *_: back.wait(20))
    channel = FileChannel(path=str(tmp_path / "x"))

    async def main():
        found = await stall_complaints({"hangs": channel})
        found += await refusal_complaints({"again": Refusal(channel, False, "an earlier write has not come back")})
        back.set()
        return found

    assert [] == asyncio.run(main())


def test_calls_apart_have_their_number_and_their_errors():
    async def main():
        apart = Apart("test", 1)
        hold = threading.Event()
        first = asyncio.create_task(apart.run(lambda: hold.wait(20)))
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await apart.run(int)
        hold.set()
        assert await first
        while True:
            try:
                with pytest.raises(ZeroDivisionError):
                    await apart.run(lambda: 1 // 0)
            except Full:
                await asyncio.sleep(0)
            else:
                return

    asyncio.run(main())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"path": "x"}, "path: write the absolute path of a file"),
        ({"path": "/x/"}, "path: write the absolute path of a file"),
        ({"path": "/x", "timeout": 0.0}, "timeout: write"),
    ],
)
def test_settings_that_cannot_work_are_refused(more, message):
    with pytest.raises(ValueError) as caught:
        FileChannel(**more)
    assert message in str(caught.value)
