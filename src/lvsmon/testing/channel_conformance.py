"""What every kind of channel must do: hand over each alert as one message, whatever stands in it, and never hang on.

A world is a channel with somebody at the other end who takes what it delivers:

    async def judged():
        return await delivery_complaints(MyWorld())
    assert not asyncio.run(judged())

A channel that speaks TCP is run against every server that misbehaves, too:

    with MisbehavingServers() as servers:
        assert not stream_complaints(lambda host, port: MyChannel(server=f"{host}:{port}"), servers)

What refuses, and what never answers, each kind makes for itself: see `refusal_complaints` and `stall_complaints`.
"""

import asyncio
import contextlib
import gc
import tracemalloc
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from lvsmon.alerts.alert import Alert, Stage
from lvsmon.alerts.channel import Channel
from lvsmon.alerts.condition import Condition, Severity, Subject
from lvsmon.errors import MAX_DETAIL, ActionFailed
from lvsmon.testing.misbehaving import BEHAVIOURS, LOOPBACKS, OVER_UDP, MisbehavingServers

DEADLINE: Final = 0.4
"""Seconds for a try that somebody drags out: a healthy loopback server answers in a hundredth of it."""

PATIENCE: Final = 20.0
"""Seconds for a try that must succeed, or that must let go what it holds: more than a busy machine takes."""

BEAT: Final = 0.02
"""Seconds between the turns of the loop that are counted while a channel waits."""

LEAST_BEATS: Final = 3
"""Turns of the loop during a deadline: 20 on an idle machine, none beside a call that blocks."""

MEMORY: Final = 16 << 20
"""Bytes that one delivery may hold at its peak, the alert's own 1 MB of text apart: it is copied and encoded."""

_LONG: Final = 1 << 20

HOSTILE: Final[Mapping[str, str]] = {
    "newlines": "one\r\ntwo\nthree\rfour\x0bfive\x0csix\x85seven\u2028eight\u2029nine",
    "a header": "x\r\nBcc: <injected@example.org>\r\nX-Injected: yes\r\n\r\ninjected body",
    "the end of a mail": "x\r\n.\r\nMAIL FROM:<injected@example.org>\r\n.\n.",
    "a log line": "x\n<13>1 - - injected - - - injected\n<13>Jan  1 00:00:00 injected injected",
    "structured data": 'x"] [injected@32473 a="b\\"c]"]\\',
    "a field of a journal": "x\nINJECTED=yes\nMESSAGE\n\x05\0\0\0\0\0\0\0wrong\n",
    "JSON": '"}\n{"injected": true, "a": "\\u0000\\',
    "markup": "</pre></td><script>injected()</script><img src=x onerror=injected()> &amp; <!-- ]]>",
    "a template": "{{ 7 * 7 }} {% include '/etc/passwd' %} ${HOME} $(injected) `injected` %s %n %x {0}",
    "control characters": "".join(map(chr, range(32))) + "\x7f\x80\x9b31m\x1b[2J\x1b]0;injected\x07",
    "encoded words": "=?utf-8?q?injected=0D=0ABcc:_x?= =?utf-8?b?DQpYLUluamVjdGVkOiB5ZXM=?=",
    "wrong UTF-8": "caf\udce9 \ud800\udfff \udc80\udcff \ufffe\ufdd0",
    "directions": "\u202eexe.gpj\u2066\u200f\u200b\ufeff" + "a" + "\u0301" * 60,
    "beyond ASCII": "größer 大きい 🚨 " * 20,
    "one word": "x" * 5000,
    "many words": "word " * 5000,
    "1 MB": "flood\r\n." * (_LONG // 8),
    "1 MB beyond ASCII": "🚨é\n" * (_LONG // 4),
    "nothing": "",
}
"""What a realserver, or a template that quotes it wrongly, may put into an alert."""

STRIPPED: Final = frozenset(map(chr, (*range(9), 11, 12, 13, *range(14, 32), *range(127, 160), 0x2028, 0x2029, 0x202E)))
"""Characters that no text that was taken may hold raw: all controls but tab and newline, and what turns lines round."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One message as the other side has it, read with a parser that is not the channel's.

    ``structure`` is what the message is made of: names of headers, of fields, of keys. No text changes it. ``texts``
    are the values: what a person reads.
    """

    structure: Hashable
    texts: tuple[str, ...]


class World(Protocol):
    """A channel and a healthy other side."""

    channel: Channel
    max_size: int
    """Characters that all texts of one message may have together."""

    async def taken(self, count: int) -> Sequence[Taken]:
        """Return the first ``count`` messages that were taken since the last call, and every further one there is."""
        ...


def sample_alert(number: int = 1, /, **more: object) -> Alert:
    """Return an alert as the outbox hands it over, a new one for each number."""
    destination = Subject("shop", "rs2", "10.1.0.12:443")
    condition = Condition(
        severity=Severity.DOWN,
        subject=destination,
        summary="https fails",
        seen="HTTP/1.1 503 Service Unavailable",
        reason="expectation",
        since=1_700_000_000.0,
        done=("ipvsadm -e -t 192.0.2.10:443 -r 10.1.0.12:443 -g -w 0",),
        left="1 of 2 destinations serve",
        tags=frozenset({"web"}),
        facts={"status": 503},
    )
    alert = Alert(
        id=f"alert-{number}",
        incident=f"incident-{number}",
        stage=Stage.OPENED,
        severity=Severity.DOWN,
        route="oncall",
        subject="[DOWN] shop rs2",
        text="rs2 is down.\nIt said: HTTP/1.1 503 Service Unavailable",
        at=1_700_000_060.25,
        since=1_700_000_000.0,
        director="director1.example.org",
        conditions=(condition,),
    )
    return replace(alert, **more)  # type: ignore[arg-type]


def hostile_alert(number: int, text: str) -> Alert:
    """Return an alert with ``text`` wherever texts of others may come to stand, as if nobody had escaped it before.

    The names of facts are ours: they are not among them.
    """
    alert = sample_alert(number)
    condition = replace(
        alert.conditions[0],
        summary=text,
        seen=text,
        reason=text,
        subject=Subject(text, text, text, text),
        done=(text,),
        left=text,
        facts={"banner": text},
    )
    return replace(alert, subject=text, text=text, route=text, incident=f"{text}{number}", conditions=(condition,))


async def delivery_complaints(world: World) -> list[str]:
    """Deliver each stage, each severity and each hostile text; return what is wrong with what was taken."""
    complaints = []
    alerts = {f"the stage {stage}": sample_alert(100 + n, stage=stage) for n, stage in enumerate(Stage)}
    alerts |= {f"the severity {one}": sample_alert(200 + n, severity=one) for n, one in enumerate(Severity)}
    alerts |= {"no condition": sample_alert(300, conditions=(), director="", incident="", route="")}
    alerts |= {"many conditions": sample_alert(301, conditions=sample_alert().conditions * 2000)}
    for name, alert in alerts.items():
        complaints += [f"{name}: {wrong}" for wrong in await _delivered(world, alert)]
    plain = await _structure(world, hostile_alert(400, "harmless"))
    for number, (name, text) in enumerate(HOSTILE.items()):
        alert = hostile_alert(500 + number, text)
        complaints += [f"{name}: {wrong}" for wrong in await _delivered(world, alert, plain)]
    return complaints


async def _structure(world: World, alert: Alert) -> Hashable:
    """Return the structure of a harmless message; None where it cannot be had, which has been complained of."""
    with contextlib.suppress(ActionFailed, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await world.channel.deliver(alert)
            return (await world.taken(1))[0].structure
    return None


async def _delivered(world: World, alert: Alert, structure: Hashable = None) -> list[str]:
    """Deliver ``alert``, all else being well; return what is wrong with what was taken."""
    try:
        async with asyncio.timeout(PATIENCE):
            await world.channel.deliver(alert)
            messages = await world.taken(1)
    except (ActionFailed, TimeoutError) as error:
        return [f"not delivered: {error!r}"]
    if len(messages) != 1:
        return [f"{len(messages)} messages were taken, not one"]
    wrong = []
    if structure is not None and messages[0].structure != structure:
        wrong.append(f"its structure is {messages[0].structure!r}, not {structure!r}")
    raw = [(sorted(found), text) for text in messages[0].texts if (found := STRIPPED & set(text))]
    wrong += [f"a text holds raw {found!r}: {text[:200]!r}" for found, text in raw]
    if (size := sum(map(len, messages[0].texts))) > world.max_size:
        wrong.append(f"it has {size} characters, over {world.max_size}")
    return wrong


async def memory_complaints(world: World) -> list[str]:
    """Deliver 1 MB of text; return whether that held more memory than `MEMORY`."""
    await _delivered(world, sample_alert(1))  # what the first delivery loads is not counted
    held = await _peak([world.channel], hostile_alert(2, HOSTILE["1 MB beyond ASCII"]), PATIENCE)
    await world.taken(1)
    return _memory_complaints(held)


def _memory_complaints(held: int) -> list[str]:
    return [f"a delivery held {held} bytes, over {MEMORY}"] if held > MEMORY else []


async def _peak(channels: Sequence[Channel], alert: Alert, patience: float) -> int:
    """Deliver over all at once, for so long; return the most bytes that Python held beyond what it held before."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await asyncio.gather(*(_tried(channel, alert, patience) for channel in channels))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


async def _tried(channel: Channel, alert: Alert, patience: float) -> None:
    with contextlib.suppress(ActionFailed, TimeoutError):
        async with asyncio.timeout(patience):
            await channel.deliver(alert)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A channel whose other side refuses: for good, or for now. ``secrets`` are told in no error, in no form."""

    channel: Channel
    final: bool
    says: str = ""
    """What the error must tell, of what the other side said."""
    secrets: tuple[str, ...] = ()


async def refusal_complaints(refusals: Mapping[str, Refusal]) -> list[str]:
    """Deliver to each; return where it was not told as it is."""
    complaints = []
    for name, refusal in refusals.items():
        try:
            async with asyncio.timeout(PATIENCE):
                await refusal.channel.deliver(sample_alert())
        except ActionFailed as error:
            wrong = _wrong_error(error, refusal.final)
            if refusal.says not in str(error):
                wrong.append(f"does not tell {refusal.says!r}: {error}")
            wrong += ["it tells a secret" for secret in refusal.secrets if secret in str(error)]
        except TimeoutError:
            wrong = ["not told, but waited"]
        else:
            wrong = ["taken for delivered"]
        complaints += [f"{name}: {one}" for one in wrong]
    return complaints


def _wrong_error(error: ActionFailed, final: bool) -> list[str]:
    text = str(error)
    wrong = [] if error.final is final else [f"final is {error.final}: {text}"]
    if not text or len(text) > MAX_DETAIL:
        wrong.append(f"its error has {len(text)} characters")
    if not text.isprintable():
        wrong.append(f"its error is not one printable line: {text!r}")
    return wrong


async def stall_complaints(stalls: Mapping[str, Channel], deliveries: int = 1) -> list[str]:
    """Deliver to each, of which none ever answers; return which blocked the loop or left something behind.

    Those that have no answer to wait for may return, as often as they are asked (``deliveries``).
    """
    complaints = []
    for name, channel in stalls.items():
        wrong = await _stalled(channel, deliveries)
        if wrong:  # a machine that had no time for us is no fault of the channel's
            wrong = await _stalled(channel, deliveries)
        complaints += [f"{name}: {one}" for one in wrong]
    return complaints


async def _stalled(channel: Channel, deliveries: int) -> list[str]:
    held = _held()
    loop = asyncio.get_running_loop()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(BEAT)
            beats += 1

    heart = asyncio.create_task(beat())
    began = loop.time()
    wrong = []
    waited = False
    try:
        async with asyncio.timeout(DEADLINE):
            for number in range(deliveries):
                await channel.deliver(sample_alert(number))
    except TimeoutError:
        waited = True
    except ActionFailed as error:
        wrong += _wrong_error(error, final=False)
    except Exception as error:  # noqa: BLE001  whatever else it raises is what is looked for
        wrong.append(f"raised {error!r}")
    took = loop.time() - began
    heart.cancel()
    await asyncio.gather(heart, return_exceptions=True)
    if waited and beats < LEAST_BEATS:
        wrong.append(f"the loop turned {beats} times in {took:.1f} s: something blocks")
    return wrong + await _left(held)


async def _left(held: tuple[int, int]) -> list[str]:
    """Return what is still held beyond ``held``, after a time in which it can be let go."""
    try:
        async with asyncio.timeout(PATIENCE / 2):
            while any(now > before for now, before in zip(_held(), held, strict=True)):  # noqa: ASYNC110  the kernel's
                await asyncio.sleep(BEAT)
    except TimeoutError:
        now = _held()
        return [f"{now[0] - held[0]} descriptors and {now[1] - held[1]} processes are left"]
    return []


def _held() -> tuple[int, int]:
    """Return how many descriptors this process has open and how many children it has."""
    children = sum(len(task.read_text().split()) for task in Path("/proc/self/task").glob("*/children"))
    return len(list(Path("/proc/self/fd").iterdir())), children


def stream_complaints(
    channel: Callable[[str, int], Channel], servers: MisbehavingServers, takes: frozenset[str] = frozenset()
) -> list[str]:
    """Deliver to every server that misbehaves, over both families; return what was not told or not let go.

    None of them takes an alert, but those that the kind cannot tell from one that does: ``takes``.
    """
    return asyncio.run(_streams(channel, servers, takes))


async def _streams(
    channel: Callable[[str, int], Channel], servers: MisbehavingServers, takes: frozenset[str]
) -> list[str]:
    await _met(channel(LOOPBACKS[0], servers.port("refuse", LOOPBACKS[0])))  # what is opened once is no leak
    held = _held()
    cases = [(name, host) for name in BEHAVIOURS if name not in OVER_UDP for host in LOOPBACKS]
    found = await asyncio.gather(*(_met(channel(host, servers.port(name, host))) for name, host in cases))
    complaints = []
    for (name, host), (returned, wrong) in zip(cases, found, strict=True):
        if returned and name not in takes:
            wrong.append("taken for delivered")
        complaints += [f"{name} on {host}: {one}" for one in wrong]
    flooded = {
        name: channel(LOOPBACKS[0], servers.port(name, LOOPBACKS[0]))
        for name in BEHAVIOURS
        if "endless" in name or "bomb" in name
    }
    if await _peak([*flooded.values()], sample_alert(), DEADLINE) > MEMORY:  # then each alone, to see which it is
        for name, one in flooded.items():
            alone = _memory_complaints(await _peak([one], sample_alert(), DEADLINE))
            complaints += [f"{name}: {wrong}" for wrong in alone]
    return complaints + await _left(held)


async def _met(channel: Channel) -> tuple[bool, list[str]]:
    """Deliver once within a deadline; return whether it was taken, and what is wrong."""
    try:
        async with asyncio.timeout(2 * DEADLINE):
            await channel.deliver(sample_alert())
    except TimeoutError:
        return False, []
    except ActionFailed as error:
        return False, _wrong_error(error, final=False)
    except Exception as error:  # noqa: BLE001  whatever else it raises is what is looked for
        return False, [f"raised {error!r}"]
    return True, []
