"""The socket's file: whole from the beginning, a dead daemon's replaced, a living one's never."""

import fcntl
import os
import socket
import stat

import pytest

from lvsmon.control.access import Rules
from lvsmon.control.listening import Listener
from lvsmon.errors import ControlUnusable


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "control.sock"


def connects(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True


@pytest.mark.parametrize(("rules", "mode"), [(Rules(), 0o600), (Rules(read=1, write=2), 0o666)])
def test_it_has_its_mode_and_goes_with_its_daemon(path, rules, mode):
    listener = Listener.open(path, rules)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert connects(path)
    assert [path] == list(path.parent.iterdir())
    listener.close()
    assert not path.exists()


def test_it_is_given_to_its_group(path):
    """Of the one group that may ask: here one of this process's own."""
    listener = Listener.open(path, Rules(read=os.getegid()))
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o660, os.getegid())
    assert listener.notes == ()
    listener.close()


def test_a_group_that_this_user_cannot_give_to_is_told(path, monkeypatch):
    """And nobody but root and this user gets in, rather than everybody."""

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    listener = Listener.open(path, Rules(read=7))
    assert "cannot be given to group 7" in listener.notes[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listener.close()


def test_a_dead_daemons_file_is_replaced(path):
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert not connects(path)
    listener = Listener.open(path, Rules())
    assert connects(path)
    listener.close()


@pytest.mark.parametrize("busy", [False, True])
def test_a_living_daemons_file_stays(path, busy):
    """Also where it is stopped and its queue is full."""
    living = Listener.open(path, Rules())
    waiting = []
    if busy:
        living.socket.listen(0)
        for _ in range(2):
            waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            try:
                waiting[-1].connect(str(path))
            except BlockingIOError:
                break
        else:
            pytest.fail("the queue takes more than it should")
    inode = path.stat().st_ino
    with pytest.raises(ControlUnusable, match="another daemon answers at"):
        Listener.open(path, Rules())
    assert path.stat().st_ino == inode
    for client in waiting:
        client.close()
    living.close()


def test_what_is_no_socket_stays(path):
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(ControlUnusable, match="is no socket: move it away"):
        Listener.open(path, Rules())
    assert path.read_text() == "precious"


def test_of_two_that_start_at_once_one_waits(path):
    path.parent.mkdir()
    directory = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    with pytest.raises(ControlUnusable, match="locked by another program"):
        Listener.open(path, Rules())
    os.close(directory)
    Listener.open(path, Rules()).close()


def test_a_path_that_cannot_be_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlUnusable, match=r"a part of the path is a file: set socket under \[control\] elsewhere"):
        Listener.open(tmp_path / "file" / "control.sock", Rules())


def test_it_knows_when_its_file_is_gone_and_takes_no_others_away(path):
    listener = Listener.open(path, Rules())
    assert listener.in_place()
    path.unlink()
    assert not listener.in_place()
    other = Listener.open(path, Rules())
    listener.close()
    assert other.in_place()
    other.close()
