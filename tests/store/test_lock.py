"""One lvsmon at a time: the kernel holds the lock, the file only says who it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lvsmon.errors import LockHeld, StateError
from lvsmon.store import Lock

HOLD = """
import sys
from pathlib import Path
from lvsmon.store import Lock
lock = Lock.acquire(Path(sys.argv[1]), "daemon")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def other_process(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_the_refusal_names_the_holder(tmp_path: Path) -> None:
    """Who is refused learns what holds the lock, and its process."""
    with other_process(tmp_path) as holder, pytest.raises(LockHeld) as refused:
        Lock.acquire(tmp_path, "check")
    assert str(refused.value) == f"lvsmon daemon (pid {holder.pid}) holds {tmp_path}/lock"
    assert (refused.value.what, refused.value.pid) == ("daemon", holder.pid)


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    """After kill -9 the file still names a holder, and locks nobody out."""
    with other_process(tmp_path) as holder:
        holder.kill()
        holder.wait()
    assert (tmp_path / "lock").read_text() == f"daemon {holder.pid}\n"
    with Lock.acquire(tmp_path, "check"):
        assert (tmp_path / "lock").read_text() == f"check {os.getpid()}\n"


def test_waiting_gets_the_lock_when_the_holder_ends(tmp_path: Path) -> None:
    """Who waits is let in as soon as the other is gone."""
    with other_process(tmp_path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        Lock.acquire(tmp_path, "check", wait=20).release()


def test_waiting_ends(tmp_path: Path) -> None:
    """Who waits in vain is refused when the time is over."""
    with Lock.acquire(tmp_path, "check"), pytest.raises(LockHeld):
        Lock.acquire(tmp_path, "check", wait=0.01)


@pytest.mark.parametrize("text", ["", "garbage", "daemon x", "a b c", "\xff" * 100])
def test_a_strange_text_in_the_file_harms_nothing(tmp_path: Path, text: str) -> None:
    """The text is for people: whatever it is, a free lock is free and a held one is held."""
    with Lock.acquire(tmp_path, "check"):
        (tmp_path / "lock").write_text(text)
        with pytest.raises(LockHeld, match=r"^another lvsmon holds "):
            Lock.acquire(tmp_path, "check")
    Lock.acquire(tmp_path, "check").release()


def test_a_lock_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    """A file in the way of the directory, or a link in place of the lock, is a StateError with advice."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="set state_directory elsewhere"):
        Lock.acquire(tmp_path / "file", "check")
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError, match="symbolic link"):
        Lock.acquire(tmp_path, "check")
    assert not (tmp_path / "elsewhere").exists()
