"""The last outcomes of each probe: in order, bounded, and only of probes that are there."""

from lvsmon.model import Verdict
from lvsmon.monitor.stretches import STRETCHES, Stretch, Stretches
from oneshot_support import outcome


def test_outcomes_alike_are_one_stretch():
    """Its count and its last detail go on; another verdict or reason begins the next one."""
    kept = Stretches()
    for at, detail in enumerate(("a", "b", "c")):
        kept.outcome("x", outcome(detail=detail), float(at))
    kept.outcome("x", outcome(Verdict.FAIL, "no"), 3.0)
    first, second = kept.of("x")
    assert first == Stretch(Verdict.PASS, first.reason, 3, 0.0, 2.0, "c")
    assert (second.count, second.detail) == (1, "no")


def test_what_is_kept_is_bounded_and_forgotten_with_its_probe():
    kept = Stretches()
    for at in range(100):
        kept.outcome("x", outcome(Verdict.PASS if at % 2 else Verdict.FAIL), float(at))
    assert len(kept.of("x")) == STRETCHES
    kept.retain({"y"})
    assert kept.of("x") == ()
