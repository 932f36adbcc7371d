"""Probes that compare realservers: what is run for them, and that it is run once."""

from pathlib import Path

import pytest

from lvsmon.config import load
from lvsmon.config.words import read
from lvsmon.errors import ConfigError
from lvsmon.probes.http import HttpProbe

TEXT = """
[[realserver]]
name = "rs1"
address = "10.1.0.11"
[[realserver]]
name = "rs2"
address = "10.1.0.12"
[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
realservers = ["rs1", "rs2"]
"""
HTTP = '[[virtual.probe]]\nkind = "http"\npath = "/health"\n'
OF = '[[virtual.probe]]\nkind = "content"\nof = "http"\n'
OWN = '[[virtual.probe]]\nkind = "content"\nof = { kind = "http", path = "/health" }\n'


@pytest.fixture
def plan(written):
    def load_with(*probes, text=TEXT):
        written(lvsmon=text + "".join(probes))
        return load(Path("lvsmon.toml"))

    return load_with


def test_the_probe_beside_is_what_is_compared_and_is_run_once(plan):
    """Wherever it stands: its settings, its port, its times."""
    odd = HTTP + 'port = 8080\ninterval = "7s"\nfall = 9\n'
    for found in (plan(odd, OF), plan(OF, odd)):
        assert 2 == len(found.part.runs)
        assert {"10.1.0.11:8080", "10.1.0.12:8080"} == {str(spec.target) for spec in found.part.runs.values()}
        for agreement in found.agreements.values():
            assert list(agreement.names.values()) == ["rs1", "rs2"]
            assert found.part.runs.keys() == agreement.names.keys()
            assert agreement.rule.of == HttpProbe(path="/health")
            assert 9.0 == agreement.fresh  # the interval and the timeout
        assert {(7.0, 3)} == {
            (spec.interval, spec.damping.fall) for name, spec in found.probes.items() if name in found.agreements
        }


def test_a_destination_has_the_comparison_as_its_probe(plan):
    found = plan(HTTP, OF)
    for destination in found.virtuals[0].destinations:
        run, agreement = destination.probes
        assert (found.agreements[agreement].run, found.probes[run].probe.kind) == (run, "http")
        assert found.probes[agreement].target == found.probes[run].target
        assert run not in found.agreements


def test_a_run_of_its_own_is_the_one_of_the_same_definition(plan):
    assert plan(HTTP, OWN) == plan(HTTP, OF)
    assert 2 == len(plan(OWN).part.runs)
    assert [1, 1] == [len(one.probes) for one in plan(OWN).virtuals[0].destinations]


def test_times_of_its_own_make_a_run_of_its_own(plan):
    found = plan(HTTP, OF + 'interval = "1m"\n')
    assert [2.0, 2.0, 60.0, 60.0] == sorted(spec.interval for spec in found.part.runs.values())


def test_a_kind_that_stands_nowhere_has_its_defaults(plan):
    assert {HttpProbe()} == {spec.probe for spec in plan(OF).part.runs.values()}


def test_two_comparisons_of_other_kinds_are_not_the_same(plan):
    """Though their settings are: smtp and lmtp have the same ones."""
    both = [f'[[virtual.probe]]\nkind = "content"\nof = "{kind}"\nport = 24\n' for kind in ("submission", "imap")]
    assert 4 == len(plan(*both).agreements)
    with pytest.raises(ConfigError, match=r"the same as probe\[0\]"):
        plan(both[0], both[0])


def test_other_realservers_are_another_comparison(plan):
    """So its counters do not survive that: what is the majority has changed."""
    third = TEXT.replace("[[virtual]]", '[[realserver]]\nname = "rs3"\naddress = "10.1.0.13"\n[[virtual]]')
    with_two = plan(OF)
    with_three = plan(OF, text=third.replace('"rs2"]', '"rs2", "rs3"]'))
    assert with_two.part.runs.keys() < with_three.part.runs.keys()
    assert not with_two.agreements.keys() & with_three.agreements.keys()
    assert not with_two.agreements.keys() & plan(OF + 'reference = "rs1"\n').agreements.keys()


def test_a_realserver_with_two_ports_is_told_by_its_port(plan):
    twice = TEXT.replace('"rs2"]', '{ name = "rs1", port = 8080 }]')
    found = plan(OF, text=twice)
    assert {("rs1 port 80", "rs1 port 8080")} == {tuple(one.names.values()) for one in found.agreements.values()}
    with pytest.raises(ConfigError, match="there is one realserver only"):
        plan(OF + "port = 81\n", text=twice)


def test_a_name_that_is_wrong_elsewhere_is_one_complaint(plan):
    with pytest.raises(ConfigError) as caught:
        plan(OF, text=TEXT.replace('"rs2"]', '"rs3"]'))
    assert 1 == len(caught.value.complaints)


def test_words_of_a_command_line_reach_the_probe_within():
    order = read("content", ["of.kind=http", "of.path=/x", "of.status=200,204", "on_failure=warn"])
    assert (order.probe.of.path, str(order.probe.of.status), order.probe.on_failure) == ("/x", "200, 204", "warn")
    assert "http" == read("content", ["of=http"]).probe.of.kind
    assert "/y" == read("content", ['of={kind="http", path="/y"}']).probe.of.path
    order = read("content", ["of.kind=http", "of.username=u", "of.password=x"])
    assert ("of.password",) == order.exposed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["of.path=/x"], "of.kind: missing"),
        (["of.kind=htpp"], 'did you mean "http"'),
        (["of.kind=http", "of.path=x"], 'of.path: begin with "/"'),
        ([], "of: missing"),
    ],
)
def test_what_is_wrong_within_is_told_with_its_key(words, message):
    with pytest.raises(ConfigError, match=message):
        read("content", words)
