"""The daemon's end of the control socket against clients of every kind, over real sockets."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from lvsmon.config.plan import ControlSettings
from lvsmon.control import client, server
from lvsmon.control.access import Access, Peer
from lvsmon.control.protocol import MAX_REQUEST, Code
from lvsmon.control.server import ControlServer
from lvsmon.control.verb import Arguments, Verb
from lvsmon.errors import ControlRefused, ControlUnreachable, DaemonAbsent, StateError

HELLO = b'{"lvsmon":1,"verb":"hello"}\n'


class Naming(Arguments):
    name: str
    times: int = 1


async def hello(asked):
    return {"uid": asked.peer.uid}


async def parts(asked):
    for number in range(asked.arguments.times):
        await asked.progress({"part": number, "name": asked.arguments.name})
    return {"name": asked.arguments.name}


async def large(asked):
    return {"x": "x" * asked.arguments.times}


async def fail(_):
    raise StateError("the disk is full: make room")


async def stumble(_):
    raise OSError("ours")


WAITING = []


async def never(asked):
    WAITING.append(asked)
    await asyncio.get_running_loop().create_future()


VERBS = {
    "hello": Verb(Access.READ, Arguments, hello),
    "change": Verb(Access.WRITE, Arguments, hello),
    "parts": Verb(Access.READ, Naming, parts),
    "large": Verb(Access.READ, Naming, large),
    "fail": Verb(Access.READ, Arguments, fail),
    "stumble": Verb(Access.READ, Arguments, stumble),
    "never": Verb(Access.READ, Arguments, never),
}


@pytest.fixture(autouse=True)
def _verbs(monkeypatch):
    monkeypatch.setattr(server, "find", VERBS.get)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


@asynccontextmanager
async def serving(path, **groups):
    """A server whose socket is there."""
    made = ControlServer(None, ControlSettings(socket=path, **groups))
    task = asyncio.create_task(made.run())
    await until(path.exists)
    yield made
    task.cancel()
    await asyncio.wait([task])


async def until(true):
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(0)


async def ask(path, verb, arguments=None, **more):
    return await asyncio.to_thread(client.ask, path, verb, arguments, **more)


async def raw(path, *pieces, half=False):
    """Send ``pieces``; return the documents that come back."""
    reader, writer = await asyncio.open_unix_connection(path)
    for piece in pieces:
        writer.write(piece)
    if half:
        writer.write_eof()
    try:
        async with asyncio.timeout(10):
            answer = await reader.read()
    except ConnectionResetError:
        answer = b""
    writer.close()
    return [json.loads(line) for line in answer.splitlines()]


async def code(path, *pieces, **more):
    (document,) = await raw(path, *pieces, **more)
    return document["error"]["code"]


def test_an_answer_comes_in_parts_and_ends_with_its_result(path):
    async def run():
        async with serving(path):
            heard = []
            result = await ask(path, "parts", {"name": "é\u202e", "times": 3}, progress=heard.append)
            assert result == {"name": "é\u202e"}
            assert [each["part"] for each in heard] == [0, 1, 2]

    asyncio.run(run())


def test_a_client_that_ends_its_side_after_the_request_is_answered(path):
    """As `nc -U` and `socat` do."""

    async def run():
        async with serving(path):
            assert await raw(path, HELLO, half=True) == [{"lvsmon": 1, "result": {"uid": os.geteuid()}}]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("verb", "arguments", "why", "part"),
    [
        ("drain", {}, Code.UNKNOWN_VERB, "knows no drain: there is"),
        ("parts", {}, Code.ARGUMENTS, "name: missing"),
        ("parts", {"name": 5}, Code.ARGUMENTS, "name: write a string in quotes, not 5"),
        ("parts", {"name": "x", "time": 3}, Code.ARGUMENTS, 'time: unknown key; did you mean "times"?'),
        ("fail", {}, Code.REFUSED, "the disk is full: make room"),
        ("stumble", {}, Code.BUG, "a bug in lvsmon"),
    ],
)
def test_what_cannot_be_done_gets_a_sentence(path, verb, arguments, why, part):
    async def run():
        async with serving(path):
            with pytest.raises(ControlRefused, match=part) as refused:
                await ask(path, verb, arguments)
            assert refused.value.code == why
            assert await ask(path, "hello")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ((b"GET / HTTP/1.1\r\n",), Code.MALFORMED),
        ((b"\x16\x03\x01\x00\n",), Code.MALFORMED),
        ((b'{"lvsmon":1,', b'"verb":"hello"}'), Code.MALFORMED),
        ((b"[" * 50_000 + b"\n",), Code.MALFORMED),
        ((b" " * (MAX_REQUEST + 1),), Code.TOO_LARGE),
        ((b'{"lvsmon":9,"verb":"hello"}\n',), Code.VERSION),
    ],
)
def test_malformed_and_huge_requests_are_refused_and_harm_nobody(path, pieces, why):
    async def run():
        async with serving(path):
            assert why == await code(path, *pieces, half=True)
            assert await ask(path, "hello")

    asyncio.run(run())


def test_who_sends_without_end_is_told_so_while_it_sends(path):
    """lvsmon's own client reads the refusal although it could not send everything."""

    async def run():
        async with serving(path):
            reader, writer = await asyncio.open_unix_connection(path)
            for _ in range(100):
                writer.write(b" " * 100_000)
            assert json.loads(await reader.readline())["error"]["code"] == Code.TOO_LARGE
            writer.transport.abort()
            assert await ask(path, "hello")

    asyncio.run(run())


@pytest.mark.parametrize("pieces", [(), (b'{"lvsmon"',)])
def test_silent_and_slow_clients_are_hung_up_on(path, pieces, monkeypatch):
    monkeypatch.setattr(server, "READ_TIME", 0.05)

    async def run():
        async with serving(path):
            assert Code.TOO_SLOW == await code(path, *pieces)

    asyncio.run(run())


def test_who_hangs_up_without_a_word_gets_none(path):
    async def run():
        async with serving(path):
            assert await raw(path, half=True) == []

    asyncio.run(run())


def test_who_takes_no_answer_is_let_go(path, monkeypatch):
    """Its seat is free again, and nothing of the answer is kept."""
    monkeypatch.setattr(server, "WRITE_TIME", 0.05)
    monkeypatch.setattr(server, "MAX_CLIENTS", 1)
    request = b'{"lvsmon":1,"verb":"parts","arguments":{"name":"%s","times":1000}}\n' % (b"x" * 60_000)

    async def run():
        async with serving(path) as made:
            with socket.socket(socket.AF_UNIX) as deaf:
                deaf.connect(str(path))
                deaf.sendall(request)
                await until(lambda: made._clients)
                await until(lambda: not made._clients)
                assert await ask(path, "hello")

    asyncio.run(run())


def test_also_who_takes_all_but_the_end_of_an_answer(path, monkeypatch):
    """What the kernel does not take any more is little enough to be kept: its seat is held until it is gone."""
    monkeypatch.setattr(server, "WRITE_TIME", 0.05)
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        one.setblocking(False)
        room = one.send(b"x" * 1_000_000)
    request = b'{"lvsmon":1,"verb":"large","arguments":{"name":"","times":%d}}\n' % (room + 20_000)

    async def run():
        async with serving(path) as made:
            with socket.socket(socket.AF_UNIX) as deaf:
                deaf.connect(str(path))
                deaf.sendall(request)
                await until(lambda: taken(made) == 1)
                (client_task,) = made._clients
                await asyncio.wait([client_task])
                deaf.settimeout(5)
                received = sum(iter(lambda: len(deaf.recv(100_000)), 0))
                assert received < room + 20_000, "the rest was kept for it"

    asyncio.run(run())


def test_clients_are_bounded_in_number(path, monkeypatch):
    """One more is told to come again, and is let in when another has left."""
    monkeypatch.setattr(server, "MAX_CLIENTS", 3)

    async def run():
        async with serving(path) as made:
            others = [await asyncio.open_unix_connection(path) for _ in range(3)]
            await until(lambda: taken(made) == 3)
            with pytest.raises(ControlRefused, match="too many connections") as refused:
                await ask(path, "hello")
            assert refused.value.code == Code.BUSY
            others.pop()[1].close()
            await until(lambda: taken(made) == 2)
            assert await ask(path, "hello")
            for _, writer in others:
                writer.close()

    asyncio.run(run())


def test_one_user_cannot_take_every_seat(path, monkeypatch):
    """Nor can all users together take those of root and the daemon's own user."""
    peers = []
    monkeypatch.setattr(server, "MAX_OF_ONE", 1)
    monkeypatch.setattr(server, "MAX_CLIENTS", 2)
    monkeypatch.setattr(Peer, "of", lambda _: peers.pop())

    async def run():
        async with serving(path) as made:
            held = []

            async def sits(uid):
                peers.append(Peer(1, uid, frozenset()))
                reader, writer = await asyncio.open_unix_connection(path)
                held.append(writer)
                await until(lambda: not peers)
                if taken(made) == len(held):
                    return True
                assert json.loads(await reader.read())["error"]["code"] == Code.BUSY
                held.pop().close()
                return False

            assert [True, False, True, False, True] == [await sits(uid) for uid in (5001, 5001, 5002, 5003, 0)]
            for writer in held:
                writer.close()

    asyncio.run(run())


def taken(made):
    return sum(made._seats._of.values())


def test_who_has_no_right_is_told_who_has(path, monkeypatch):
    """And nothing is done."""
    group = 4242
    monkeypatch.setattr("lvsmon.control.access._gid", {"readers": group, "writers": 1}.__getitem__)
    peers = []
    monkeypatch.setattr(Peer, "of", lambda _: peers[-1])

    async def run():
        async with serving(path, read_group="readers", write_group="writers"):
            peers.append(Peer(1, 5001, frozenset({group})))
            assert await ask(path, "hello") == {"uid": 5001}
            with pytest.raises(ControlRefused, match=r"change needs the right to write, which .* group writers"):
                await ask(path, "change")
            peers.append(Peer(1, 5001, frozenset()))
            with pytest.raises(ControlRefused, match=r"right to read, which .* group readers have; you are uid 5001"):
                await ask(path, "hello")

    asyncio.run(run())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_known_by_the_kernel(path):
    """A process of another user, which cannot say who it is, is refused by what the kernel says of it."""
    path.parent.chmod(0o711)
    text = "import os, socket; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    text += f"s = socket.socket(socket.AF_UNIX); s.connect({path.name!r})\n"
    text += f"s.sendall({HELLO!r}); print(s.recv(1000).decode())"

    async def run():
        async with serving(path):
            path.chmod(0o666)  # the file alone would let anybody in
            words = [sys.executable, "-c", text]
            done = await asyncio.to_thread(
                subprocess.run, words, cwd=path.parent, capture_output=True, text=True, check=True
            )
            assert json.loads(done.stdout)["error"]["code"] == Code.FORBIDDEN
            assert "you are uid 65534" in done.stdout

    asyncio.run(run())


def test_a_flood_of_refusals_does_not_flood_the_log(path, caplog, monkeypatch):
    monkeypatch.setattr(server, "MAX_LOGGED", 3)
    caplog.set_level("INFO")

    async def run():
        async with serving(path) as made:
            for _ in range(10):
                assert Code.MALFORMED == await code(path, b"x\n")
            assert 3 == refusals()
            made._refusals._until = 0.0  # the time is over
            assert Code.MALFORMED == await code(path, b"x\n")

    def refusals():
        return sum(record.message == "control_refused" for record in caplog.records)

    asyncio.run(run())
    assert 5 == refusals()
    assert [7] == [record.fields["unlogged"] for record in caplog.records if "unlogged" in record.fields]


def test_a_file_that_is_gone_is_made_again(path, monkeypatch):
    monkeypatch.setattr(server, "LOOK", 0.01)

    async def run():
        async with serving(path):
            path.unlink()
            await until(path.exists)
            assert await ask(path, "hello")

    asyncio.run(run())


def test_a_place_that_is_taken_is_complained_of_once_and_tried_again(path, caplog, monkeypatch):
    monkeypatch.setattr(server, "LOOK", 0.01)

    async def run():
        path.write_text("precious")
        async with serving(path):
            await until(troubles)
            path.unlink()
            await until(path.exists)
            assert await ask(path, "hello")
            (what,) = troubles()
            assert "is no socket" in what

    def troubles():
        return [record.fields["what"] for record in caplog.records if record.message == "control_trouble"]

    caplog.set_level("INFO")
    asyncio.run(run())


def test_another_path_is_gone_to_and_the_old_one_left(path):
    other = path.with_name("other.sock")

    async def run():
        async with serving(path) as made:
            made.configure(ControlSettings(socket=other))
            await until(other.exists)
            assert await ask(other, "hello")
            with pytest.raises(DaemonAbsent):
                await ask(path, "hello")

    asyncio.run(run())
    assert not other.exists()


def test_a_daemon_that_stops_says_so_to_who_waits(path):
    async def run():
        async with serving(path):
            WAITING.clear()
            waiting = asyncio.create_task(ask(path, "never"))
            await until(lambda: WAITING)
        with pytest.raises(ControlRefused, match="the daemon is stopping") as refused:
            await waiting
        assert refused.value.code == Code.STOPPING

    asyncio.run(run())
    assert not path.exists()


def test_a_daemon_that_does_not_answer_in_time(path):
    async def run():
        async with serving(path):
            with pytest.raises(ControlUnreachable, match=rf"\(pid {os.getpid()}\) does not answer within 0.1 s"):
                await ask(path, "never", patience=0.1)

    asyncio.run(run())
