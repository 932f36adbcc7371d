"""Whatever a file holds, loading it gives a plan or a `ConfigError`, and nothing else."""

import contextlib
import tempfile
from pathlib import Path

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from lvsmon.config import load
from lvsmon.config.kinds import ProbeSection
from lvsmon.config.schema import (
    ControlSection,
    DefaultsSection,
    DirectorSection,
    HistorySection,
    MaintenanceSection,
    RealserverSection,
    TunnelSection,
    VirtualSection,
)
from lvsmon.errors import ConfigError

WORDS = st.sampled_from(
    [
        *("rs1", "rs2", "10.1.0.11", "2001:db8::1", "2s", "0s", "99d", "tcp", "udp", "echo", "login", "masq", "route"),
        *(
            "tunnel",
            "sh",
            "mh",
            "sh-port",
            "ops",
            "gue",
            "remote",
            "sip",
            "inet6",
            "remove",
            "x.example",
            "\u202e\x00é",
        ),
    ]
)
SCALARS = st.one_of(
    WORDS, st.integers(-1, 3), st.sampled_from([80, 65536, 2**70]), st.booleans(), st.floats(), st.dates()
)


def table(section, **more):
    keys = st.sampled_from([*section.model_fields, "password_file", "password_env", "expect", "codes", "nonsense"])
    values = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(keys, SCALARS, max_size=2))
    return st.builds(
        lambda some, fixed: {**some, **fixed}, st.dictionaries(keys, values, max_size=3), st.fixed_dictionaries(more)
    )


NAMES = st.sampled_from(["rs1", "rs2"])
PROBES = st.lists(table(ProbeSection, kind=st.sampled_from(["tcp", "echo", "login", "greedy", "no"])), max_size=2)
ENTRIES = st.lists(NAMES | table(RealserverSection, name=NAMES), max_size=3)
VIRTUALS = st.one_of(
    table(
        VirtualSection,
        name=NAMES,
        vip=st.sampled_from(["10.1.0.1", "2001:db8::2"]),
        port=st.sampled_from([0, 80]),
        realservers=ENTRIES,
        probe=PROBES,
    ),
    table(VirtualSection, name=NAMES, fwmark=st.just(1), realservers=ENTRIES, probe=PROBES),
    table(VirtualSection, tunnel=table(TunnelSection)),
)
WINDOWS = table(
    MaintenanceSection,
    name=NAMES,
    start=st.sampled_from(["0 2 * * sun", "* * * * *", "61 * * * *", "0 0 30 2 *"]) | SCALARS,
    duration=st.sampled_from(["1m", "2h", "31d"]) | SCALARS,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Nowhere", "../etc"]) | SCALARS,
    virtuals=st.lists(NAMES, max_size=2),
)
FILES = st.fixed_dictionaries(
    {
        "realserver": st.lists(
            table(RealserverSection, name=NAMES, address=st.sampled_from(["10.1.0.11", "2001:db8::1"])), max_size=3
        )
        | SCALARS,
        "virtual": st.lists(VIRTUALS, max_size=3) | SCALARS,
    },
    optional={
        "director": table(DirectorSection) | SCALARS,
        "history": table(HistorySection) | SCALARS,
        "maintenance": st.lists(WINDOWS, max_size=2) | SCALARS,
        "control": table(ControlSection) | SCALARS,
        "defaults": table(DefaultsSection) | SCALARS,
        "x": SCALARS,
    },
)


def attempt(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lvsmon.toml")
        path.write_bytes(content)
        with contextlib.suppress(ConfigError):
            assert load(path).virtuals


@settings(max_examples=300)
@given(FILES)
def test_any_structure_is_a_plan_or_a_config_error(data):
    attempt(tomlkit.dumps(data).encode())


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(st.sampled_from("[]{}=.\"'\n# ax1-"), max_size=60).map(str.encode))
def test_any_bytes_are_a_plan_or_a_config_error(content):
    attempt(content)
