"""The brake: too many at once, and nobody is taken out until the director knows that it is not itself cut off."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lvsmon.model import (
    Amount,
    Brake,
    Host,
    Outcome,
    ProbeState,
    Reason,
    Verdict,
    VirtualService,
    VirtualSettings,
    Wish,
    WishKind,
)
from lvsmon.pool import Decided, Situation, decide
from pool.streams import HEALTHS, VIP, destination

PASS = Outcome(verdict=Verdict.PASS, reason=Reason.OK)
FAIL = Outcome(verdict=Verdict.FAIL, reason=Reason.DEADLINE)
GATEWAY = Host(name="gateway", address="192.0.2.1", probes=("gateway",))


class Director:
    """Six realservers, one virtual service, a brake of 50 % in 30 s, a gateway that is probed."""

    def __init__(self, failing="50%", grace=10.0):
        self.virtual = VirtualService(
            name="shop",
            key=VIP,
            settings=VirtualSettings(),
            destinations=tuple(destination(number) for number in range(1, 7)),
        )
        amount = Amount(int(failing.removesuffix("%")), failing.endswith("%"))
        self.brake = Brake(failing=amount, window=30.0, self_test=("gateway",), grace=grace)
        self.now, self.observed, self.decided = 1000.0, {}, Decided(table={})
        self.gateway = ProbeState(last=PASS, heard=self.now)

    def answers(self, outcome):
        """The gateway's probe has just run."""
        self.gateway = ProbeState(last=outcome, heard=self.now)

    def see(self, letters, after=1.0, wishes=()):
        """Return the numbers of those that serve."""
        self.now += after
        states = {f"rs{number}": ProbeState(health=HEALTHS[letter]) for number, letter in enumerate(letters, 1)}
        self.decided = decide(
            Situation(
                virtuals=(self.virtual,),
                states={**states, "gateway": self.gateway},
                observed=self.observed,
                hosts=(GATEWAY,),
                brake=self.brake,
                wishes=tuple(wishes),
                now=self.now,
            ),
            self.decided.memory,
        )
        self.observed = self.decided.table
        entries = self.decided.table[VIP].destinations
        return "".join(key.address[-1] for key, entry in sorted(entries.items()) if entry.settings.weight)

    @property
    def braking(self):
        return [notice.text for notice in self.decided.notices if notice.kind == "brake"]


def test_a_few_at_once_are_taken_out():
    director = Director()
    director.see("UUUUUU")
    assert "456" == director.see("DDDUUU")
    assert not director.braking


def test_whoever_an_operator_holds_out_is_no_fall():
    director = Director()
    director.see("UUUUUU")
    held = [Wish(name="racks", kind=WishKind.DISABLE, realserver=f"rs{number}") for number in (1, 2, 3)]
    assert "56" == director.see("DDDDUU", wishes=held)
    assert not director.braking


def test_too_many_at_once_stay_in_until_the_self_test_has_answered():
    director = Director()
    director.see("UUUUUU")
    assert "123456" == director.see("DDDDUU")
    assert "4 of 6 realservers fail: nobody is taken out" in director.braking[0]
    assert director.now + 1 == director.decided.again
    assert "123456" == director.see("DDDDUU"), "an answer from before is no answer"
    director.answers(PASS)
    assert "56" == director.see("DDDDUU")
    assert not director.braking


def test_those_that_fall_one_after_the_other_within_the_window_count_together():
    director = Director()
    director.see("UUUUUU")
    assert "23456" == director.see("DUUUUU", after=5)
    assert "3456" == director.see("DDUUUU", after=5)
    assert "456" == director.see("DDDUUU", after=5)
    assert "456" == director.see("DDDDUU", after=5), "the fourth of six is held"
    director.answers(PASS)
    assert "56" == director.see("DDDDUU")
    assert "6" == director.see("DDDDDU"), "and counting begins anew"


def test_those_that_fall_slowly_do_not_count_together():
    director = Director()
    director.see("UUUUUU")
    serving = [director.see("D" * number + "U" * (6 - number), after=31) for number in range(1, 7)]
    assert ["23456", "3456", "456", "56", "6", ""] == serving


def test_a_director_that_is_cut_off_takes_nobody_out_however_long_it_lasts():
    director = Director()
    director.see("UUUUUU")
    director.answers(FAIL)
    for _ in range(100):
        assert "123456" == director.see("DDDDDD", after=60)
        director.answers(FAIL)
    assert "may be cut off" in director.braking[0]


def test_after_a_cut_probes_get_the_time_to_see_for_themselves():
    """The gateway answers before rise passes are in: nobody is taken out for that."""
    director = Director(grace=10.0)
    director.see("UUUUUU")
    director.answers(FAIL)
    director.see("DDDDDD")
    director.answers(PASS)
    assert "123456" == director.see("DDDDDD")
    director.answers(PASS)
    assert "123456" == director.see("DUUDUU", after=5)
    assert "123456" == director.see("DUUUUU", after=4)
    assert "23456" == director.see("DUUUUU", after=1.5), "this one was really dead"
    assert not director.braking


def test_those_that_went_just_before_a_cut_was_seen_are_put_back():
    """A cable is pulled: probes find out one after the other, and the first few go before anybody can know."""
    director = Director()
    director.see("UUUUUU")
    director.answers(FAIL)
    assert "456" == director.see("DDDUUU")
    assert "123456" == director.see("DDDDUU")
    assert "123456" == director.see("DDDDDD", after=20)
    director.answers(FAIL)
    assert "123456" == director.see("DDDDDD", after=300)
    director.answers(PASS)
    assert "123456" == director.see("UUUUUU")


def test_one_that_was_dead_long_before_is_not_put_back():
    director = Director()
    director.see("UUUUUU")
    assert "23456" == director.see("DUUUUU")
    director.answers(FAIL)
    assert "23456" == director.see("DDDDDD", after=100)


def test_one_that_cannot_be_probed_is_not_failing():
    director = Director()
    director.see("UUUUUU")
    assert "123456" == director.see("??????")
    assert not director.braking


def test_the_dead_found_at_the_start_are_no_mass_failure():
    """They are not in the kernel's table, so nothing would be taken out."""
    director = Director()
    assert "56" == director.see("DDDDUU")
    assert not director.braking


def test_a_number_instead_of_a_share():
    director = Director(failing="1")
    director.see("UUUUUU")
    assert "23456" == director.see("DUUUUU")
    assert "23456" == director.see("DDUUUU")
    assert director.braking


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text("UD?", min_size=6, max_size=6), st.floats(0.1, 40), st.sampled_from([PASS, FAIL, None])),
        max_size=40,
    )
)
def test_without_an_answer_of_the_self_test_no_more_than_the_limit_leave_within_a_window(steps):
    """Promise 2 as a stream: whatever happens while the gateway does not answer, three of six are left."""
    director = Director()
    director.see("UUUUUU")
    left = {}
    before = set("123456")
    for letters, after, outcome in steps:
        if outcome is PASS:
            continue
        if outcome is not None:
            director.answers(outcome)
        serving = set(director.see(letters, after=after))
        left = {one: when for one, when in left.items() if one not in serving}
        left |= dict.fromkeys(before - serving, director.now)
        before = serving
        assert len([when for when in left.values() if when > director.now - director.brake.window]) <= 3
        for number, letter in enumerate(letters, 1):
            if letter == "U":
                assert str(number) in serving, "the brake holds nobody out"
