"""file: one file for each realserver says what it is to get."""

import asyncio
import os

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Reason, Target, Verdict, Weight
from lvsmon.monitor.runner import run
from lvsmon.net import files
from lvsmon.net.files import Contents
from lvsmon.net.nested import in_reactor
from lvsmon.probes.file import FileProbe
from lvsmon.testing.network import Hang, ScriptedConnector, run_scripted

TARGET = Target(address="10.1.0.11", port=80, hostname="www.example.org")


def _scripted(step, **settings):
    return run_scripted(FileProbe(path="/run/weights/{address}", **settings), TARGET, ScriptedConnector(step))


def _real(path, target=TARGET, **settings):
    async def main():
        return await in_reactor(lambda engine: run(FileProbe(path=str(path), **settings), target, 5, engine))

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("data", "verdict", "weight"),
    [
        (b"up\n", Verdict.PASS, None),
        (b"75%\n", Verdict.PASS, Weight(75, percent=True)),
        (b"\n 12 # by hand\nrest", Verdict.PASS, Weight(12)),
        (b"0", Verdict.PASS, Weight(0)),
        (b"drain", Verdict.WARN, Weight(0)),
        (b"maint", Verdict.WARN, Weight(0)),
        (b"down", Verdict.FAIL, None),
    ],
)
def test_words(data, verdict, weight):
    outcome = _scripted(Contents(data))
    assert (verdict, weight) == (outcome.verdict, outcome.weight), outcome.detail


@pytest.mark.parametrize("data", [b"garbage", b"-5", b"\xff\xfe", b"#up"])
def test_what_means_nothing_is_the_directors_trouble(data):
    assert (Verdict.UNKNOWN, Reason.LOCAL_FAULT) == (
        _scripted(Contents(data)).verdict,
        _scripted(Contents(data)).reason,
    )


@pytest.mark.parametrize(
    ("reaction", "verdict"), [("pass", Verdict.PASS), ("fail", Verdict.FAIL), ("unknown", Verdict.UNKNOWN)]
)
def test_missing_and_stale_are_what_they_are_set_to(reaction, verdict):
    assert verdict is _scripted(Contents(None), missing=reaction).verdict
    assert verdict is _scripted(Contents(b" \n"), missing=reaction).verdict
    old = _scripted(Contents(b"up", age=61.0), max_age=60.0, stale=reaction)
    assert (verdict, "/run/weights/10.1.0.11 is 1m1s old, max_age is 1m") == (old.verdict, old.detail)
    assert Verdict.PASS is _scripted(Contents(b"up", age=59.0), max_age=60.0, stale=reaction).verdict


def test_a_disk_that_hangs_is_the_directors_trouble():
    outcome = _scripted(Hang())
    assert (Verdict.UNKNOWN, Reason.LOCAL_RESOURCES) == (outcome.verdict, outcome.reason)


def test_each_realserver_has_its_file(tmp_path):
    for address, word in (("10.1.0.11", "33"), ("fd00::11", "44")):
        (tmp_path / f"{address}_80").write_text(word)
        target = Target(address=address, port=80)
        assert Weight(int(word)) == _real(tmp_path / "{address}_{port}", target).weight


def test_age_is_that_of_the_file(tmp_path):
    path = tmp_path / "w"
    path.write_text("up")
    os.utime(path, (1, 1))
    assert Verdict.FAIL is _real(path, max_age=60.0, stale="fail").verdict
    os.utime(path, (2**33, 2**33))
    assert Verdict.PASS is _real(path, max_age=60.0, stale="fail").verdict


def test_only_a_regular_file_is_read(tmp_path):
    """No link to elsewhere, no pipe that would hang its reader, no folder; and of a huge one the beginning."""
    (tmp_path / "secret").write_text("up")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("link", "symbolic link"), ("pipe", "no regular file"), ("", "no regular file")):
        outcome = _real(f"{tmp_path}/{name or '.'}")
        assert Verdict.UNKNOWN is outcome.verdict
        assert words in outcome.detail
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"up\n")
        file.truncate(1 << 40)
    assert Verdict.PASS is _real(tmp_path / "huge").verdict


def test_no_second_read_while_one_hangs(monkeypatch):
    monkeypatch.setattr(files, "_reads", {"/run/w": [0.0]})
    with pytest.raises(LocalFault, match="still hangs"):
        asyncio.run(_read("/run/w"))


async def _read(path):
    return await in_reactor(lambda engine: files.read(path, 100, engine))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"path": "weights"}, "write the whole path"),
        ({"path": "/run/"}, "write the whole path"),
        ({"path": "/run/{vip}"}, "unknown placeholder"),
        ({"path": "/run/w", "max_age": 0.0}, "write more than 0s"),
        ({"path": "/run/w", "stale": "fail"}, "works with max_age only"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(ValueError, match=words):
        FileProbe(**settings)
