"""The desired table from health, configuration and what the kernel has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.model import (
    Destination,
    DestinationEntry,
    DestinationKey,
    DestinationSettings,
    Health,
    OnFailure,
    Protocol,
    RealServer,
    VirtualEntry,
    VirtualKey,
    VirtualService,
    VirtualSettings,
    Weight,
)
from lvsmon.pool import desired

VIP = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", 80)


def destination(host, weight=1, on_failure=OnFailure.QUIESCE):
    return Destination(
        realserver=RealServer(f"rs{host}", f"10.0.0.{host}"),
        key=DestinationKey(f"10.0.0.{host}", 80),
        settings=DestinationSettings(weight=weight),
        on_failure=on_failure,
    )


def virtual(*destinations, sorry=None):
    return VirtualService(name="shop", key=VIP, settings=VirtualSettings(), destinations=destinations, sorry=sorry)


def weights(service, healths, observed=None, asked=None):
    """Return {last number of the address: weight} of the desired entry."""
    by_key = {each.key: health for each, health in zip(service.destinations, healths, strict=True)}
    seen = {}
    if observed is not None:
        entries = {
            DestinationKey(f"10.0.0.{host}", 80): DestinationEntry(DestinationSettings(weight=weight))
            for host, weight in observed.items()
        }
        seen = {VIP: VirtualEntry(VirtualSettings(), entries)}
    asked_by_key = dict(zip(by_key, asked or [()] * len(by_key), strict=True))
    table = desired([service], lambda each: by_key[each.key], seen, lambda each: asked_by_key[each.key])
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
