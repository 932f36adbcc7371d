"""The one writer: writes only what differs, looks again, holds back what would be an outage, and says what it did."""

import errno
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvs import strategies
from ipvs.test_diff import OTHER, RS1, RS2, SORRY, WEB, entry, expected, kernel, plain, settings
from lvsmon.actions.ipvs.base import AddDestination, AddVirtual, DeleteDestination, EditDestination
from lvsmon.actions.ipvs.memory import MemoryIpvs
from lvsmon.actions.ipvs.reconcile import ROUNDS, Reconciler
from lvsmon.actions.ipvs.table import DriftKind, Foreign, Owned, ipvsadm
from lvsmon.errors import IpvsUnavailable


class Meddler(MemoryIpvs):
    """Somebody else changes the table right before our commands arrive, so many times."""

    def __init__(self, meddle, times=1):
        super().__init__()
        self.meddle = meddle
        self.times = times

    def apply(self, commands):
        if self.times and self.written:
            self.times -= 1
            super().apply(self.meddle)
            del self.written[-len(self.meddle) :]
        return super().apply(commands)


def start(ipvs, table):
    """Put ``table`` there and forget that it was written."""
    for key, found in table.items():
        commands = [AddVirtual(key, found.settings)]
        commands += [AddDestination(key, to, at.settings) for to, at in found.destinations.items()]
        assert not any(ipvs.apply(commands))


def constant(table):
    return lambda _observed: table


def test_nothing_is_written_when_nothing_differs():
    ipvs = kernel({WEB: entry(rs1=1, rs2=0)})
    ipvs.written.clear()
    owned = Owned({WEB: frozenset({RS1, RS2})})
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=1, rs2=0)}), owned)
    assert ipvs.written == []
    assert (report.written, report.refused, report.drift, report.foreign) == ((), (), (), ())
    assert report.owned == owned


def test_what_differs_is_written_and_reported():
    ipvs = kernel({WEB: entry(rs1=1, rs2=3)})
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=1, rs2=0)}), Owned())
    assert report.written == (EditDestination(WEB, RS2, settings(0)),)
    assert plain(report.observed) == plain(ipvs.dump()) == plain({WEB: entry(rs1=1, rs2=0)})


def test_the_wish_sees_what_the_kernel_has():
    ipvs = kernel({WEB: entry(rs1=5)})
    report = Reconciler(ipvs).reconcile(lambda observed: observed, Owned())
    assert report.written == ()


def test_a_plan_writes_nothing_and_is_what_reconcile_then_does():
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.written.clear()
    reconciler = Reconciler(ipvs)
    wish = constant({WEB: entry(rs1=0, sorry=1)})
    plan = reconciler.plan(wish, Owned())
    assert ipvs.written == []
    assert [ipvsadm(command) for command in plan.commands] == [
        "ipvsadm -a -t 192.0.2.10:443 -r 10.1.0.99:443 -m -w 1",
        "ipvsadm -e -t 192.0.2.10:443 -r 10.1.0.11:443 -m -w 0",
    ]
    assert list(reconciler.reconcile(wish, Owned()).written) == plan.commands == ipvs.written


def test_what_a_torn_dump_missed_is_looked_at_a_second_time():
    """Nothing that is owned and there is written again because one dump passed over it."""
    table = {WEB: entry(rs1=1, rs2=2), OTHER: entry(rs1=1)}
    ipvs = kernel(table)
    reconciler = Reconciler(ipvs)
    owned = reconciler.reconcile(constant(table), Owned.of(table)).owned
    ipvs.written.clear()
    for torn in ({WEB, OTHER}, {(WEB, RS1)}, {(WEB, RS1), (WEB, RS2), OTHER}):
        ipvs.torn = set(torn)
        assert reconciler.plan(constant(table), owned).commands == []
        ipvs.torn = set(torn)
        report = reconciler.reconcile(constant(table), owned)
        assert (ipvs.written, report.drift) == ([], ())


def test_what_a_torn_dump_missed_and_nobody_owned_is_found_by_its_eexist():
    """The first reconcile of an lvsmon without a memory: add, EEXIST, look again, edit."""
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.written.clear()
    ipvs.torn = {WEB}
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=2)}), Owned())
    assert ipvs.written == [EditDestination(WEB, RS1, settings(2))]
    assert (report.written, report.refused) == ((EditDestination(WEB, RS1, settings(2)),), ())


@pytest.mark.parametrize(
    "meddle",
    [
        [DeleteDestination(WEB, RS1)],
        [AddDestination(WEB, SORRY, settings(0))],
        [EditDestination(WEB, RS1, settings(7)), AddDestination(WEB, SORRY, settings(4))],
    ],
    ids=["it deletes what we edit", "it adds what we add", "both"],
)
def test_a_table_that_changes_under_us_is_looked_at_again(meddle):
    ipvs = Meddler(meddle)
    start(ipvs, {WEB: entry(rs1=1, rs2=1)})
    desired = {WEB: entry(rs1=0, rs2=2, sorry=1)}
    report = Reconciler(ipvs).reconcile(constant(desired), Owned())
    assert report.refused == ()
    assert plain(ipvs.dump()) == plain(report.observed) == plain(desired)


def test_looking_again_has_an_end_and_then_the_last_refusal_is_reported():
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.refuse(errno.ENOENT, lambda command: isinstance(command, EditDestination), times=99)
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=2)}), Owned())
    assert [(command, error.errno) for command, error in report.refused] == [
        (EditDestination(WEB, RS1, settings(2)), errno.ENOENT)
    ]
    assert ipvs._refusals[0].left == 99 - ROUNDS


def test_lost_answers_are_looked_up_in_the_table():
    """ENOBUFS says nothing about what was done: the second look does."""
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.refuse(errno.ENOBUFS, lambda _: True)
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=2)}), Owned())
    assert report.refused == ()
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=2)})


def test_one_refusal_stops_nothing_else_and_is_not_tried_twice():
    ipvs = kernel({WEB: entry(rs1=1), OTHER: entry(rs1=1)})
    ipvs.refuse(errno.EINVAL, lambda command: command == EditDestination(WEB, RS1, settings(2)), times=99)
    ipvs.refuse(errno.EEXIST, lambda command: isinstance(command, AddDestination))  # makes a second round
    desired = {WEB: entry(rs1=2), OTHER: entry(rs1=0, rs2=1)}
    report = Reconciler(ipvs).reconcile(constant(desired), Owned())
    assert [error.errno for _, error in report.refused] == [errno.EINVAL]
    assert ipvs._refusals[0].left == 98
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=1), OTHER: entry(rs1=0, rs2=1)})


def test_an_unknown_scheduler_is_one_error_not_one_per_destination():
    ipvs = MemoryIpvs(schedulers=["rr"])
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=1, rs2=1)}), Owned())
    assert [str(error) for _, error in report.refused] == [
        (
            "ipvsadm -A -t 192.0.2.10:443 -s wlc: "
            "the kernel does not know the scheduler wlc: run `modprobe -a ip_vs_wlc` (ENOENT)"
        )
    ]
    assert ipvs.written == []


def test_what_is_refused_again_and_again_is_tried_less_and_less_often_and_told_all_the_time():
    ipvs, now = kernel({WEB: entry(rs1=1), OTHER: entry(rs1=1)}), [0.0]
    ipvs.refuse(errno.EINVAL, lambda command: command == EditDestination(WEB, RS1, settings(2)), times=4)
    reconciler = Reconciler(ipvs, lambda: now[0])
    desired = {WEB: entry(rs1=2), OTHER: entry(rs1=1)}
    tried = []
    while left := ipvs._refusals[0].left:
        report = reconciler.reconcile(constant(desired), Owned())
        if ipvs._refusals[0].left < left:
            tried.append(now[0])
        assert [error.errno for _, error in report.refused] == [errno.EINVAL], "it stays in the report meanwhile"
        now[0] += 1.0
    assert tried == [0.0, 5.0, 15.0, 35.0]
    for when, refused in ((74.0, 1), (75.0, 0)):
        now[0] = when
        assert len(reconciler.reconcile(constant(desired), Owned()).refused) == refused
    assert plain(ipvs.dump()) == plain(desired)


def test_what_is_not_wished_for_any_more_is_refused_no_more():
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.refuse(errno.EINVAL, lambda command: command == EditDestination(WEB, RS1, settings(2)), times=99)
    reconciler = Reconciler(ipvs, lambda: 0.0)
    assert reconciler.reconcile(constant({WEB: entry(rs1=2)}), Owned()).refused
    report = reconciler.reconcile(constant({WEB: entry(rs1=3)}), Owned())
    assert (report.refused, plain(ipvs.dump())) == ((), plain({WEB: entry(rs1=3)}))


def test_the_last_one_is_not_taken_out_when_its_successor_was_refused():
    """Configuration replaced rs1 by rs2 and the kernel refuses rs2: rs1 goes on serving."""
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.refuse(errno.EINVAL, lambda command: isinstance(command, AddDestination))
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs2=1)}), Owned({WEB: frozenset({RS1})}))
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=1)})
    assert [error.errno for _, error in report.refused] == [errno.EINVAL, errno.ECANCELED]
    assert str(report.refused[1][1]) == (
        "ipvsadm -d -t 192.0.2.10:443 -r 10.1.0.11:443: "
        "held back: it would leave 192.0.2.10:443/tcp without a serving destination"
    )
    assert report.owned.has(WEB, RS1)


def test_what_was_refused_in_an_earlier_round_holds_back_in_a_later_one_too():
    """rs2 is refused for good while the sorry server makes us look again: rs1 goes on serving in every round."""
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.refuse(errno.EINVAL, lambda command: command == AddDestination(WEB, RS2, settings(1)))
    ipvs.refuse(errno.EEXIST, lambda command: command == AddDestination(WEB, SORRY, settings(0)))
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs2=1, sorry=0)}), Owned({WEB: frozenset({RS1})}))
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=1, sorry=0)})
    assert [error.errno for _, error in report.refused] == [errno.EINVAL, errno.ECANCELED]


def test_the_last_one_is_not_quiesced_when_its_sorry_server_was_refused():
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.refuse(errno.EINVAL, lambda command: isinstance(command, AddDestination))
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=0, sorry=1)}), Owned())
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=1)})
    assert [error.errno for _, error in report.refused] == [errno.EINVAL, errno.ECANCELED]


def test_the_last_one_is_quiesced_where_nobody_was_to_take_over():
    """All are down and there is no sorry server: that is what was asked for."""
    ipvs = kernel({WEB: entry(rs1=1)})
    ipvs.refuse(errno.EINVAL, lambda command: isinstance(command, AddDestination))
    Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=0, rs2=0)}), Owned())
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=0)})


def test_a_failed_destination_goes_though_something_else_was_refused():
    """Held back is only what would be an outage."""
    ipvs = kernel({WEB: entry(rs1=1, rs2=1)})
    ipvs.refuse(errno.EINVAL, lambda command: isinstance(command, AddDestination))
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=1, rs2=0, sorry=1)}), Owned())
    assert report.written == (EditDestination(WEB, RS2, settings(0)),)


def test_foreign_entries_are_reported_and_left_alone():
    ipvs = kernel({WEB: entry(rs1=1, sorry=9), OTHER: entry(rs1=1)})
    report = Reconciler(ipvs).reconcile(constant({WEB: entry(rs1=0)}), Owned())
    assert [str(item) for item in report.foreign] == ["fwmark 7", "192.0.2.10:443/tcp 10.1.0.99:443"]
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=0, sorry=9), OTHER: entry(rs1=1)})


def test_drift_is_what_others_changed_since_the_last_time_and_not_what_we_want_now():
    ipvs = kernel({WEB: entry(rs1=1, rs2=1)})
    reconciler = Reconciler(ipvs)
    first = reconciler.reconcile(constant({WEB: entry(rs1=3, rs2=1)}), Owned())
    assert first.drift == ()
    health = reconciler.reconcile(constant({WEB: entry(rs1=0, rs2=1)}), first.owned)
    assert health.drift == ()
    ipvs.apply([EditDestination(WEB, RS1, settings(7)), DeleteDestination(WEB, RS2)])
    ipvs.apply([AddDestination(WEB, SORRY, settings(1))])
    mended = reconciler.reconcile(constant({WEB: entry(rs1=3, rs2=1)}), health.owned)
    assert [(drift.kind, drift.detail) for drift in mended.drift] == [
        (DriftKind.WEIGHT, "weight 7 instead of 0"),
        (DriftKind.DESTINATION_MISSING, "destination missing"),
    ]
    assert mended.foreign == (Foreign(WEB, SORRY),)
    assert reconciler.reconcile(constant({WEB: entry(rs1=3, rs2=1)}), mended.owned).drift == ()


def test_a_virtual_service_that_vanished_is_drift_and_put_back_whole():
    desired = {WEB: entry(rs1=1, rs2=0)}
    ipvs = MemoryIpvs()
    reconciler = Reconciler(ipvs)
    first = reconciler.reconcile(constant(desired), Owned())
    ipvs._table.clear()
    report = reconciler.reconcile(constant(desired), first.owned)
    assert report.drift[0].kind is DriftKind.VIRTUAL_MISSING
    assert plain(ipvs.dump()) == plain(desired)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EPERM])
def test_without_ipvs_it_says_so_and_goes_on_when_it_is_there(number):
    ipvs = MemoryIpvs()
    ipvs.unavailable = number
    reconciler = Reconciler(ipvs)
    for call in (reconciler.reconcile, reconciler.plan):
        with pytest.raises(IpvsUnavailable):
            call(constant({WEB: entry(rs1=1)}), Owned())
    ipvs.unavailable = None
    reconciler.reconcile(constant({WEB: entry(rs1=1)}), Owned())
    assert plain(ipvs.dump()) == plain({WEB: entry(rs1=1)})


@given(
    strategies.tables(),
    strategies.tables(),
    strategies.owned(),
    st.lists(
        st.sampled_from([0, 0, errno.ENOENT, errno.ESRCH, errno.EEXIST, errno.ENOBUFS, errno.EINVAL]), max_size=30
    ),
)
def test_whatever_is_refused_it_never_raises_never_starves_and_the_next_time_converges(desired, before, owned, numbers):
    ipvs = kernel(before)
    observed = ipvs.dump()
    served = {key for key, found in before.items() if _serves(found) and _serves(desired.get(key))}
    answers = iter(numbers)
    ipvs._refused = lambda _: next(answers, 0)
    clock = itertools.count(0, 1000)
    reconciler = Reconciler(ipvs, lambda: float(next(clock)))
    report = reconciler.reconcile(constant(desired), owned)
    table = ipvs.dump()
    assert plain(report.observed) == plain(table)
    assert all(_serves(table[key]) for key in served)
    ipvs._refused = lambda _: 0
    again = reconciler.reconcile(constant(desired), report.owned)
    assert again.refused == ()
    assert plain(ipvs.dump()) == expected(desired, observed, owned)
    written = len(ipvs.written)
    reconciler.reconcile(constant(desired), again.owned)
    assert len(ipvs.written) == written


def _serves(found):
    return found is not None and any(at.settings.weight for at in found.destinations.values())


@given(strategies.tables(), strategies.tables())
def test_held_back_is_what_would_be_written(seen, desired):
    """And nothing is."""
    ipvs, other = MemoryIpvs(), MemoryIpvs()
    start(ipvs, seen)
    start(other, seen)
    ipvs.written.clear()
    held = Reconciler(ipvs).hold(constant(desired), Owned.of(seen))
    assert ipvs.written == []
    assert plain(held.observed) == plain(ipvs.dump())
    assert held.owned == Owned.of(seen)
    report = Reconciler(other).reconcile(constant(desired), Owned.of(seen))
    assert set(held.held) >= set(report.written)
    assert (held.written, held.refused) == ((), ())
