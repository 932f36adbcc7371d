"""The commands' end: a clear sentence wherever the daemon gives no answer."""

import os
import socket
import threading
from contextlib import contextmanager

import pytest

from lvsmon.control import client
from lvsmon.control.protocol import MAX_REQUEST
from lvsmon.errors import ControlRefused, ControlUnreachable, DaemonAbsent
from lvsmon.places import DEFAULT_SOCKET, socket_in


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


@contextmanager
def answering(path, *pieces, reads=True):
    """A daemon that sends ``pieces`` to one client and hangs up."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            connected, _ = listener.accept()
            with connected:
                if reads:
                    connected.recv(MAX_REQUEST)
                for piece in pieces:
                    connected.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(10)


def unreachable(path, part, kind=ControlUnreachable, **more):
    with pytest.raises(kind, match=part):
        client.ask(path, "status", **more)


def test_no_file_is_no_daemon(path):
    unreachable(path, f"no daemon runs here: there is no {path}", DaemonAbsent)


def test_a_dead_daemons_file_is_no_daemon(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    unreachable(path, "nobody listens at .* any more", DaemonAbsent)


def test_who_may_not_connect_is_told_who_may(path, monkeypatch):
    path.write_text("")
    path.chmod(0o660)

    class Forbidden(socket.socket):
        def connect(self, _):
            raise PermissionError

    monkeypatch.setattr(socket, "socket", Forbidden)
    owner, group = path.owner(), path.group()
    unreachable(path, f"not permitted .* is for {owner} and members of group {group}: run as {owner}")


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_another_programs_socket_is_none_of_ours(path, kind):
    with socket.socket(socket.AF_UNIX, kind) as other:
        other.bind(str(path))
        unreachable(path, "it is no control socket")


def test_a_path_that_is_too_long_is_told(tmp_path):
    unreachable(tmp_path / ("x" * 120), "path too long")


def test_a_full_queue_is_waited_for_and_then_told(path):
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(str(path))
        stopped.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(str(path))
        unreachable(path, "takes no connection within 0.1 s", patience=0.1)
        for each in waiting:
            each.close()


@pytest.mark.parametrize(
    ("pieces", "part"),
    [
        ((), "hung up without an answer"),
        ((b'{"lvsmon":1,"progress":{}}\n',), "hung up without an answer"),
        ((b'{"lvsmon":1,"resu',), "is no lvsmon: the connection ended in the midst of a line"),
        ((b"220 mail.example.org ESMTP\r\n",), "is no lvsmon"),
        ((b"[" * 100_000 + b"\n",), "is no lvsmon: nested too deeply"),
    ],
)
def test_what_is_no_answer_is_told(path, pieces, part):
    with answering(path, *pieces):
        unreachable(path, part)


def test_an_endless_answer_is_cut_off(path, monkeypatch):
    monkeypatch.setattr("lvsmon.control.protocol.MAX_REPLY", 1000)
    with answering(path, b" " * 5000):
        unreachable(path, "a line has at most 1000 bytes")


@pytest.mark.parametrize("version", [0, 2])
def test_a_daemon_of_another_release_is_told_as_such(path, version):
    with answering(path, b'{"lvsmon":%d,"result":{}}\n' % version), pytest.raises(ControlRefused) as refused:
        client.ask(path, "status")
    assert f"the other side version {version}: both must be of one release" in str(refused.value)


def test_a_refusal_is_read_though_the_request_could_not_be_sent_whole(path):
    """The daemon has hung up before it has read everything."""
    line = b'{"lvsmon":1,"error":{"code":"busy","message":"come again"}}\n'
    with answering(path, line, reads=False), pytest.raises(ControlRefused, match="come again"):
        client.ask(path, "status", {"names": ["x" * 60_000]})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[control]\nsocket = "/run/x.sock"', "/run/x.sock"),
        ("[control]\nsocket = 5", str(DEFAULT_SOCKET)),
        ("control = 5", str(DEFAULT_SOCKET)),
        ("[control", str(DEFAULT_SOCKET)),
        ("", str(DEFAULT_SOCKET)),
    ],
)
def test_the_socket_is_found_whatever_else_is_wrong_with_the_files(tmp_path, text, found):
    (tmp_path / "lvsmon.toml").write_text(text)
    assert found == os.fspath(socket_in(tmp_path)) == os.fspath(socket_in(tmp_path / "lvsmon.toml"))


def test_without_a_main_file_it_is_the_usual_socket(tmp_path):
    assert socket_in(tmp_path / "none.toml") == DEFAULT_SOCKET
