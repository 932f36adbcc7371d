"""Concurrency and the overall deadline of a look."""

import resource
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from lvsmon.model import Outcome, Reason, Target, Verdict
from lvsmon.oneshot.probing import LIMIT, PER_REALSERVER, SLACK, concurrency, default_deadline, run_all
from lvsmon.probes.base import Context, passed
from oneshot_support import spec


@dataclass(frozen=True)
class Crowd:
    """A probe that stays until ``enough`` of its kind are in; the tally keeps the most that were."""

    kind: ClassVar[str] = "crowd"
    uses_hostname: ClassVar[bool] = False
    tally: dict[str, int]
    wanted: int

    async def check(self, target: Target, ctx: Context, /) -> Outcome:
        self.tally["in"] += 1
        self.tally["most"] = max(self.tally["most"], self.tally["in"])
        while self.tally["most"] < self.wanted:
            await ctx.net.pause(0.001)
        self.tally["in"] -= 1
        return passed()


@pytest.mark.parametrize(("addresses", "limit", "most"), [(1, 100, PER_REALSERVER), (30, 7, 7)])
def test_no_more_run_at_once_than_allowed(addresses: int, limit: int, most: int) -> None:
    """As many as the limits let in, and not one more; all get their turn."""

    crowd = Crowd({"in": 0, "most": 0}, most)
    specs = [replace(spec(f"10.0.0.{n % addresses}", n), probe=crowd) for n in range(40)]
    outcomes = run_all(specs, 5.0, limit)
    assert crowd.tally["most"] == most
    assert [each.verdict for each in outcomes.values()] == [Verdict.PASS] * 40


def test_the_deadline_ends_running_and_waiting_probes() -> None:
    """Neither those that run nor those without a turn outlive it; all are UNKNOWN, ours."""

    crowd = Crowd({"in": 0, "most": 0}, 99)
    outcomes = run_all([replace(spec("10.0.0.1", n), probe=crowd) for n in range(12)], 0.02, 100)
    assert len(outcomes) == 12
    assert {(each.verdict, each.reason) for each in outcomes.values()} == {(Verdict.UNKNOWN, Reason.STARVED)}


def test_the_default_deadline_lets_every_probe_have_its_timeout() -> None:
    """Enough for all of them to time out, in as many rounds as the limits make."""
    assert default_deadline([], 10) == SLACK
    assert default_deadline([spec("10.0.0.1", 1, timeout=3)], 10) == 3 + SLACK
    same = [spec("10.0.0.1", n, timeout=3) for n in range(PER_REALSERVER + 1)]
    assert default_deadline(same, 100) == 6 + SLACK
    spread = [spec(f"10.0.0.{n}", 1, timeout=3) for n in range(25)]
    assert default_deadline(spread, 10) == 9 + SLACK


def test_a_low_limit_of_open_files_lowers_the_concurrency() -> None:
    """Descriptors that are not there make UNKNOWN of healthy realservers: so fewer are used."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        assert concurrency() == 24
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard > 0 else 4096, hard))
        assert concurrency() == LIMIT
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
