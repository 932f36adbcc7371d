"""The sample package of docs/how-to/write-a-channel: installed by pip, found, and kept to the rules of channels."""

import asyncio
import json
import re
from contextlib import asynccontextmanager

import pytest

from actions.json_strings import strings
from lvsmon.actions.places import Place
from lvsmon.model.settings import Secret
from lvsmon.testing.channel_conformance import (
    Refusal,
    Taken,
    delivery_complaints,
    memory_complaints,
    refusal_complaints,
    stall_complaints,
    stream_complaints,
)
from lvsmon.testing.misbehaving import MisbehavingServers
from oneshot_support import listening
from probe_support import lvsmon
from sample_package import HOW_TO, install, module_of

pytestmark = pytest.mark.slow

PAGE = (HOW_TO / "write-a-channel.md").read_text()
(EXAMPLE,) = re.findall(r"```toml\n(\[channel.queue.*?)```", PAGE, re.DOTALL)
AROUND = """
[director]
state_directory = "{state}"
[[realserver]]
name = "rs1"
address = "127.0.0.1"
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
realservers = ["rs1"]
"""


class Redis:
    """Takes commands; answers what ``answers`` says for their first word, else that all is well."""

    max_size = 400_000

    def __init__(self, **answers):
        self.answers, self.commands, self.channel = answers, [], None

    async def serve(self, reader, writer):
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2].decode())
            self.commands.append(words)
            writer.write(self.answers.get(words[0], "+OK" if words[0] == "AUTH" else ":1").encode() + b"\r\n")
        writer.close()

    @asynccontextmanager
    async def running(self, **settings):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        place = Place("127.0.0.1", server.sockets[0].getsockname()[1])
        self.channel = module_of("write-a-channel").RedisChannel(server=place, **settings)
        async with server:
            yield self

    async def taken(self, count):
        found = [words for words in self.commands if words[0] == "LPUSH"]
        self.commands.clear()
        return [Taken(tuple(words[:2]), tuple(strings(json.loads(words[2])))) for words in found]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install("write-a-channel", tmp_path_factory.mktemp("sample"))


def configured(folder, text):
    path = folder / "lvsmon.toml"
    path.write_text(AROUND.format(state=folder / "state") + text)
    (folder / "redis-password").write_text("good")
    (folder / "redis-password").chmod(0o600)
    return str(path)


def test_the_example_of_the_page_is_sent_by(installed, tmp_path):
    async def scenario():
        async with Redis().running() as redis:
            text = EXAMPLE.replace("redis.example.org", redis.channel.server.write())
            words = ["alert", "test", "queue", "--config", configured(tmp_path, text)]
            return await asyncio.to_thread(lvsmon, *words, env=installed), redis.commands

    ended, (login, pushed) = asyncio.run(scenario())
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "queue: taken\n", "")
    assert (login, pushed[:2], json.loads(pushed[2])["stage"]) == (["AUTH", "good"], ["LPUSH", "alerts"], "test")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("key", "kye"), 'kye: unknown key; did you mean "key"?'),
        (('"alerts"', '""'), "key: write the name of a list"),
        (('"redis"', '"reddis"'), 'unknown kind "reddis"; did you mean "redis"?'),
    ],
)
def test_settings_of_the_kind_are_judged_as_our_own(installed, tmp_path, change, says):
    ended = lvsmon("config", "check", configured(tmp_path, EXAMPLE.replace(*change)), env=installed)
    assert (ended.returncode, says in ended.stderr) == (2, True), ended.stderr


def test_the_kind_keeps_the_rules():
    """What is shown to authors survives whoever misbehaves, and tells what was refused and no secret."""

    async def judged():
        async with Redis().running() as well:
            complaints = await delivery_complaints(well) + await memory_complaints(well)
        async with (
            Redis(AUTH="-WRONGPASS not s3cret").running(password=Secret("s3cret")) as locked,
            Redis(LPUSH="-WRONGTYPE not a list").running() as wrong,
        ):
            refusals = {
                "login": Refusal(locked.channel, final=False, says="WRONGPASS", secrets=("s3cret",)),
                "type": Refusal(wrong.channel, final=True, says="WRONGTYPE"),
            }
            complaints += await refusal_complaints(refusals)
        with listening() as silent:
            channel = module_of("write-a-channel").RedisChannel(server=Place("127.0.0.1", silent.getsockname()[1]))
            return complaints + await stall_complaints({"silent": channel})

    complaints = asyncio.run(judged())
    with MisbehavingServers() as servers:
        kind = module_of("write-a-channel").RedisChannel
        complaints += stream_complaints(lambda host, port: kind(server=Place(host, port)), servers)
    assert not complaints, "\n".join(complaints)
