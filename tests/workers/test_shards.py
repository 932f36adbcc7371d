"""Who probes what: everything once, an address and what is compared with it together, and it stays where it was."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lvsmon.monitor.workers.shards import RUNS_OF_ONE, Shards, number_of
from lvsmon.probes.content import ContentProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.part import Agreement, Part
from oneshot_support import spec

ADDRESSES = [f"192.0.2.{number}" for number in range(1, 9)]


def part_of(pairs, compared=()):
    specs = [spec(address, port) for address, port in pairs]
    probes, agreements = {each.id: each for each in specs}, {}
    for group in compared:
        names = {f"tcp {address}:80": address for address in group}
        for run in names:
            name = f"content {run} {group}"
            probes[name] = replace(probes[run], id=name)
            rule = ContentProbe(of=HttpProbe())
            agreements[name] = Agreement(rule=rule, run=run, names=names, reference=None, fresh=1.0)
    return Part(probes=probes, agreements=agreements)


PARTS = st.builds(
    lambda pairs, compared: part_of([*pairs, *((each, 80) for each in ADDRESSES)], compared),
    st.lists(st.tuples(st.sampled_from(ADDRESSES), st.integers(80, 90)), unique=True),
    st.lists(st.lists(st.sampled_from(ADDRESSES), min_size=2, max_size=3, unique=True).map(tuple), max_size=3),
)


def places(parts):
    return {probe: index for index, part in enumerate(parts) for probe in part.probes}


@given(PARTS, st.integers(1, 5))
def test_each_probe_is_in_one_part_with_all_of_its_address_and_all_it_is_compared_with(part, number):
    parts = Shards().share(part, number)
    found = places(parts)
    assert len(parts) == number
    assert sum(len(each.probes) for each in parts) == len(part.probes) == len(found)
    assert {name: each for one in parts for name, each in one.agreements.items()} == part.agreements
    for one in part.probes.values():
        for other in part.probes.values():
            assert one.target.address != other.target.address or found[one.id] == found[other.id]
    for name, agreement in part.agreements.items():
        assert {found[run] for run in agreement.names} == {found[name]}


@given(PARTS, PARTS, st.integers(1, 5))
def test_an_address_stays_where_it_was_unless_it_must_be_with_others(before, after, number):
    shards = Shards()
    was = places(shards.share(before, number))
    now = places(
        shards.share(part_of([(each.target.address, each.target.port) for each in after.runs.values()]), number)
    )
    assert all(was[probe] == now[probe] for probe in was.keys() & now.keys())
    assert set(places(shards.share(after, 1)).values()) == {0}


def test_the_load_is_shared_evenly():
    parts = Shards().share(part_of([(f"192.0.2.{number}", 80) for number in range(1, 101)]), 4)
    assert [len(each.probes) for each in parts] == [25] * 4


def test_auto_takes_another_worker_for_each_so_many_runs_a_second_and_no_more_than_processors():
    few = part_of([("192.0.2.1", 80)])
    many = Part(probes={str(n): replace(spec("192.0.2.1", 80), id=str(n)) for n in range(int(2.5 * RUNS_OF_ONE))})
    assert (number_of(few, 8), number_of(many, 8), number_of(many, 2), number_of(Part(), 1)) == (1, 3, 2, 1)
