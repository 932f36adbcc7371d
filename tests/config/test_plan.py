"""What a configuration comes to: defaults laid over one another, probes shared, identities that stay."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from config.conftest import TESTDATA
from lvsmon.config import Backend, load
from lvsmon.config.identity import identity
from lvsmon.model import Damping, Forward, OnFailure, Tunnel, TunnelType, VirtualSettings

HEAD = """
[[realserver]]
name = "rs1"
address = "10.1.0.11"
[[realserver]]
name = "rs2"
address = "10.1.0.12"
"""
VIRTUAL = """
[[virtual]]
name = "{name}"
vip = "192.0.2.10"
port = {port}
"""


@pytest.fixture
def plan(written):
    def make(
        *, defaults="", declared="", virtual="", entry='"rs1"', probe='kind = "tcp"', head="", name="shop", port=80
    ):
        text = f'[defaults]\n{defaults}\n[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n{declared}\n'
        text += VIRTUAL.format(name="shop", port=80) + f"{virtual}\nrealservers = [{entry}]\n"
        written(lvsmon=text + (f"[[virtual.probe]]\n{probe}\n" if probe else ""))
        return load(Path("lvsmon.toml"))

    return make


def only(plan):
    (spec,) = plan.probes.values()
    (virtual,) = plan.virtuals
    (destination,) = virtual.destinations
    assert destination.probes == (spec.id,)
    return spec, destination


LEVELS = ("defaults", "virtual", "declared", "entry", "probe")


def at(level, key, value):
    if level == "entry":
        return {"entry": f'{{ name = "rs1", {key} = {value} }}'}
    return {level: f'kind = "tcp"\n{key} = {value}' if level == "probe" else f"{key} = {value}"}


@pytest.mark.parametrize("near", range(5))
@pytest.mark.parametrize("far", range(5))
def test_for_probes_the_nearest_level_wins(plan, far, near):
    """File, virtual service, realserver as declared, its entry, probe: each overrides all before it."""
    if far >= near:
        spec, _ = only(plan(**at(LEVELS[near], "rise", 7)))
    else:
        spec, _ = only(plan(**at(LEVELS[far], "rise", 5), **at(LEVELS[near], "rise", 7)))
    assert spec.damping == Damping(rise=7, fall=3)


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("weight", "7", lambda one: one.settings.weight == 7),
        ("forward", '"route"', lambda one: one.settings.forward is Forward.ROUTE),
        ("on_failure", '"remove"', lambda one: one.on_failure is OnFailure.REMOVE),
        ("upper_threshold", "9", lambda one: one.settings.upper_threshold == 9),
        ("interval", '"1m"', None),
        ("timeout", '"1s"', None),
    ],
)
@pytest.mark.parametrize("level", LEVELS[:4])
def test_every_level_but_the_probe_sets_destinations(plan, level, key, value, read):
    spec, destination = only(plan(**at(level, key, value)))
    if read:
        assert read(destination)
    else:
        assert {"interval": spec.interval == 60, "timeout": spec.timeout == 1}[key]


def test_ports_cascade_to_destination_and_probe(plan):
    assert only(plan())[0].target.port == 80
    spec, destination = only(plan(declared="port = 8080"))
    assert (spec.target.port, destination.key.port) == (8080, 8080)
    spec, destination = only(plan(declared="port = 8080", entry='{ name = "rs1", port = 81 }'))
    assert (spec.target.port, destination.key.port) == (81, 81)
    spec, destination = only(plan(probe='kind = "tcp"\nport = 9'))
    assert (spec.target.port, destination.key.port) == (9, 80)


def test_a_probe_is_told_what_its_realserver_is_called_where_it_wants_to_know(plan):
    """And a probe that wants it is another one under another name."""
    assert only(plan())[0].target.realserver is None
    probe = 'kind = "http"'
    spec, _ = only(plan(probe=probe))
    assert "rs1" == spec.target.realserver
    names = [
        identity("", "http", replace(spec.target, realserver=name), interval=1, timeout=1, damping=spec.damping)
        for name in (None, "rs1", "rs2")
    ]
    assert 3 == len(set(names))


def test_requests_headers_and_json_are_read_from_a_file(plan):
    probe = """kind = "http"
    expect_headers = [{ name = "Vary" }]
    expect_json = [{ path = "status", equals = "UP" }]
    [[virtual.probe.then]]
    path = "/b"
    headers = { A = "b" }
    expect_json = [{ path = "n", at_most = 5 }]
    [[virtual.probe.then]]
    method = "POST"
    """
    found = only(plan(probe=probe))[0].probe
    assert ["/b", "/"] == [one.path for one in found.then.requests]
    assert [{"path": "n", "at_most": 5}] == found.then.requests[0].expect_json.write()
    assert [{"name": "Vary"}] == found.expect_headers.write()


def test_a_drop_in_files_defaults_hold_for_its_own_virtual_services_only(written):
    body = 'realservers = ["rs1"]\n[[virtual.probe]]\nkind = "tcp"\n'
    written(
        lvsmon="[defaults]\nfall = 4\nrise = 4\n" + HEAD,
        **{
            "monitors.d__a": "[defaults]\nfall = 5\n" + VIRTUAL.format(name="a", port=1) + body,
            "monitors.d__b": VIRTUAL.format(name="b", port=2) + body,
        },
    )
    dampings = {spec.target.port: spec.damping for spec in load(Path()).probes.values()}
    assert dampings == {1: Damping(rise=4, fall=5), 2: Damping(rise=4, fall=4)}


def test_built_in_defaults(plan):
    spec, destination = only(made := plan())
    assert (spec.interval, spec.timeout, spec.damping) == (2, 2, Damping(rise=2, fall=3))
    assert (destination.settings.weight, destination.settings.forward) == (1, Forward.MASQ)
    assert destination.on_failure is OnFailure.QUIESCE
    assert made.virtuals[0].settings == VirtualSettings(scheduler="wlc")
    assert (made.backend, made.reconcile_interval, made.log_level) == (Backend.NETLINK, 10, "info")


def test_the_built_in_timeout_gives_way_to_a_shorter_interval(plan):
    """Who asks for a probe every second has not asked for an error about a timeout."""
    assert only(plan(virtual='interval = "1s"'))[0].timeout == 1
    assert only(plan(virtual='interval = "1m"'))[0].timeout == 2


@pytest.mark.parametrize(
    ("lines", "reaction"),
    [
        ("", OnFailure.QUIESCE),
        ('protocol = "udp"', OnFailure.REMOVE),
        ('protocol = "sctp"', OnFailure.REMOVE),
        ('protocol = "udp"\non_failure = "quiesce"', OnFailure.QUIESCE),
    ],
)
def test_without_connections_that_end_a_destination_is_removed(plan, lines, reaction):
    """Trap 4: a busy UDP client would stay with a quiesced realserver for ever."""
    assert plan(virtual=lines, probe="").virtuals[0].destinations[0].on_failure is reaction


def test_a_tunnel_from_further_out_does_not_bind_a_masq_service(plan):
    """Defaults for tunnels beside one virtual service that says masq are no contradiction."""
    made = plan(defaults='forward = "tunnel"\ntunnel = { type = "gre" }', virtual='forward = "masq"')
    assert made.virtuals[0].destinations[0].settings.tunnel is None
    made = plan(defaults='forward = "tunnel"\ntunnel = { type = "gre" }')
    assert made.virtuals[0].destinations[0].settings.tunnel == Tunnel(TunnelType.GRE)


def test_a_prefix_of_the_whole_address_is_none(plan):
    """As the kernel shows it: otherwise reconciling would never end."""
    assert plan(virtual='persistence = "5m"\npersistence_prefix = 32').virtuals[0].settings.prefix is None
    assert plan(virtual='persistence = "5m"\npersistence_prefix = 24').virtuals[0].settings.prefix == 24


def test_addresses_are_canonical(written):
    written(
        lvsmon=HEAD.replace("10.1.0.11", "2001:DB8:0:0::0011") + '[[virtual]]\nname = "six"\nvip = "2001:DB8::0"\n'
        'port = 80\nrealservers = ["rs1"]\nsorry = "2001:DB8::00ff"\n'
    )
    (virtual,) = load(Path()).virtuals
    assert (virtual.key.address, virtual.destinations[0].key.address) == ("2001:db8::", "2001:db8::11")
    assert virtual.sorry.key.address == "2001:db8::ff"


def test_the_sorry_server_takes_no_weight_and_no_thresholds_from_defaults(plan):
    made = plan(defaults="weight = 0\nupper_threshold = 5", virtual='sorry = "10.1.0.99"')
    sorry = made.virtuals[0].sorry
    assert (sorry.settings.weight, sorry.settings.upper_threshold, str(sorry.key)) == (1, 0, "10.1.0.99:80")


def two(first, second):
    text = HEAD
    for name, port, probe in (("one", 80, first), ("two", 81, second)):
        text += VIRTUAL.format(name=name, port=port) + f'hostname = "{name}.example"\nrealservers = ["rs1"]\n'
        text += f"[[virtual.probe]]\n{probe}\n"
    return text


def test_equal_definitions_on_one_realserver_are_one_probe(written):
    """tcp knows no host name, so two virtual services with different names share its runs."""
    written(lvsmon=two('kind = "tcp"\nport = 9', 'kind = "tcp"\nport = 9\ninterval = "2000ms"'))
    plan = load(Path())
    (spec,) = plan.probes.values()
    assert spec.target.hostname is None
    assert [virtual.destinations[0].probes for virtual in plan.virtuals] == [(spec.id,), (spec.id,)]


def test_kinds_that_use_the_hostname_are_not_shared(written, monkeypatch):
    monkeypatch.setenv("LVSMON_TEST_SECRET", "hunter2")
    login = 'kind = "login"\nport = 9\npassword_env = "LVSMON_TEST_SECRET"'
    written(lvsmon=two(login, login))
    assert {spec.target.hostname for spec in load(Path()).probes.values()} == {"one.example", "two.example"}


@pytest.mark.parametrize(
    "change",
    ['interval = "3s"', 'timeout = "1s"', "rise = 1", "fall = 9", "port = 81", 'expect = "x"', "codes = [1]"],
)
def test_every_part_of_the_definition_makes_another_identity(plan, change):
    echo = 'kind = "echo"\n'
    before, _ = only(plan(virtual='protocol = "udp"', probe=echo))
    after, _ = only(plan(virtual='protocol = "udp"', probe=echo + change))
    assert before.id != after.id


def test_another_secret_is_another_identity_that_does_not_show_it(plan, monkeypatch):
    ids = set()
    for secret in ("hunter2", "hunter3"):
        monkeypatch.setenv("LVSMON_TEST_SECRET", secret)
        ids.add(only(plan(probe='kind = "login"\npassword_env = "LVSMON_TEST_SECRET"'))[0].id)
    assert len(ids) == 2
    assert not [one for one in ids if "hunter" in one]


IN_ANOTHER_PROCESS = """
from dataclasses import replace
from pathlib import Path
import lvsmon.config.kinds
from config import plugin_kinds
lvsmon.config.kinds.entry_points = plugin_kinds.entry_points
print(*(id for id in sorted(lvsmon.config.load(Path({path!r})).probes) if id.startswith("echo")))
"""


def test_identities_are_readable_and_the_same_in_every_process():
    """A constant on purpose: counters are kept under it, so a change costs every user theirs."""
    path = TESTDATA / "good" / "director"
    expected = [
        "echo:10.1.0.11:5060#19fa7d56b432",
        "echo:10.1.0.11:53#4ef36e1ca11d",
        "echo:10.1.0.12:5060#fb185b66bfca",
        "echo:10.1.0.12:8080#19a339803f47",
    ]
    assert expected == sorted(one for one in load(path).probes if one.startswith("echo"))
    code = IN_ANOTHER_PROCESS.format(path=str(path))
    environment = {"PYTHONPATH": str(TESTDATA.parents[1]), "PYTHONHASHSEED": "7"}
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    ).stdout
    assert shown.split() == expected


def test_a_host_is_known_by_its_own_address(written):
    """It has no VIP and no hostname, and a certificate is held against what it is reached by."""
    host = '[[host]]\nname = "gate"\naddress = "10.1.0.99"\n[[host.probe]]\nkind = "https"\nport = 443\n'
    written(lvsmon=HEAD + VIRTUAL.format(name="web", port=80) + 'realservers = ["rs1"]\n' + host)
    (spec,) = load(Path()).probes.values()
    assert (spec.target.address, spec.target.vip) == ("10.1.0.99", "10.1.0.99")
