"""The desired table from health, configuration and what the kernel has."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import (
    Destination,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Health,
    NoticeKind,
    OnFailure,
    ProbeState,
    Protocol,
    RealServer,
    Rule,
    VirtualEntry,
    VirtualKey,
    VirtualService,
    VirtualSettings,
    Weight,
    Wish,
    WishKind,
    standing,
)
from lvsmon.pool import Situation, decide

VIP = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 80)


def destination(host, weight=1, on_failure=OnFailure.QUIESCE):
    """Return rs<host>, with one probe of that name."""
    return Destination(
        realserver=RealServer(f"rs{host}", f"10.0.0.{host}"),
        key=DestinationKey(f"10.0.0.{host}", 80),
        settings=DestinationSettings(weight=weight),
        on_failure=on_failure,
        probes=(f"rs{host}",),
    )


def virtual(*destinations, sorry=None):
    return VirtualService(name="shop", key=VIP, settings=VirtualSettings(), destinations=destinations, sorry=sorry)


def decided(service, healths, observed=None, asked=None, wishes=()):
    """Decide on destinations of these healths, with {host: weight} in the kernel."""
    names = [each.realserver.name for each in service.destinations]
    asked = asked or [()] * len(names)
    states = {
        name: ProbeState(health=health, weight=min(weights, key=lambda each: each.of(each_weight), default=None))
        for name, health, weights, each_weight in zip(
            names, healths, asked, [each.settings.weight for each in service.destinations], strict=True
        )
    }
    seen = {}
    if observed is not None:
        entries = {
            DestinationKey(f"10.0.0.{host}", 80): DestinationEntry(DestinationSettings(weight=weight))
            for host, weight in observed.items()
        }
        seen = {VIP: VirtualEntry(VirtualSettings(), entries)}
    return decide(Situation(virtuals=(service,), states=states, observed=seen, wishes=tuple(wishes)))


def weights(service, healths, observed=None, asked=None, wishes=()):
    """Return {last number of the address: weight} of the desired entry."""
    table = decided(service, healths, observed, asked, wishes).table
    assert [VIP] == list(table)
    return {int(key.address.rsplit(".", 1)[1]): entry.settings.weight for key, entry in table[VIP].destinations.items()}


@pytest.mark.parametrize(
    ("on_failure", "health", "observed", "expected"),
    [
        ("quiesce", "UP", {}, {1: 5}),
        ("quiesce", "WARN", {1: 0}, {1: 5}),
        ("quiesce", "DOWN", {1: 5}, {1: 0}),
        ("quiesce", "DOWN", {}, {1: 0}),
        ("remove", "UP", {}, {1: 5}),
        ("remove", "DOWN", {1: 5}, {}),
        ("remove", "DOWN", {}, {}),
        # Trap 15: what is not yet decided keeps the weight that the kernel has, and floods nobody.
        ("quiesce", "UNKNOWN", {1: 3}, {1: 3}),
        ("quiesce", "UNKNOWN", {1: 0}, {1: 0}),
        ("quiesce", "UNKNOWN", {}, {1: 0}),
        ("quiesce", "UNKNOWN", None, {1: 0}),
        ("remove", "UNKNOWN", {1: 3}, {1: 3}),
        ("remove", "UNKNOWN", {}, {}),
    ],
)
def test_weight_by_health_and_policy(on_failure, health, observed, expected):
    service = virtual(destination(1, weight=5, on_failure=OnFailure(on_failure)))
    assert expected == weights(service, [Health(health)], observed)


def test_the_sorry_server_is_in_only_while_nobody_serves():
    service = virtual(destination(1), destination(2), sorry=destination(99))
    assert {1: 0, 2: 0, 99: 1} == weights(service, [Health.DOWN, Health.DOWN])
    assert {1: 0, 2: 1} == weights(service, [Health.DOWN, Health.UP])
    assert {1: 0, 2: 1} == weights(service, [Health.DOWN, Health.UNKNOWN], {2: 1})


def test_a_destination_of_configured_weight_0_does_not_serve():
    service = virtual(destination(1, weight=0), sorry=destination(99))
    assert {1: 0, 99: 1} == weights(service, [Health.UP])


@given(
    st.lists(st.tuples(st.sampled_from(Health), st.sampled_from(OnFailure), st.integers(0, 9)), max_size=8),
    st.dictionaries(st.integers(1, 8), st.integers(0, 9)),
    st.booleans(),
)
def test_the_desired_table_wants_nothing_more_once_it_is_observed(rows, observed, with_sorry):
    """What is desired, once the kernel has it, is desired still: no two rounds fight each other."""
    service = virtual(
        *(destination(n, weight, policy) for n, (_, policy, weight) in enumerate(rows, 1)),
        sorry=destination(99) if with_sorry else None,
    )
    healths = [health for health, _, _ in rows]
    first = weights(service, healths, observed)
    assert first == weights(service, healths, first)
    if with_sorry:
        assert (99 in first) is not any(weight for host, weight in first.items() if host != 99)


WEIGHTS = st.builds(Weight, st.integers(0, 200_000), st.booleans())


@pytest.mark.parametrize(
    ("configured", "asked", "expected"),
    [
        (4, [], 4),
        (4, ["75%"], 3),
        (1, ["1%"], 1),
        (4, ["0%"], 0),
        (4, ["250%"], 10),
        (4, ["200"], 200),
        (4, ["0"], 0),
        (4, ["200", "50%", "9"], 2),
        (40000, ["200%"], 65535),
        (4, ["999999999"], 65535),
        (0, ["200"], 0),
        (0, ["100%"], 0),
    ],
)
def test_a_weight_that_is_asked_for(configured, asked, expected):
    """In place of the configured one or in percent of it, rounded up; the smallest of several; never of weight 0."""
    service = virtual(destination(1, weight=configured))
    assert {1: expected} == weights(service, [Health.UP], asked=[[Weight.parse(one) for one in asked]])


@given(
    st.sampled_from(Health),
    st.sampled_from(OnFailure),
    st.integers(0, 65535),
    st.lists(WEIGHTS, max_size=4),
    st.none() | st.integers(0, 65535),
)
def test_weights_come_of_the_inputs_alone(health, policy, configured, asked, present):
    """Asked once or ten times, in whatever order, from whatever the kernel has: the same weight, within bounds.

    And only a destination that serves gets one that was asked for.
    """
    service = virtual(destination(1, configured, policy))
    table = None if present is None else {1: present}
    first = weights(service, [health], table, [asked])
    assert all(0 <= weight <= 65535 for weight in first.values())
    again = first
    for _ in range(10):
        again = weights(service, [health], again, [asked[::-1]])
    assert first == again
    if health.serves:
        assert first == weights(service, [health], None, [asked])
        assert {1: min([one.of(configured) for one in asked] or [configured])} == first
    else:
        assert first == weights(service, [health], table)


@given(WEIGHTS)
def test_a_weight_reads_back(weight):
    assert weight == Weight.parse(str(weight))


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "7 ", "\u0667", "9" * 10, "up"])
def test_what_is_no_weight_is_refused(text):
    with pytest.raises(ValueError, match="not a weight"):
        Weight.parse(text)


def wish(kind, **more):
    return Wish(**{"name": "operator", "kind": WishKind(kind), "realserver": "rs1"} | more)


@pytest.mark.parametrize(
    ("wishes", "healths", "observed", "expected"),
    [
        ([wish("disable")], "UP UP", {1: 5, 2: 5}, {1: 0, 2: 5}),
        ([wish("drain", virtual="shop")], "UP UP", {1: 5, 2: 5}, {1: 0, 2: 5}),
        ([wish("disable", virtual="other")], "UP UP", {1: 5, 2: 5}, {1: 5, 2: 5}),
        ([wish("weight", weight=7)], "UP UP", {1: 5, 2: 5}, {1: 7, 2: 5}),
        ([wish("weight", weight=7), wish("weight", weight=3)], "UP UP", {}, {1: 3, 2: 5}),
        ([wish("weight", weight=7), wish("disable")], "UP UP", {}, {1: 0, 2: 5}),
        # A wish for a weight puts nobody in who is DOWN, nor one of whom nothing is known.
        ([wish("weight", weight=7)], "DOWN UP", {1: 5, 2: 5}, {1: 0, 2: 5}),
        ([wish("weight", weight=7)], "UNKNOWN UP", {1: 5, 2: 5}, {1: 5, 2: 5}),
        ([wish("disable")], "UNKNOWN UP", {1: 5, 2: 5}, {1: 0, 2: 5}),
    ],
)
def test_what_operators_wish_for(wishes, healths, observed, expected):
    service = virtual(destination(1, weight=5), destination(2, weight=5))
    assert expected == weights(service, [Health(each) for each in healths.split()], observed, wishes=wishes)


def test_a_disabled_realserver_that_is_removed_on_failure_stays_out_of_the_table():
    service = virtual(destination(1, on_failure=OnFailure.REMOVE))
    assert {} == weights(service, [Health.DOWN], {1: 5}, wishes=[wish("disable")])
    assert {1: 0} == weights(service, [Health.UP], {1: 5}, wishes=[wish("disable")])


def test_every_choice_says_which_rule_had_the_last_word_and_why():
    service = virtual(destination(1, weight=5), sorry=destination(99))
    found = decided(service, [Health.UP], wishes=[wish("disable", by="anna", comment="new disk")])
    choice = found.choices[VIP, DestinationKey("10.0.0.1", 80)]
    assert (Health.UP, 0, Rule.WISH) == (choice.health, choice.weight, choice.rule)
    assert (
        "probe rs1 says UP, not run yet",
        "UP: the configured weight 5",
        "wish 'operator' by anna (new disk) to disable it: weight 0",
    ) == choice.because
    assert [(NoticeKind.SORRY, VIP)] == [(each.kind, each.subject) for each in found.notices]


def test_a_destination_needs_all_its_probes():
    one = replace(destination(1), probes=("p", "q"))
    states = {"p": ProbeState(health=Health.UP), "q": ProbeState(health=Health.DOWN)}
    found = decide(Situation(virtuals=(virtual(one),), states=states))
    assert Health.DOWN is found.choices[VIP, one.key].health


@pytest.mark.parametrize(("until", "stands"), [(None, True), (11.0, True), (10.0, False), (9.0, False)])
def test_a_wish_stands_until_its_time_is_over(until, stands):
    one = wish("disable", until=until)
    assert ((one,) if stands else ()) == standing([one], 10.0)
