"""The tests of one run, shared by the guests that do it: whoever is free takes the next one.

Each guest collects all of them and takes one by making a folder of its name where all guests can write; a folder is
made once. So each test is run, and run once, in whatever order the guests see them.
"""

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

RESULTS: Final = Path("/results")


def mine(items: Iterable[pytest.Item], taken: Path) -> Iterator[pytest.Item]:
    """Yield the items that nobody has taken, each taken before it is yielded; ``taken`` is a folder."""
    for item in items:
        try:
            (taken / sha256(item.nodeid.encode()).hexdigest()).mkdir()
        except FileExistsError:
            continue
        yield item


class Sharing:
    """The plugin of pytest in a guest."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave what is quick for the end, so that no guest waits long for the other one's last test."""
        items.sort(key=lambda item: "network" not in getattr(item, "fixturenames", ()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or session.config.option.collectonly:
            return None  # pytest's own says what is wrong, or lists them
        items = mine(session.items, RESULTS / "taken")
        item = next(items, None)
        while item is not None:
            following = next(items, None)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail or session.shouldstop:
                list(items)  # no other guest begins one of those either
                raise session.Interrupted(session.shouldfail or session.shouldstop)
            item = following
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell the launcher how many passed, failed and were skipped."""
        kinds = (("passed",), ("failed", "error"), ("skipped",))
        counts = [sum(len(terminalreporter.stats.get(name, ())) for name in names) for names in kinds]
        told = RESULTS / f"told-{os.environ['LVSMON_LAB_GUEST']}"
        told.write_text(" ".join(map(str, counts)))
