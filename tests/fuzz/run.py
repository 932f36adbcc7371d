"""The long run of the fuzz targets: python -m fuzz.run [--inputs N] [--codec NAME …] [--seed N] [--keep].

Each input is made of the corpus and of the protocol's words by a few cuts, copies and changed bytes; what gives a
sequence of events that was not seen before joins the corpus of this run. It is fed whole and in pieces: both must give
the same events or the same violation. Every input is timed, every `WEIGHED`-th is weighed too, and before all that each
file and word is repeated to `FLOOD` bytes. What is found is made small; --keep writes it to the corpus.
"""

import argparse
import hashlib
import random
import sys
import time
import tracemalloc
from collections import Counter
from contextlib import suppress
from itertools import pairwise

from fuzz.targets import CORPUS, TARGETS, Whole, corpus
from lvsmon.errors import ProtocolViolation
from lvsmon.testing.split_feeding import VIOLATION, transcript

LONGEST = 400
LONG = 8192
"""Bytes of one input, and of one in a hundred: short ones say as much, and more of them can be tried."""

POOL = 3000
"""Inputs that a run keeps: what is new after that replaces some other."""

FLOOD = 2 << 20
ENOUGH = 20_000
"""Events after which a flood has shown that they are given away as they come."""

PIECE = 65536
"""Bytes that a flood comes in: what lvsmon reads at a time."""

SLOW = 0.25
"""Seconds of processor time that one input may take: a hundred times what any takes."""

WEIGHED = 500
HEAVY = 2 << 20
"""Bytes that a codec may hold, beyond what it is fed: twice the largest limit of any (imap's answer)."""


class Found(Exception):
    """An input breaks the invariant."""


def main(arguments):
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="for each codec")
    parser.add_argument("--codec", action="append", choices=sorted(TARGETS), help="may be repeated; all without")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same inputs")
    parser.add_argument("--keep", action="store_true", help="write what is found to tests/fuzz/corpus")
    asked = parser.parse_args(arguments)
    found = 0
    print("codec            inputs  seconds     events  violations  shapes  found", flush=True)
    for name in asked.codec or TARGETS:
        found += fuzz(name, asked.inputs, asked.seed, keep=asked.keep)
    return 1 if found else 0


def fuzz(name, inputs, seed, *, keep=False):
    """Run one target and print its line; return how much was found."""
    target, began = TARGETS[name], time.monotonic()
    dice = random.Random(f"{name} {seed}")
    kept = list(corpus(name).values())
    pool, shapes, totals, found = [*kept], set(), Counter(), {}
    for make in target.makes.values():
        for data in (*target.words, *kept):
            _note(found, name, data * 2, lambda data=data, make=make: _flood(make, data))
    for number in range(inputs):
        data = kept[number] if number < len(kept) else _invented(dice, pool, target.words)
        variant = dice.choice(list(target.makes))
        make, cuts = target.makes[variant], _cuts(dice, len(data))
        events = _note(
            found,
            name,
            data,
            lambda: hold(target, make, data, cuts, weigh=number % WEIGHED == 0),  # noqa: B023
        )
        if events is None:
            continue
        totals["events"] += len(events) - (VIOLATION in events)
        totals["violations"] += VIOLATION in events
        shape = (variant, *[(type(event), len(repr(event)).bit_length()) for event in events[:8]])
        if shape not in shapes and len(shapes) < 100_000:
            shapes.add(shape)
            if len(pool) < POOL:
                pool.append(data)
            else:
                pool[dice.randrange(len(kept), POOL)] = data
    for data, complaint in found.values():
        where = CORPUS / name / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
        print(f"{name}: {complaint}\n  input: {data[:400]!r}", flush=True)
        if keep:
            where.write_bytes(data)
    took = time.monotonic() - began
    events, violations = totals["events"], totals["violations"]
    print(f"{name:15}{inputs:8}{took:9.1f}{events:11}{violations:12}{len(shapes):8}{len(found):7}", flush=True)
    return len(found)


def _note(found, name, data, run):
    """Return what ``run`` gives; what it raises is noted, once of each sort, with the smallest input that raises it."""
    try:
        return run()
    except Exception as error:  # noqa: BLE001  whatever it is: nothing but a violation may come out
        complaint = f"{type(error).__name__}: {str(error)[:300]}"
        key = (type(error), str(error)[:20])
        if key not in found:
            found[key] = (_smaller(name, data, type(error)), complaint)
        return None


def hold(target, make, data, cuts, *, weigh=False):
    """Return the events of ``data``; raise `Found` where a split, the time or the memory is wrong."""
    began = time.thread_time()
    whole = transcript(make(), [data], target.merge)
    pieces = [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]
    if weigh:
        tracemalloc.start()
    try:
        in_pieces = transcript(make(), pieces, target.merge)
        peak = tracemalloc.get_traced_memory()[1] if weigh else 0
    finally:
        tracemalloc.stop()
    if whole != in_pieces:
        raise Found(f"split at {cuts[:20]}: {in_pieces!r}, whole: {whole!r}")
    if peak > HEAVY:
        raise Found(f"held {peak} bytes")
    if (
        not weigh and time.thread_time() - began > SLOW
    ):  # once more: it may have been the collector of this run's garbage
        began = time.thread_time()
        transcript(make(), pieces, target.merge)
        if time.thread_time() - began > SLOW / 2:
            raise Found(f"took {time.thread_time() - began:.3f} s of processor time")
    target.holds(whole)
    if not target.must and VIOLATION in whole:
        raise Found("it may not refuse anything")
    return whole


def _flood(make, data):
    """Feed ``data`` over and over: the codec refuses it, or gives events away and holds no more than before."""
    if not data or isinstance(codec := make(), Whole):
        return  # a message is bounded before it is read
    piece, given = data * (PIECE // len(data) + 1), 0
    with suppress(ProtocolViolation):
        for _ in range(FLOOD // len(piece) + 1):
            codec.feed(piece)
            while given < ENOUGH and codec.next_event() is not None:
                given += 1
            if given == ENOUGH:
                return
            if (size := held(codec)) > HEAVY:
                raise Found(f"flooded, it held {size} bytes")


def held(thing):
    """Return the bytes that a codec holds: its texts, and those of what it is made of."""
    if isinstance(thing, bytes | bytearray | str):
        return len(thing)
    if isinstance(thing, list | tuple | set | dict):
        return sum(8 + held(one) for one in thing)
    own = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
    slots = (name for base in type(thing).__mro__ for name in getattr(base, "__slots__", ()))
    own += [getattr(thing, name) for name in slots if hasattr(thing, name)]
    unused = len(thing.unused_data) if hasattr(thing, "unused_data") else 0  # zlib's
    return unused + sum(map(held, own)) if type(thing).__module__.startswith(("lvsmon", "fuzz")) or unused else 0


def _cuts(dice, length):
    """Return where to cut: everywhere now and then, else at a few places."""
    if length <= 64 and dice.random() < 0.2:
        return list(range(1, length))
    return sorted({dice.randrange(1, length) for _ in range(dice.randint(1, 4))}) if length > 1 else []


def _invented(dice, pool, words):
    """Return an input nobody has seen."""
    data = bytearray(dice.choice(pool)) if dice.random() < 0.8 else bytearray()
    for _ in range(dice.choice((1, 1, 2, 2, 3, 4, 6, 10))):
        at = dice.randint(0, len(data))
        end = min(len(data), at + dice.choice((1, 1, 2, 4, 16, 64)))
        match dice.randrange(9):
            case 0 | 1:
                data[at:at] = dice.choice(words)
            case 2:
                data[at:end] = dice.choice(words)
            case 3:
                data[at:end] = dice.randbytes(dice.randint(0, 6))
            case 4:
                del data[at:end]
            case 5 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 6:
                data[at:at] = data[at:end] * dice.choice((1, 2, 8, 100))
            case 7:
                data[at:] = dice.choice(pool)
            case _:
                data[at:end] = dice.choice(
                    (b"\0", b"\xff", b"\x7f", b"\x80", b"0", b"9", b"-", b"\r\n", b" ", b"\0\0\0")
                )
    return bytes(data[: LONG if dice.random() < 0.01 else LONGEST])


def _smaller(name, data, error):
    """Return a part of ``data`` that still raises ``error``: cut shorter as long as that goes, within a second."""
    target = TARGETS[name]

    def still(shorter):
        for make in target.makes.values():
            for cuts in ([], list(range(1, len(shorter)))):
                try:
                    hold(target, make, shorter, cuts)
                except error:
                    return True
                except Exception:  # noqa: BLE001, S112  another fault: not what is looked for
                    continue
        return False

    until, size = time.monotonic() + 1, len(data) // 2
    while size and time.monotonic() < until:
        for start in range(0, len(data), size):
            shorter = data[:start] + data[start + size :]
            if still(shorter):
                data = shorter
                break
        else:
            size //= 2
    return data


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
