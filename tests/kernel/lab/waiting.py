"""Waiting for a condition: looked at again and again until a deadline, and what was seen is told when it never came."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PERIOD: Final = 0.05
"""Seconds between looks: one look through a program such as ipvsadm costs the guest about that much."""


def until(what: str, look: Callable[[], T], good: Callable[[T], bool], within: float) -> T:
    """Return what ``look`` gave when ``good`` first held; fail after ``within`` seconds with everything seen."""
    start = time.monotonic()
    seen: list[tuple[float, T]] = []
    while True:
        now = look()
        passed = time.monotonic() - start
        if not seen or seen[-1][1] != now:
            seen.append((passed, now))
        if good(now):
            return now
        if passed > within:
            story = "\n".join(f"  after {moment:6.2f} s: {value!r}" for moment, value in seen[-30:])
            raise AssertionError(f"{what}: not within {within:g} s; seen\n{story}")
        time.sleep(PERIOD)
