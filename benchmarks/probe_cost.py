"""CPU and memory of lvsmon's probes beside a bare asyncio loop that does the same connects, measured in one run.

    python benchmarks/probe_cost.py [--rates 1000,5000] [--seconds 5] [--rounds 3]

Every contestant is a fresh process on its own; they take turns, round after round, against one server process. CPU is
the kernel's accounting of the contestant (user + system), divided by the probes that it finished. Prints one table.
"""

import argparse
import asyncio
import json
import os
import resource
import select
import socket
import statistics
import subprocess
import sys
import time

KINDS = ("tcp", "http")
CONTESTANTS = ("bare", "lvsmon")
BODY = b"x" * 1000
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + BODY
REQUEST = b"GET / HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n"
WARM_UP = 1.5


def serve(kind: str) -> None:
    """Accept for ever on a port that is printed first: close at once (tcp), or answer one request (http)."""
    listener = socket.create_server(("", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll, open_ones = select.epoll(), {}
    poll.register(listener.fileno(), select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd != listener.fileno():
                connection = open_ones.pop(fd)
                if connection.recv(4096):
                    connection.sendall(RESPONSE)
                connection.close()
                continue
            try:
                while True:
                    connection, _ = listener.accept()
                    if kind == "http":
                        open_ones[connection.fileno()] = connection
                        poll.register(connection.fileno(), select.EPOLLIN)
                    else:
                        connection.close()
            except BlockingIOError:
                pass


def addresses(count: int) -> list[str]:
    """Loopback addresses, so that a few thousand targets do not share one pair of addresses and run out of ports."""
    return [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(count)]


async def bare(kind: str, port: int, rate: int, done: list[int]) -> None:
    """One task per target, one sock_connect per second: what a first draft would do, without deadlines or health."""
    loop = asyncio.get_running_loop()

    async def target(number: int, address: str) -> None:
        due = loop.time() + number / rate
        while True:
            await asyncio.sleep(due - loop.time())
            due += 1.0
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
                await loop.sock_connect(connection, (address, port))
                if kind == "http":
                    await loop.sock_sendall(connection, REQUEST)
                    reply = b""
                    while part := await loop.sock_recv(connection, 65536):
                        reply += part
                    assert reply[9:12] == b"200"
                    assert reply.endswith(BODY)
            done[0] += 1

    await asyncio.gather(*(target(number, address) for number, address in enumerate(addresses(rate))))


async def lvsmon(kind: str, port: int, rate: int, done: list[int]) -> None:
    """The whole path of the daemon: schedule, runner, deadline, probe, health."""
    from lvsmon.model import Damping, Target  # noqa: PLC0415
    from lvsmon.monitor import runner  # noqa: PLC0415
    from lvsmon.monitor.board import Board  # noqa: PLC0415
    from lvsmon.monitor.lag import LagMeter  # noqa: PLC0415
    from lvsmon.monitor.schedule import Schedule  # noqa: PLC0415
    from lvsmon.monitor.transcript import Recorder  # noqa: PLC0415
    from lvsmon.net.aio import AsyncioEngine  # noqa: PLC0415
    from lvsmon.probes import load  # noqa: PLC0415
    from lvsmon.probes.base import ProbeSpec  # noqa: PLC0415

    probe = load(kind)()
    plan = {
        address: ProbeSpec(
            id=address,
            probe=probe,
            target=Target(address=address, port=port, hostname="www.example.org" if kind == "http" else None),
            interval=1.0,
            timeout=1.0,
            damping=Damping(),
        )
        for address in addresses(rate)
    }
    board, engine, lag = Board(), AsyncioEngine(), LagMeter()
    board.update(plan)

    async def execute(spec):
        return await runner.run(spec.probe, spec.target, spec.timeout, engine, lag.stalled, trace=Recorder())

    def report(spec, outcome):
        board.record(spec, outcome, time.time())
        done[0] += outcome.verdict == "PASS"

    Schedule(execute, report).update(plan)
    await asyncio.get_running_loop().create_future()


async def measure(contestant: str, kind: str, port: int, rate: int, seconds: float) -> None:
    """Print the figures and end the process in the midst of its work: only that was to be measured."""
    done = [0]
    work = asyncio.create_task({"bare": bare, "lvsmon": lvsmon}[contestant](kind, port, rate, done))
    await asyncio.sleep(WARM_UP)
    before, first, began = os.times(), done[0], time.monotonic()
    await asyncio.sleep(seconds)
    after, count, took = os.times(), done[0] - first, time.monotonic() - began
    if work.done():
        work.result()
    cpu = after.user + after.system - before.user - before.system
    figures = {
        "us": cpu / count * 1e6 if count else float("nan"),
        "achieved": count / took / rate,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures), flush=True)
    os._exit(0)


def run_contestant(contestant: str, kind: str, rate: int, seconds: float) -> dict[str, float]:
    server = subprocess.Popen([sys.executable, __file__, "--serve", kind], stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        order = [sys.executable, __file__, "--measure", contestant, kind, port, str(rate), str(seconds)]
        return json.loads(subprocess.run(order, check=True, stdout=subprocess.PIPE, text=True).stdout)
    finally:
        server.kill()
        server.wait()


def spread(values: list[float]) -> str:
    return f"{min(values):.0f}/{statistics.median(values):.0f}/{max(values):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rates", default="1000,5000")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", metavar="KIND", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if given.serve:
        serve(given.serve)
    elif given.measure:
        contestant, kind, port, rate, seconds = given.measure
        asyncio.run(measure(contestant, kind, int(port), int(rate), float(seconds)))
    else:
        table(given)


def table(given: argparse.Namespace) -> None:
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load} at the start, Python {sys.version.split()[0]}")
    print("CPU per probe in microseconds as min/median/max of the rounds; ratio of medians to the bare loop.\n")
    print(f"{'kind':6}{'rate':>6}  {'contestant':12}{'CPU us':>14}{'ratio':>7}{'achieved':>10}{'MiB':>7}")
    for kind in KINDS:
        for rate in map(int, given.rates.split(",")):
            found = {contestant: [] for contestant in CONTESTANTS}
            for _ in range(given.rounds):
                for contestant in CONTESTANTS:
                    found[contestant].append(run_contestant(contestant, kind, rate, given.seconds))
            base = statistics.median(each["us"] for each in found["bare"])
            for contestant, runs in found.items():
                us = [each["us"] for each in runs]
                print(
                    f"{kind:6}{rate:>6}  {contestant:12}{spread(us):>14}{statistics.median(us) / base:>7.2f}"
                    f"{statistics.median(each['achieved'] for each in runs):>10.1%}"
                    f"{statistics.median(each['mib'] for each in runs):>7.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
