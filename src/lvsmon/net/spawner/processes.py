"""How many processes there are, and whose."""

import contextlib
import os
from collections import Counter


def tasks() -> int:
    """Return how many tasks the system has."""
    with open("/proc/loadavg", encoding="ascii") as file:  # noqa: PTH123  read often
        return int(file.read().split()[3].partition("/")[2])


def group_sizes() -> Counter[int]:
    """Return the number of processes in each process group."""
    sizes: Counter[int] = Counter()
    for name in os.listdir("/proc"):  # noqa: PTH208  it is thousands of names when it matters
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                sizes[int(file.read().rpartition(b")")[2].split()[2])] += 1
    return sizes
