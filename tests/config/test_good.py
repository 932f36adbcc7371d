"""Good files load, come back from `config show` as the same plan, and please the JSON Schema."""

import tomllib
from pathlib import Path

import jsonschema
import pytest
import tomlkit

from config.conftest import TESTDATA
from lvsmon.config import load
from lvsmon.config.jsonschema import schema
from lvsmon.config.kinds import kind_of
from lvsmon.config.loading import load_all
from lvsmon.config.show import document
from lvsmon.model import Amount, Brake, Flap, Group, Name, Policy, Poll
from lvsmon.probes import BUILTIN
from lvsmon.probes import load as load_kind

GOOD = TESTDATA / "good"
NAMES = sorted(path.name for path in GOOD.iterdir())
SAMPLES = sorted((Path(__file__).parents[2] / "monitors.d").glob("*.toml"))
SCHEMA = jsonschema.Draft202012Validator(schema())
TEXTS = [*sorted(GOOD.rglob("*.toml")), *SAMPLES]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("LVSMON_TEST_SECRET", "hunter2")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_loads_as_the_same_plan(name, tmp_path):
    """Every default filled in is what would have been filled in."""
    loaded = load_all(GOOD / name)
    shown = tmp_path / "shown.toml"
    shown.write_text(tomlkit.dumps(document(loaded)), encoding="utf-8")
    assert load(shown) == loaded.plan
    again = document(load_all(shown))
    assert again == document(loaded)


REQUIRED = {
    "content": 'of = "http"',
    "dns": 'name = "example.org"',
    "exec": 'command = ["/bin/true"]',
    "file": 'path = "/run/w"',
    "radius": 'secret_env = "PATH"',
    "proxy": 'url = "http://www.example.org/"',
}
"""Settings without a default."""


@pytest.mark.parametrize("kind", sorted(BUILTIN))
def test_every_kinds_defaults_are_shown_as_they_load(kind, tmp_path):
    path = tmp_path / "lvsmon.toml"
    probe = f'\n[[virtual.probe]]\nkind = "{kind}"\nport = 4000\n{REQUIRED.get(kind, "")}\n'
    around = "agreeing.toml" if kind == "content" else "minimal.toml"
    path.write_text((GOOD / around).read_text() + probe, encoding="utf-8")
    loaded = load_all(path)
    shown = document(loaded)
    settings = kind_of(kind, load_kind(kind)).settings.keys()
    assert len(settings & shown["virtual"][0]["probe"][0].keys()) >= 1
    path.write_text(tomlkit.dumps(shown), encoding="utf-8")
    assert load(path) == loaded.plan


def test_a_kind_that_uses_no_port_is_run_once_for_all_virtual_services(tmp_path):
    """Also for those that have no one port: a fwmark."""
    path = tmp_path / "lvsmon.toml"
    virtuals = ['vip = "192.0.2.1"\nport = 80', 'vip = "192.0.2.1"\nport = 53\nprotocol = "udp"', "fwmark = 7"]
    path.write_text(
        '[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n'
        + "".join(
            f'[[virtual]]\nname = "v{number}"\n{where}\nrealservers = ["rs1"]\n[[virtual.probe]]\nkind = "ping"\n'
            for number, where in enumerate(virtuals)
        ),
        encoding="utf-8",
    )
    (spec,) = load(path).probes.values()
    assert ("10.1.0.11", 0) == (spec.target.address, spec.target.port)


@pytest.mark.parametrize("probe", ['kind = "exec"\ncommand = ["/bin/true"]', 'kind = "file"\npath = "/run/{address}"'])
def test_what_looks_at_the_director_alone_needs_no_port(tmp_path, probe):
    path = tmp_path / "lvsmon.toml"
    virtual = f'[[virtual]]\nname = "v"\nfwmark = 7\nrealservers = ["rs1"]\n[[virtual.probe]]\n{probe}\n'
    path.write_text(f'[[realserver]]\nname = "rs1"\naddress = "10.1.0.11"\n{virtual}', encoding="utf-8")
    assert [0] == [spec.target.port for spec in load(path).probes.values()]


def test_timing_that_differs_between_realservers_is_shown_beside_each():
    shown = document(load_all(GOOD / "everything.toml"))
    mixed = shown["virtual"][0]
    assert [one["interval"] for one in mixed["realservers"]] == ["5s", "10s"]
    assert "interval" not in mixed["probe"][0]
    assert mixed["probe"][0]["rise"] == 3
    assert mixed["probe"][1]["interval"] == "500ms"


def without_plugins(data):
    """The schema knows the built-in kinds; those of tests are taken out."""
    for virtual in data.get("virtual", []):
        virtual["probe"] = [one for one in virtual.get("probe", []) if one["kind"] in BUILTIN]
    return data


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_the_schema_accepts_good_files(path):
    data = without_plugins(tomllib.loads(path.read_text(encoding="utf-8")))
    SCHEMA.validate(data)


def test_the_schema_is_one_and_tells_of_every_key():
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    for name, definition in made["$defs"].items():
        for key, one in definition["properties"].items():
            assert one.get("description"), f"{name}.{key} has no docstring"


def test_every_default_in_the_schema_is_what_the_schema_allows():
    """An editor fills them in as they stand there."""
    made = schema()
    for definition in made["$defs"].values():
        for one in definition["properties"].values():
            if "default" in one:
                jsonschema.Draft202012Validator({**one, "$defs": made["$defs"]}).validate(one["default"])


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "[defaults]\nrise = 0",
        '[defaults]\nforward = "nat"',
        '[[realserver]]\nname = "rs1"',
        '[[virtual]]\nname = "x"\nrealservers = [{ name = "rs1", wieght = 2 }]',
        '[[virtual]]\nname = "x"\nrealservers = ["rs1"]\nprobe = [{ kind = "tpc" }]',
        '[[virtual]]\nname = "x"\nrealservers = ["rs1"]\nprobe = [{ kind = "tcp", path = "/" }]',
        '[[virtual]]\nname = "x"\nrealservers = ["rs1"]\nprobe = [{ interval = "2s" }]',
    ],
)
def test_the_schema_refuses_bad_files(text):
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(tomllib.loads(text))


def test_the_page_about_deciding_shows_a_configuration_that_loads():
    page = (Path(__file__).parents[2] / "docs/explanation/deciding.md").read_text(encoding="utf-8")
    for name in ("policies.toml", "detection.toml", "beside.toml"):
        assert f"```toml\n{(GOOD / name).read_text(encoding='utf-8')}```" in page


def test_confirmations_and_tripwires_come_to_what_they_say_and_belong_to_a_probes_identity(tmp_path):
    """Without confirmations their interval means nothing, and a probe keeps the id, and the counters, that it had."""
    plan = load(GOOD / "detection.toml")
    (spec,) = plan.probes.values()
    assert (spec.confirm, spec.confirm_interval, spec.tripwire, plan.runs_per_realserver) == (2, 0.05, True, 64)
    text = (GOOD / "detection.toml").read_text(encoding="utf-8")
    plain = text.replace("confirm = 2 ", "confirm = 0 ").replace("tripwire = true", "")
    ids = []
    for n, one in enumerate(
        [
            text,
            text.replace("confirm = 2", "confirm = 1"),
            text.replace('"50ms"', '"60ms"'),
            text.replace("tripwire = true", "tripwire = false"),
            plain,
            plain.replace('"50ms"', '"60ms"'),
        ]
    ):
        path = tmp_path / f"{n}.toml"
        path.write_text(one, encoding="utf-8")
        ids += load(path).probes
    assert ids[0] == spec.id
    assert len(set(ids)) == 5
    assert ids[4] == ids[5]


def test_policies_come_to_what_they_say():
    plan = load(GOOD / "policies.toml")
    (virtual,) = plan.virtuals
    http, ping = virtual.destinations[0].probes
    assert virtual.destinations[0].policy == Policy(
        warn_share=50,
        slow_start=60.0,
        flap=Flap(forgiven=2, half_life=300.0, max_hold=1800.0),
        poll=Poll(3, {http: 3}),
    )
    assert (virtual.floor, virtual.sorry_below, virtual.sorry_hysteresis) == (
        Amount(1),
        Amount(30, percent=True),
        Amount(10, percent=True),
    )
    assert (1.0, 20.0) == (plan.probes[ping].fast_interval, plan.probes[ping].down_interval)


def test_hosts_groups_and_the_brake_come_to_what_they_say():
    plan = load(GOOD / "beside.toml")
    gateway, switch = plan.hosts
    assert ("gateway", (), 1) == (gateway.name, gateway.depends, len(gateway.probes))
    assert (Name("gateway"),) == switch.depends
    http, ping, _ = plan.virtuals
    assert ("db and (ping/SELF or gateway)", "switch2") == tuple(map(str, http.destinations[0].depends))
    assert (Name("switch2"),) == ping.destinations[0].depends
    assert (Group(name="shop", virtuals=frozenset({"http", "ping"}), leads=frozenset({"http"})),) == plan.groups
    assert Brake(failing=Amount(50, percent=True), window=30.0, self_test=("gateway",), grace=8.0) == plan.brake
