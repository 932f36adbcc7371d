"""How often Python looks for garbage, in a process that holds a plan for months and makes many short-lived objects."""

import gc
from typing import Final

_YOUNG: Final = 20_000
"""Objects made and not yet gone before Python looks for cycles among them. Its own 700 are fewer than a thousand runs
hold while they wait, so that it looked through all of them again and again (docs/benchmarks.md)."""


def look_seldom() -> None:
    gc.set_threshold(_YOUNG, 10, 10)


def set_apart() -> None:
    """Look for garbage once and then no more among what there is now: a plan stays until the next one is taken."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
