"""Facts of runs held against each other as time goes by: rounds of runs in, outcomes of agreements out."""

from dataclasses import replace

import pytest

from lvsmon.model import Outcome, Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.monitor.comparing import Comparisons, compared
from lvsmon.probes.content import ContentProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.part import Agreement
from lvsmon.probes.smtp import SmtpProbe

NAMES = {"a": "rs1", "b": "rs2", "c": "rs3"}
REFUSED = Outcome(verdict=Verdict.FAIL, reason=Reason.REFUSED, detail="refused")
OURS = Outcome(verdict=Verdict.UNKNOWN, reason=Reason.LOCAL_RESOURCES, detail="no descriptors")


def told(value, verdict=Verdict.PASS, fact="digest"):
    reason = Reason.OK if verdict is Verdict.PASS else Reason.DEGRADED
    return Outcome(verdict=verdict, reason=reason, detail="said", facts={fact: value})


def rules(names=NAMES, of=None, **settings):
    rule = ContentProbe(of=of or HttpProbe(), **settings)
    reference = next((run for run, name in names.items() if name == rule.reference), None)
    return {f"={run}": Agreement(rule=rule, run=run, names=names, reference=reference, fresh=3.0) for run in names}


class Rounds:
    """Hears runs one after the other; a round is over in no time, and 2 s pass to the next."""

    def __init__(self, **settings):
        self.comparisons = Comparisons()
        self.comparisons.update(rules(**settings))
        self.now = 100.0

    def run(self, name, outcome):
        ((agreement, judged),) = self.comparisons.take(name, outcome, self.now)
        assert f"={name}" == agreement
        return judged

    def round(self, **outcomes):
        """Return the outcomes that this round comes to; those of the next one show what is settled."""
        found = {name: self.run(name, outcome) for name, outcome in outcomes.items()}
        self.now += 2.0
        return found


def signs(found):
    return {name: (outcome.verdict, outcome.reason) for name, outcome in found.items()}


PASS = (Verdict.PASS, Reason.OK)
WARN = (Verdict.WARN, Reason.DEGRADED)
DIFFERS = (Verdict.FAIL, Reason.DIFFERS)
UNDECIDED = (Verdict.UNKNOWN, Reason.UNDECIDED)


def test_the_odd_one_out_fails_and_is_told_from_whom_it_differs():
    rounds = Rounds()
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    found = rounds.round(a=told("x"), b=told("x"), c=told("y"))
    assert signs(found) == {"a": PASS, "b": PASS, "c": DIFFERS}
    assert "digest is 'y', and x on rs1, rs2, 2 of 3" == found["c"].detail
    assert found["c"].facts == {"digest": "y", "agreeing": 2, "answered": 3}


def test_only_the_realserver_that_has_run_gets_an_outcome():
    """So rise and fall count its own runs, however many others there are."""
    rounds = Rounds()
    assert ["=a"] == [name for name, _ in rounds.comparisons.take("a", told("x"), 0.0)]
    assert [] == list(rounds.comparisons.take("other", told("x"), 0.0))


def test_a_run_that_fails_is_not_in_the_vote():
    rounds = Rounds()
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    found = rounds.round(b=REFUSED, a=told("x"), c=told("y"))
    assert signs(found) == {"a": UNDECIDED, "b": (Verdict.FAIL, Reason.REFUSED), "c": UNDECIDED}


def test_our_own_trouble_neither_votes_nor_takes_a_vote_away():
    rounds = Rounds()
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    found = rounds.round(a=OURS, b=told("x"), c=told("y"))
    assert signs(found) == {"a": (Verdict.UNKNOWN, Reason.LOCAL_RESOURCES), "b": PASS, "c": DIFFERS}


def test_what_was_told_too_long_ago_is_not_compared():
    """A realserver whose runs do not come: its fact is as old as its last run."""
    rounds = Rounds()
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    assert signs(rounds.round(c=told("y"))) == {"c": DIFFERS}
    assert signs(rounds.round(c=told("y"))) == {"c": UNDECIDED}


def test_the_reference_is_right_though_it_is_alone():
    rounds = Rounds(reference="rs3")
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    assert signs(rounds.round(a=told("x"), b=told("x"), c=told("y"))) == {"a": DIFFERS, "b": DIFFERS, "c": PASS}
    assert signs(rounds.round(c=REFUSED, a=told("x"), b=told("x")))["a"] == UNDECIDED


def test_on_failure_warn_never_fails():
    rounds = Rounds(on_failure="warn")
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    found = rounds.round(a=told("x"), b=REFUSED, c=told("y"))
    assert found["b"].detail == "refused"
    assert signs(found)["b"] == WARN
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    assert signs(rounds.round(a=told("x"), b=told("x"), c=told("y")))["c"] == WARN


def test_a_difference_is_tolerated_for_the_grace_and_counts_from_anew_once_it_has_agreed():
    rounds = Rounds(grace=4.0)
    everyone = {"a": told("x"), "b": told("x")}
    history = [signs(rounds.round(**everyone, c=told("y")))["c"] for _ in range(4)]
    assert history == [WARN, WARN, DIFFERS, DIFFERS]
    assert signs(rounds.round(**everyone, c=told("x")))["c"] == PASS
    assert signs(rounds.round(**everyone, c=told("y")))["c"] == WARN
    rounds.round(a=told("x"), b=REFUSED, c=told("y"))  # undecided: it has not agreed since
    found = rounds.round(**everyone, c=told("y"))["c"]
    assert (found.verdict, found.detail.rpartition(", ")[2]) == (Verdict.FAIL, "for 4s of the 4s allowed")


def test_a_roll_out_never_fails_more_than_a_minority():
    rounds = Rounds()
    states = ["xxx", "yxx", "yyx", "yyy"]
    for state in states:
        rounds.round(**{name: told(value) for name, value in zip("abc", state, strict=True)})
        found = rounds.round(**{name: told(value) for name, value in zip("abc", state, strict=True)})
        assert [outcome.verdict for outcome in found.values()].count(Verdict.FAIL) <= 1


def test_what_an_own_run_warns_of_is_kept():
    rounds = Rounds()
    rounds.round(a=told("x"), b=told("x"), c=told("x"))
    found = rounds.round(a=told("x", Verdict.WARN), b=told("x"), c=told("x"))
    assert (signs(found)["a"], found["a"].detail) == (WARN, "said")
    assert signs(found)["b"] == PASS


def test_a_run_that_tells_nothing_to_compare_is_undecided():
    rounds = Rounds()
    mute = replace(told("x"), facts={}, detail="200 OK, more than 65536 bytes")
    found = rounds.round(a=told("x"), b=told("x"), c=mute)
    assert signs(found) == {"a": UNDECIDED, "b": PASS, "c": UNDECIDED}
    assert "tells no digest to compare: 200 OK, more than 65536 bytes" in found["c"].detail


def test_what_is_ignored_in_a_text_is_not_compared():
    banners = [told(f"rs{number} ESMTP 4.9{version}", fact="banner") for number, version in enumerate("667")]
    rounds = Rounds(of=SmtpProbe(), ignore=(Regex(rb"rs\d+"),))
    rounds.round(**dict(zip("abc", banners, strict=True)))
    found = rounds.round(**dict(zip("abc", banners, strict=True)))
    assert signs(found) == {"a": PASS, "b": PASS, "c": DIFFERS}


def test_a_reload_keeps_what_was_told_and_forgets_who_is_gone():
    rounds = Rounds(grace=60.0)
    rounds.round(a=told("x"), b=told("x"), c=told("y"))
    rounds.comparisons.update(rules(grace=60.0))
    assert "for 2s of" in rounds.run("c", told("y")).detail
    fewer = rules({"a": "rs1", "c": "rs3"})
    rounds.comparisons.update(fewer)
    assert signs({"c": rounds.run("c", told("y"))})["c"] == UNDECIDED


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_one_round_is_judged_as_a_whole(order):
    """Whoever has run first is compared with those that have run after it."""
    outcomes = {name: told("y" if name == "b" else "x") for name in order}
    found = compared(rules(), outcomes)
    assert signs(found) == {"=a": PASS, "=b": DIFFERS, "=c": PASS}


def test_one_round_has_all_runs_though_one_is_asked_for():
    some = {"=b": rules()["=b"]}
    found = compared(some, {name: told("y" if name == "b" else "x") for name in "abc"})
    assert signs(found) == {"=b": DIFFERS}
