"""Who is believed when something above is down, and who falls with whom."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon.config.expressions import parse
from lvsmon.model import (
    Both,
    Either,
    Group,
    Health,
    Host,
    Name,
    Not,
    ProbeState,
    Protocol,
    VirtualKey,
    VirtualService,
    VirtualSettings,
    evaluate,
)
from lvsmon.pool import Situation, decide
from pool.streams import HEALTHS, destination

HOSTS = ("gw", "sw")


def virtual(name, depends=""):
    """Return a virtual service of rs1 and rs2, whose probes are ``name/rs1`` and ``name/rs2``."""
    port = sum(map(ord, name))
    expressions = (parse(depends),) if depends else ()
    destinations = [replace(destination(host), probes=(f"{name}/rs{host}",), depends=expressions) for host in (1, 2)]
    key = VirtualKey.of_address(Protocol.TCP, "192.0.2.10", port)
    return VirtualService(name=name, key=key, settings=VirtualSettings(), destinations=tuple(destinations))


def healths(virtuals, states, groups=(), hosts=None):
    """Return {"web/rs1": letter}; ``states`` are letters by probe, U where none is given."""
    hosts = hosts or [Host(name=name, address="192.0.2.1", probes=(name,)) for name in HOSTS]
    probes = [*(probe for each in virtuals for one in each.destinations for probe in one.probes), *HOSTS]
    situation = Situation(
        virtuals=tuple(virtuals),
        states={probe: ProbeState(health=HEALTHS[states.get(probe, "U")]) for probe in probes},
        hosts=tuple(hosts),
        groups=tuple(groups),
    )
    decided = decide(situation)
    letters = {health: letter for letter, health in HEALTHS.items()}
    return {
        one.probes[0]: letters[decided.choices[each.key, one.key].health]
        for each in virtuals
        for one in each.destinations
    }


@pytest.mark.parametrize(
    ("depends", "states", "expected"),
    [
        ("gw", {"web/rs1": "D"}, "DU"),
        ("gw", {"gw": "D", "web/rs1": "D"}, "??"),
        ("gw", {"gw": "?", "web/rs1": "D"}, "DU"),
        ("gw", {"gw": "W", "web/rs1": "D"}, "DU"),
        ("not gw", {"web/rs1": "D"}, "??"),
        ("gw and sw", {"sw": "D"}, "??"),
        ("gw or sw", {"sw": "D"}, "UU"),
        ("gw or sw", {"sw": "D", "gw": "?"}, "UU"),
        ("ping/SELF", {"ping/rs1": "D", "web/rs1": "D"}, "?U"),
        ("ping/rs2", {"ping/rs2": "D"}, "??"),
        ("ping", {"ping/rs1": "D"}, "UU"),
        ("ping", {"ping/rs1": "D", "ping/rs2": "D"}, "??"),
    ],
)
def test_while_what_it_depends_on_is_down_a_probes_word_does_not_count(depends, states, expected):
    found = healths([virtual("web", depends), virtual("ping")], states)
    assert expected == found["web/rs1"] + found["web/rs2"]


def test_who_is_cut_off_counts_as_down_for_those_that_depend_on_it():
    """Router, switch, ping, web: one of them down, and everything behind it is unknown."""
    hosts = [
        Host(name="gw", address="192.0.2.1", probes=("gw",)),
        Host(name="sw", address="192.0.2.2", probes=("sw",), depends=(Name("gw"),)),
    ]
    virtuals = [virtual("web", "ping/SELF"), virtual("ping", "sw")]
    down = dict.fromkeys(["gw", "sw", "ping/rs1", "ping/rs2", "web/rs1", "web/rs2"], "D")
    assert {"?"} == set(healths(virtuals, down, hosts=hosts).values())
    assert {"?"} == set(healths(virtuals, {"gw": "D"}, hosts=hosts).values())


def group(*names, leads=None):
    return Group(name="tied", virtuals=frozenset(names), leads=frozenset(leads or names))


@pytest.mark.parametrize(
    ("groups", "states", "down"),
    [
        ([], {"web/rs1": "D"}, {"web/rs1"}),
        ([group("web", "tls")], {"web/rs1": "D"}, {"web/rs1", "tls/rs1"}),
        ([group("web", "tls")], {"web/rs1": "?"}, set()),
        ([group("web", "tls", leads=["web"])], {"tls/rs1": "D"}, {"tls/rs1"}),
        ([group("web", "tls"), group("tls", "ftp")], {"web/rs1": "D"}, {"web/rs1", "tls/rs1", "ftp/rs1"}),
    ],
)
def test_one_that_falls_takes_down_those_tied_to_it_on_its_realserver(groups, states, down):
    found = healths([virtual("web"), virtual("tls"), virtual("ftp")], states, groups)
    assert down == {name for name, letter in found.items() if letter == "D"}


def test_who_is_cut_off_ties_nobody():
    found = healths([virtual("web", "gw"), virtual("tls")], {"gw": "D", "web/rs1": "D"}, [group("web", "tls")])
    assert {"web/rs1": "?", "web/rs2": "?", "tls/rs1": "U", "tls/rs2": "U"} == found


VALUES = st.sampled_from([True, False, None])
EXPRESSIONS = st.recursive(
    st.builds(Name, st.sampled_from("abc")),
    lambda inner: st.builds(Not, inner) | st.builds(Both, inner, inner) | st.builds(Either, inner, inner),
    max_leaves=8,
)


@given(EXPRESSIONS, st.fixed_dictionaries(dict.fromkeys("abc", VALUES)), st.data())
def test_what_is_known_stays_so_whatever_the_unknown_comes_to(expression, values, data):
    known = evaluate(expression, lambda name: values[name.name])
    later = {name: data.draw(st.booleans()) if value is None else value for name, value in values.items()}
    settled = evaluate(expression, lambda name: later[name.name])
    assert settled is not None
    assert known in (None, settled)


@given(EXPRESSIONS)
def test_an_expression_reads_back(expression):
    assert expression == parse(str(expression))


@given(st.text(alphabet="ab /()&|!andortSELF", max_size=60))
def test_any_text_is_an_expression_or_is_refused_in_words(text):
    try:
        parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017  nothing but ValueError may come


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a && !b || c", "((a and not b) or c)"),
        ("a or b and c", "a or (b and c)"),
        ("not a or b", "(not a) or b"),
        ("((a))", "a"),
    ],
)
def test_mons_operators_and_precedence(text, same):
    assert parse(text) == parse(same)


@given(
    st.dictionaries(
        st.sampled_from(
            [f"{name}/rs{host}" for name in ("web", "tls", "ftp", "ping") for host in (1, 2)] + ["gw", "sw"]
        ),
        st.sampled_from("UDW?"),
    )
)
def test_dependencies_only_ever_make_unknown_and_groups_only_ever_make_down(states):
    plain = healths([virtual("web"), virtual("tls"), virtual("ftp"), virtual("ping")], states)
    tied = healths(
        [virtual("web", "ping/SELF and gw"), virtual("tls", "gw"), virtual("ftp"), virtual("ping", "sw")],
        states,
        [group("web", "tls", "ftp")],
    )
    for name, letter in tied.items():
        assert letter in {plain[name], "?", "D"}
        if letter == "D" and plain[name] != "D":
            mine = {tied[f"{each}/{name.split('/')[1]}"] for each in ("web", "tls", "ftp")}
            assert "D" in mine


def test_a_router_that_comes_back_takes_nobody_out():
    """What probes said behind it is old; a pass is not held against them, a new failure is."""
    web = virtual("web", "gw")
    gateway = Host(name="gw", address="192.0.2.1", probes=("gw",))
    down, up = ProbeState(health=Health.DOWN, fails=3, heard=5.0), ProbeState(health=Health.UP, heard=5.0)
    memory, seen = None, []
    for now, router, rs1, rs2 in (
        (1.0, up, up, up),
        (6.0, down, down, down),
        (10.0, up, down, down),
        (10.0, up, down, down),
        (12.0, up, replace(down, heard=11.0), replace(down, heard=11.0, fails=0, passes=1)),
        (13.0, up, replace(down, heard=11.0), up),
        (20.0, up, replace(down, heard=11.0), replace(down, heard=19.0)),
    ):
        states = {"gw": router, "web/rs1": rs1, "web/rs2": rs2}
        decided = decide(Situation(virtuals=(web,), states=states, hosts=(gateway,), now=now), memory)
        memory = decided.memory
        seen.append([decided.choices[web.key, one.key].health for one in web.destinations])
        if now == 10.0:
            assert decided.awaited == {"web/rs1", "web/rs2"}
    assert seen == [
        [Health.UP, Health.UP],
        [Health.UNKNOWN, Health.UNKNOWN],
        [Health.UNKNOWN, Health.UNKNOWN],
        [Health.UNKNOWN, Health.UNKNOWN],
        [Health.DOWN, Health.UNKNOWN],
        [Health.DOWN, Health.UP],
        [Health.DOWN, Health.DOWN],
    ]
    assert memory.cut_off == {}
