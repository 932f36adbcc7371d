"""Changing what operators wish for: names, reasons, what is replaced and what is left."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.control.verbs import disable, drain, enable, weight
from lvsmon.control.wishing import LONGEST, MOST, Place, Standing, last_ones, places
from lvsmon.errors import ControlRefused
from lvsmon.model import (
    Destination,
    DestinationKey,
    DestinationSettings,
    Protocol,
    RealServer,
    VirtualKey,
    VirtualService,
    VirtualSettings,
    Wish,
    WishKind,
)

NOW = 1000.0


def service(name, port, *hosts, sorry=None):
    def destination(host):
        return Destination(
            realserver=RealServer(f"rs{host}", f"10.0.0.{host}"),
            key=DestinationKey(f"10.0.0.{host}", port),
            settings=DestinationSettings(),
        )

    return VirtualService(
        name=name,
        key=VirtualKey.of_address(Protocol.TCP, "192.0.2.10", port),
        settings=VirtualSettings(),
        destinations=tuple(map(destination, hosts)),
        sorry=None if sorry is None else destination(sorry),
    )


VIRTUALS = (service("shop", 80, 1, 2), service("mail", 25, 2, 3, sorry=9))


def before(*wishes):
    return Standing(virtuals=VIRTUALS, wishes=wishes, by="alice", now=NOW)


def ask(verb, state, *realservers, **arguments):
    return verb.change(verb.VERB.read({"realservers": list(realservers), **arguments}), state)


def told(wishes):
    return [(wish.realserver, wish.virtual, wish.name, str(wish.kind), wish.weight) for wish in wishes]


@pytest.mark.parametrize(
    ("names", "service", "expected"),
    [
        (["rs1"], None, [Place("rs1")]),
        (["rs2", "rs2"], None, [Place("rs2")]),
        (["rs2"], "mail", [Place("rs2", "mail")]),
        (["mail/rs2", "rs1"], None, [Place("rs2", "mail"), Place("rs1")]),
        (["10.0.0.3"], None, [Place("rs3")]),
        (["10.0.0.2"], "shop", [Place("rs2", "shop")]),
    ],
)
def test_what_a_name_means(names, service, expected):
    assert list(places(names, service, before())) == expected


@pytest.mark.parametrize(
    ("name", "service", "words"),
    [
        ("rs4", None, "no realserver is named rs4: did you mean rs3?"),
        ("zebra", None, "no realserver is named zebra: there are: rs1, rs2, rs3"),
        ("shop", None, "shop is a virtual service: name its realservers: rs1, rs2"),
        ("rs1", "mial", "did you mean mail?"),
        ("mail/rs1", None, "rs1 is no realserver of mail: there are: rs2, rs3"),
        ("shop/rs1", "shop", "shop/rs1 names a virtual service already: leave --service out"),
        ("rs9", None, "no realserver is named rs9"),
    ],
)
def test_a_name_that_means_nothing_gets_a_suggestion(name, service, words):
    with pytest.raises(ControlRefused, match=re.escape(words)):
        places([name], service, before())


def test_the_same_reason_on_the_same_place_replaces_and_another_stands_beside():
    state = before()
    for verb, reason, more in (
        (disable, "disk", {}),
        (disable, "disk", {"service": "shop"}),
        (drain, "disk", {"seconds": 60, "remove": True}),
        (disable, "kernel", {}),
        (weight, "disk", {"weight": 5}),
        (weight, "disk", {"weight": 7}),
    ):
        state = before(*ask(verb, state, "rs2", reason=reason, **more).wishes)
    assert told(state.wishes) == [
        ("rs2", "shop", "disk", "disable", None),
        ("rs2", None, "disk", "drain", None),
        ("rs2", None, "kernel", "disable", None),
        ("rs2", None, "disk", "weight", 7),
    ]
    (drained,) = [wish for wish in state.wishes if wish.kind is WishKind.DRAIN]
    assert (drained.deadline, drained.remove, drained.by, drained.since) == (NOW + 60, True, "alice", NOW)


def test_what_is_over_is_let_go_with_the_next_change():
    old = Wish(name="old", kind=WishKind.DISABLE, realserver="rs1", until=NOW)
    assert told(ask(disable, before(old), "rs2").wishes) == [("rs2", None, "operator", "disable", None)]


@pytest.mark.parametrize("until", [NOW, 5.0, NOW + LONGEST + 1])
def test_an_end_that_is_past_or_too_far_is_refused(until):
    with pytest.raises(ControlRefused, match="write a time in the future, at most 366d from now"):
        ask(disable, before(), "rs1", until=until)


def test_enable_clears_the_only_reason_and_wants_to_know_which_of_several():
    disk = ask(disable, before(), "rs2", reason="disk").wishes
    both = ask(drain, before(*disk), "rs2", reason="kernel").wishes
    weighed = ask(weight, before(*both), "rs2", weight=3).wishes
    assert ask(enable, before(*disk), "rs2").wishes == ()
    with pytest.raises(ControlRefused, match="there are several reasons: say --reason disk, or --all") as refused:
        ask(enable, before(*weighed), "rs2")
    assert refused.value.lines == (
        "rs2: disable, reason disk by alice, 0s ago",
        "rs2: drain, reason kernel by alice, 0s ago",
    )
    done = ask(enable, before(*weighed), "rs2", reason="disk")
    assert [wish.name for wish in done.cleared] == ["disk"]
    assert [wish.name for wish in done.left(done.wishes)] == ["kernel", "operator"]
    assert told(ask(enable, before(*weighed), "rs2", all=True).wishes) == [("rs2", None, "operator", "weight", 3)]


def test_enable_does_not_narrow_what_is_said_for_all_virtual_services():
    wide = ask(disable, before(), "rs2").wishes
    done = ask(enable, before(*wide), "rs2", service="shop")
    assert (done.wishes, done.cleared, done.left(done.wishes)) == (wide, (), wide)
    narrow = ask(disable, before(), "rs2", service="shop").wishes
    assert ask(enable, before(*narrow), "rs2").wishes == ()
    assert ask(enable, before(*narrow), "rs2", service="mail").wishes == narrow


def test_a_realserver_that_only_a_wish_knows_can_be_cleared_and_one_that_nobody_knows_cannot():
    gone = Wish(name="operator", kind=WishKind.DISABLE, realserver="rs7", virtual="ftp")
    assert ask(enable, before(gone), "rs7").wishes == ()
    assert ask(enable, before(gone), "ftp/rs7").wishes == ()
    with pytest.raises(ControlRefused, match="no realserver is named rs7"):
        ask(enable, before(), "rs7")


def test_the_configured_weight_again():
    wishes = ask(weight, before(), "rs1", weight=5, reason="a").wishes
    wishes = ask(weight, before(*wishes), "rs1", weight=6, reason="b").wishes
    wishes = ask(disable, before(*wishes), "rs1").wishes
    one = ask(weight, before(*wishes), "rs1", weight=None, reason="a")
    assert [wish.name for wish in one.wishes] == ["b", "operator"]
    assert told(ask(weight, before(*wishes), "rs1", weight=None).wishes) == [("rs1", None, "operator", "disable", None)]


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        (disable, {"realservers": []}),
        (disable, {"realservers": ["rs1"], "reason": ""}),
        (disable, {"realservers": ["rs1"], "reason": " x"}),
        (disable, {"realservers": ["rs1"], "reason": "a\nb"}),
        (disable, {"realservers": ["rs1"], "reason": "\x1b[2J"}),
        (disable, {"realservers": ["rs1"], "reason": "x" * 101}),
        (disable, {"realservers": ["rs1"], "on_behalf_of": "a\tb"}),
        (disable, {"realservers": ["rs1"] * 201}),
        (drain, {"realservers": ["rs1"], "seconds": 0}),
        (drain, {"realservers": ["rs1"], "seconds": 1e9}),
        (weight, {"realservers": ["rs1"]}),
        (weight, {"realservers": ["rs1"], "weight": -1}),
        (weight, {"realservers": ["rs1"], "weight": 65536}),
        (weight, {"realservers": ["rs1"], "weight": True}),
        (enable, {"realservers": ["rs1"], "every": True}),
    ],
)
def test_arguments_that_mean_nothing_are_refused(verb, arguments):
    with pytest.raises(ControlRefused) as refused:
        verb.VERB.read(arguments)
    assert refused.value.code == "arguments"


def test_there_is_an_end_to_how_many_there_may_be():
    many = [Wish(name=str(number), kind=WishKind.DISABLE, realserver="rs1") for number in range(MOST)]
    with pytest.raises(ControlRefused, match="10000 is the most"):
        ask(disable, before(*many), "rs2")
    assert len(ask(disable, before(*many), "rs1", reason="7").wishes) == MOST


STEPS = st.tuples(
    st.sampled_from(["disable", "drain", "enable"]),
    st.sampled_from(["rs1", "rs2", "shop/rs2", "mail/rs2"]),
    st.sampled_from(["disk", "kernel"]),
)


@given(st.lists(STEPS, max_size=12))
def test_enabling_everything_undoes_whatever_was_done(steps):
    """And no identity ever stands twice."""
    state = before()
    for name, realserver, reason in steps:
        verb = {"disable": disable, "drain": drain, "enable": enable}[name]
        state = before(*ask(verb, state, realserver, reason=reason).wishes)
        identities = [wish.identity for wish in state.wishes]
        assert len(identities) == len(set(identities))
    assert ask(enable, state, "rs1", "rs2", all=True).wishes == ()


def test_the_last_ones_are_named_with_what_is_left():
    assert last_ones(VIRTUALS, {"shop", "mail"}, set()) == [
        "shop: nobody would serve",
        "mail: only its sorry server would serve",
    ]
    assert last_ones(VIRTUALS, {"shop"}, {"shop"}) == []
    assert last_ones(VIRTUALS, set(), set()) == []
