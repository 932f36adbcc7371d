"""The faults: each does its harm, yields while it lasts, and undoes it. The oracle is told before and after."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from kernel.chaos import setting
from kernel.chaos.history import EVERYWHERE, CutOff, Joined, Paused, Truth, VirtualRules
from kernel.chaos.plan import REALSERVERS, Step
from kernel.chaos.world import FOREIGN, World
from kernel.lab.daemons import DAEMONS
from kernel.lab.spaces import run
from kernel.lab.topology import VIP
from kernel.lab.waiting import until

Fault = Callable[[World, Step], Iterator[None]]

STARVED_AT: Final = 8
"""Descriptors that a process has at least: none can be opened any more."""

MORE_WEIGHTS: Final = 5


def _killed(world: World, step: Step) -> Iterator[None]:
    server = world.server(step.realserver)
    world.harm(step, Truth.DEAD, (server.name, step.variant))
    server.kill(step.variant)
    yield
    server.launch(step.variant)
    world.mend(step)


def _stopped(world: World, step: Step) -> Iterator[None]:
    """Stop it where it stands; of one that is stopped for less than an interval a probe may see nothing."""
    server = world.server(step.realserver)
    truth = Truth.DOUBTFUL if step.kind == "daemon blinks" else Truth.DEAD
    world.harm(step, truth, (server.name, step.variant))
    server.freeze(step.variant)
    yield
    server.thaw(step.variant)
    world.mend(step)


def _impostor(world: World, step: Step) -> Iterator[None]:
    server = world.server(step.realserver)
    daemon, behaviour = step.variant.split()
    port = DAEMONS[daemon].port
    world.harm(step, Truth.DEAD, (server.name, daemon))
    server.kill(daemon)
    log = server.folder / "impostor.log"
    program = [sys.executable, "-m", "kernel.chaos.impostor", behaviour, str(port)]
    process = server.start(*program, log=log)
    until(f"{step} listens", server.listening, lambda ports: port in ports or process.poll() is not None, 60.0)
    assert process.poll() is None, log.read_text()
    yield
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    server.launch(daemon)
    world.mend(step)


def _cable(world: World, step: Step) -> Iterator[None]:
    server = world.server(step.realserver)
    world.harm(step, Truth.DEAD, (server.name, EVERYWHERE))
    server.cut()
    yield
    server.mend()
    world.mend(step)


def _packets(world: World, step: Step) -> Iterator[None]:
    """Lose or delay what goes to a realserver. Late packets are no harm: they come within every timeout.

    But those that are on their way when the delay ends are lost with it.
    """
    truth = Truth.DEAD if "100%" in step.variant else Truth.DOUBTFUL
    loses = step.variant.startswith("loss")
    if loses:
        world.harm(step, truth, (step.realserver, EVERYWHERE))
    run("tc", "-n", "lan", *f"qdisc replace dev {step.realserver} root netem {step.variant}".split())
    yield
    if not loses:
        world.harm(step, truth, (step.realserver, EVERYWHERE))
    run("tc", "-n", "lan", *f"qdisc delete dev {step.realserver} root".split())
    world.mend(step)


def _killed_everywhere(world: World, step: Step) -> Iterator[None]:
    world.harm(step, Truth.DEAD, *((name, step.variant) for name in REALSERVERS))
    for server in world.network.realservers:
        server.kill(step.variant)
    yield
    world.network.launch(step.variant)
    world.mend(step)


def _cut_off(world: World, step: Step) -> Iterator[None]:
    world.ledger.tell(CutOff)
    world.network.director.cut()
    yield
    world.network.director.mend()
    world.ledger.tell(Joined)


def _some_destination(world: World, step: Step) -> tuple[str, str] | None:
    """Draw a destination of ours that is in the table now: its virtual service, and its address there."""
    table = world.table()
    there = [
        (virtual.shown, world.address(virtual, name))
        for virtual in world.virtuals
        for name in REALSERVERS
        if name in table.get(virtual.shown, {})
    ]
    return there[int(step.draw * len(there))] if there else None


def _weight_by_hand(world: World, step: Step) -> Iterator[None]:
    if found := _some_destination(world, step):
        weight = (0, 7, 100)[int(step.draw * 1000) % 3]
        world.by_hand(f"-e {found[0]} -r {found[1]} {world.network.flag} -w {weight}")
    yield


def _destination_deleted(world: World, step: Step) -> Iterator[None]:
    if found := _some_destination(world, step):
        world.by_hand(f"-d {found[0]} -r {found[1]}")
    yield


def _virtual_deleted(world: World, step: Step) -> Iterator[None]:
    others = [virtual.shown for virtual in world.virtuals if virtual.name != "web"]
    world.by_hand(f"-D {others[int(step.draw * len(others))]}")
    yield


def put_foreign(world: World) -> None:
    """Put entries into the table that are not lvsmon's: a virtual service, and a destination in one of its own."""
    other, web = f"-t {VIP}:8080", setting.VIRTUALS[0].shown
    world.foreign = {other: {"rs1": 9}, web: {FOREIGN: 0}}
    server, flag = world.network.realservers[0], world.network.flag
    world.by_hand(
        f"-A {other} -s rr",
        f"-a {other} -r {server.rip}:{80 if flag == '-m' else 8080} {flag} -w 9",
        f"-a {web} -r {FOREIGN} {flag} -w 0",
    )


def _flushed(world: World, step: Step) -> Iterator[None]:
    """As a module that is loaded anew: the table is empty. Those whose the rest was put it back later."""
    world.by_hand("-C")
    yield
    put_foreign(world)


def _foreign(world: World, step: Step) -> Iterator[None]:
    shown = f"-t {VIP}:8081"
    world.foreign[shown] = {"rs2": 3}
    server, flag = world.network.realservers[1], world.network.flag
    world.by_hand(f"-A {shown} -s wlc", f"-a {shown} -r {server.rip}:{80 if flag == '-m' else 8081} {flag} -w 3")
    yield
    del world.foreign[shown]
    world.by_hand(f"-D {shown}")


def _lvsmon_killed(world: World, step: Step) -> Iterator[None]:
    world.hinder(step)
    world.monitor.kill()
    yield
    world.start_monitor()
    world.free(step, anew=True)


def _lvsmon_ended(world: World, step: Step) -> Iterator[None]:
    world.hinder(step)
    status = world.monitor.terminate()
    assert status == 0, f"after SIGTERM lvsmon's exit status was {status}"
    yield
    world.start_monitor()
    world.free(step, anew=True)


def _part_killed(world: World, step: Step) -> Iterator[None]:
    """Kill the processes that lvsmon has started, if there are any."""
    children = world.monitor.pids[1:]
    world.ledger.note(f"lvsmon's processes: {children}")
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    yield


def _lvsmon_stopped(world: World, step: Step) -> Iterator[None]:
    world.hinder(step)
    world.monitor.stop_running()
    yield
    world.monitor.go_on()
    world.free(step)


def _no_descriptors(world: World, step: Step) -> Iterator[None]:
    world.hinder(step)
    world.monitor.limit_descriptors(STARVED_AT)
    yield
    world.monitor.limit_descriptors(1024)
    world.free(step)


def _paused(world: World, step: Step) -> Iterator[None]:
    world.hinder(step)
    world.command("pause", "--reason", "chaos")
    world.ledger.tell(Paused)
    yield
    world.ledger.tell(lambda now: Paused(now, over=True))
    world.command("resume")
    world.free(step)


def _disabled(world: World, step: Step) -> Iterator[None]:
    """An operator takes a realserver out of everything, and lets it in again when lvsmon can hear it."""
    names = (step.realserver, f"{step.realserver}-v6")
    if world.ledger.oracle.hindered:
        world.ledger.note("nobody hears the operator: left out")
        yield
        return
    _told_by_operator(world, step, Truth.UNWANTED, "disable", *names, "--reason", "chaos", "--force")
    yield
    world.when_free(lambda: _told_by_operator(world, step, None, "enable", *names, "--reason", "chaos"))


def _told_by_operator(world: World, step: Step, truth: Truth | None, *command: str) -> None:
    """While the command runs it may be in force or not; from then on the realserver is what ``truth`` says."""
    where = (step.realserver, EVERYWHERE)
    world.harm(step, Truth.DOUBTFUL, where)
    world.command(*command)
    if truth is None:
        world.mend(step)
    else:
        world.harm(step, truth, where)


def _disk_full(world: World, step: Step) -> Iterator[None]:
    ballast = world.state / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    yield
    ballast.unlink()


def _clock_stepped(world: World, step: Step) -> Iterator[None]:
    time.clock_settime(time.CLOCK_REALTIME, time.time() + float(step.variant))
    yield
    time.clock_settime(time.CLOCK_REALTIME, time.time() - float(step.variant))


def _reload(world: World, step: Step) -> Iterator[None]:
    """Load a good configuration. A virtual service that it drops comes back by a second one."""
    dice = random.Random(step.draw)
    virtuals = {virtual.name: virtual for virtual in world.virtuals}
    one = virtuals[dice.choice(sorted(virtuals))]
    if step.variant == "weights":
        virtuals[one.name] = replace(one, weights={name: dice.randint(1, MORE_WEIGHTS) for name in one.weights})
    elif step.variant == "policy":
        virtuals[one.name] = replace(one, on_failure="remove" if one.on_failure == "quiesce" else "quiesce")
    elif step.variant == "interval":
        virtuals[one.name] = replace(one, interval=one.timeout + dice.choice([0.0, 0.5, 1.0]))
    else:
        del virtuals[dice.choice(setting.DROPPABLE)]
    before = world.virtuals
    _load(world, step, tuple(virtuals.values()))
    yield
    if step.variant == "drop":
        _load(world, step, before)


def _load(world: World, step: Step, virtuals: tuple[VirtualRules, ...]) -> None:
    world.virtuals = virtuals
    world.hinder(step)
    world.configure()
    before = world.heard("reloaded")
    world.reload()
    world.until_heard("reloaded", before, "load a good configuration")
    world.told_rules()
    world.free(step)


BAD: Final[Mapping[str, Callable[[str], bytes]]] = {
    "key": lambda text: text.replace("on_failure", "on_failre").encode(),
    "cut": lambda text: text[: len(text) // 2].encode(),
    "bytes": lambda text: text.encode() + b"\xff\x00\xfe",
    "twice": lambda text: (text + text).encode(),
    "weight": lambda text: text.replace("weight = ", "weight = -").encode(),
    "realserver": lambda text: text.replace('name = "rs1', 'name = "rs9').encode(),
}
"""What a file of a virtual service may look like that must be refused whole."""


def _bad_reload(world: World, step: Step) -> Iterator[None]:
    one = world.virtuals[int(step.draw * len(world.virtuals))]
    path = world.monitor.folder / "monitors.d" / f"{one.name}.toml"
    text = path.read_text()
    before = world.heard("reload_refused")
    path.write_bytes(BAD[step.variant](text))
    world.reload()
    world.until_heard("reload_refused", before, "refuse a bad configuration")
    path.write_text(text)
    yield


FAULTS: Final[Mapping[str, Fault]] = {
    "daemon killed": _killed,
    "daemon stopped": _stopped,
    "daemon blinks": _stopped,
    "impostor": _impostor,
    "mail impostor": _impostor,
    "cable pulled": _cable,
    "packets lost": _packets,
    "all packets lost": _packets,
    "packets late": _packets,
    "daemon killed everywhere": _killed_everywhere,
    "director's cable pulled": _cut_off,
    "weight by hand": _weight_by_hand,
    "destination deleted by hand": _destination_deleted,
    "virtual service deleted by hand": _virtual_deleted,
    "table flushed": _flushed,
    "foreign entry by hand": _foreign,
    "lvsmon killed": _lvsmon_killed,
    "lvsmon's part killed": _part_killed,
    "lvsmon ended and started": _lvsmon_ended,
    "lvsmon stopped": _lvsmon_stopped,
    "lvsmon paused": _paused,
    "realserver disabled": _disabled,
    "descriptors exhausted": _no_descriptors,
    "disk full": _disk_full,
    "clock stepped": _clock_stepped,
    "reload": _reload,
    "bad reload": _bad_reload,
}
"""By the names of `kernel.chaos.plan`."""


def mount_state(world: World) -> None:
    """Give lvsmon a state directory that is small enough to be filled."""
    world.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "state", world.state], check=True)
