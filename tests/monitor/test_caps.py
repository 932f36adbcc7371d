"""What the director costs its realservers, counted in their accept(): one definition once, and no more than the cap."""

import asyncio
import contextlib
from collections import Counter

import pytest

from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.config import load
from lvsmon.monitor.director import Director


class Realservers:
    """Everybody on one port of loopback; counts connections by the address that they came to."""

    def __init__(self, enough):
        self.accepted, self.open, self.most = Counter(), Counter(), Counter()
        self.loop = asyncio.get_running_loop()
        self.enough, self.done, self.times = enough, asyncio.Event(), []

    async def take(self, reader, writer):
        address = writer.get_extra_info("sockname")[0]
        self.accepted[address] += 1
        self.times.append(self.loop.time())
        self.open[address] += 1
        self.most[address] = max(self.most[address], self.open[address])
        if self.accepted.total() >= self.enough:
            self.done.set()
        with contextlib.suppress(OSError):
            while await reader.read(4096):  # and nothing is answered
                pass
        self.open[address] -= 1
        writer.close()


def watched(tmp_path, text, enough):
    async def main():
        seen = Realservers(enough)
        server = await asyncio.start_server(seen.take, "0.0.0.0", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            (tmp_path / "lvsmon.toml").write_text('[director]\nbackend = "memory"\n' + text.replace("PORT", str(port)))
            ipvs = MemoryIpvs()
            work = asyncio.create_task(Director(load(tmp_path), lambda: ipvs).run())
            async with asyncio.timeout(30):
                await seen.done.wait()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        return seen

    return asyncio.run(main())


@pytest.mark.slow
def test_fifty_vips_over_twenty_realservers_are_twenty_connections_an_interval(tmp_path):
    names = ", ".join(f'"rs{n}"' for n in range(1, 21))
    text = '[defaults]\ninterval = "500ms"\n' + "".join(
        f'[[realserver]]\nname = "rs{n}"\naddress = "127.0.0.{n}"\n' for n in range(1, 21)
    )
    text += "".join(
        f'[[virtual]]\nname = "v{n}"\nvip = "192.0.2.{n}"\nport = PORT\nrealservers = [{names}]\n'
        '[[virtual.probe]]\nkind = "tcp"\n'
        for n in range(1, 51)
    )
    seen = watched(tmp_path, text, enough=100)
    assert set(seen.accepted) == {f"127.0.0.{n}" for n in range(1, 21)}
    assert seen.times[99] - seen.times[0] >= 1.5, "100 are the work of five intervals, and of fewer than four never"
    assert max(seen.accepted.values()) <= 6


def test_no_more_connections_at_once_than_the_cap_of_a_realserver(tmp_path):
    """Sixty probes of two realservers that never answer: four at once to each, and everybody gets a turn."""
    text = 'runs_per_realserver = 4\n[defaults]\ninterval = "200ms"\ntimeout = "100ms"\nconfirm = 2\n'
    text += "".join(f'[[realserver]]\nname = "rs{n}"\naddress = "127.0.0.{n}"\n' for n in (1, 2))
    text += '[[virtual]]\nname = "v"\nvip = "192.0.2.1"\nport = PORT\nrealservers = ["rs1", "rs2"]\n'
    text += "".join(f'[[virtual.probe]]\nkind = "http"\npath = "/{n}"\n' for n in range(30))
    seen = watched(tmp_path, text, enough=60)
    # What the monitor has closed, the realserver may read of a little later than the next one connects.
    assert {address: most <= 2 * 4 for address, most in seen.most.items()} == {"127.0.0.1": True, "127.0.0.2": True}
    assert min(seen.accepted.values()) >= 20
