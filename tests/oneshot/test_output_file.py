"""A file is replaced whole or not at all."""

import os
from pathlib import Path

import pytest

from lvsmon.errors import StateError
from lvsmon.oneshot.output_file import write


def test_the_old_file_is_replaced_at_once(tmp_path: Path) -> None:
    """A reader that has the old file open keeps it; the new one is complete and readable for a collector."""
    path = tmp_path / "lvsmon.prom"
    path.write_text("old")
    with path.open() as reader:
        write(path, "new é \udcff\n")
        assert reader.read() == "old"
    assert path.read_text() == "new é \\udcff\n"
    assert [each.name for each in tmp_path.iterdir()] == ["lvsmon.prom"]
    assert path.stat().st_mode & 0o777 == 0o644 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    """Root writing to /dev/null must not replace it."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(StateError, match="no regular file"):
            write(path, "text")
    assert (tmp_path / "pipe").is_fifo()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error says which file and why."""
    with pytest.raises(StateError, match=r"cannot write .*absent/lvsmon.prom: No such file or directory"):
        write(tmp_path / "absent" / "lvsmon.prom", "text")
