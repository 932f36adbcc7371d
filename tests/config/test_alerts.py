"""Channels and routes from the configuration: kinds of channels are read as kinds of probes are."""

from pathlib import Path

import pytest

from config.scripted_channel import ScriptedChannel
from lvsmon import actions
from lvsmon.alerts.condition import Severity
from lvsmon.alerts.period import Period
from lvsmon.alerts.route import After, GroupBy, Limit, Resolve, Route
from lvsmon.alerts.setup import Heartbeat
from lvsmon.config import load
from lvsmon.config.loading import load_all
from lvsmon.config.show import document
from lvsmon.errors import ConfigError
from lvsmon.model.settings import Secret
from lvsmon.windows import zone

BASE = """
[[realserver]]
name = "rs1"
address = "10.1.0.11"
tags = ["rack1"]

[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
realservers = ["rs1"]
tags = ["paying"]

[channel.mail]
kind = "scripted"
place = "somewhere"
password_env = "LVSMON_TEST_SECRET"
"""
ALERT = """
[[alert]]
name = "night"
to = ["mail"]
severities = ["down", "floor"]
virtuals = ["shop"]
realservers = ["rs1"]
tags = ["rack1", "paying"]
when = "hr {10pm-6am}"
unless = "* * * * sun"
timezone = "Europe/Berlin"
after = 5
every = "1h"
max = 4
resolve = "always"
resolve_after = "10m"
acknowledgements = false
group_by = "realserver"
group_wait = "30s"
digest = ["08:00", "18:30"]
limit = "20 in 30m"
stop = true
subject = "{{ severity }}"

[heartbeat]
to = ["mail"]

[delivery]
life = "2d"
"""


@pytest.fixture(autouse=True)
def _scripted(monkeypatch):
    monkeypatch.setitem(actions.CHANNELS, "scripted", "config.scripted_channel:ScriptedChannel")
    monkeypatch.setenv("LVSMON_TEST_SECRET", "hunter2")


def written(folder, *texts):
    main, *drop_ins = texts
    (folder / "lvsmon.toml").write_text(main)
    (folder / "monitors.d").mkdir(exist_ok=True)
    for number, text in enumerate(drop_ins):
        (folder / "monitors.d" / f"{number}.toml").write_text(text)
    return Path(folder, "lvsmon.toml")


def test_every_key_means_what_the_page_says(tmp_path):
    setup = load(written(tmp_path, BASE + ALERT)).alerting
    assert setup.channels == {"mail": ScriptedChannel(place="somewhere", password=Secret("hunter2"))}
    assert setup.heartbeat == Heartbeat(to=("mail",), every=60.0)
    assert setup.life == 2 * 86400.0
    assert setup.routes == (
        Route(
            name="night",
            to=("mail",),
            severities=frozenset({Severity.DOWN, Severity.FLOOR}),
            virtuals=frozenset({"shop"}),
            realservers=frozenset({"rs1"}),
            tags=frozenset({"rack1", "paying"}),
            when=Period.parse("hr {10pm-6am}"),
            unless=Period.parse("* * * * sun"),
            zone=zone("Europe/Berlin"),
            after=After(failures=5),
            every=3600.0,
            most=4,
            resolve=Resolve.ALWAYS,
            resolve_after=600.0,
            acknowledgements=False,
            group_by=GroupBy.REALSERVER,
            group_wait=30.0,
            digest=(480, 1110),
            limit=Limit(20, 1800.0),
            stop=True,
            subject="{{ severity }}",
        ),
    )


def test_what_is_not_written_is_as_the_route_has_it(tmp_path):
    setup = load(written(tmp_path, BASE + '[[alert]]\nname = "all"\nto = ["mail"]\nlimit = "off"\n')).alerting
    assert setup.routes == (Route(name="all", to=("mail",), limit=None),)


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        BASE + ALERT,
        BASE + '[[alert]]\nname = "all"\nto = ["mail"]\nresolve = false\nafter = "30 in 1h"\n',
    ],
)
def test_what_is_shown_loads_as_the_same_and_shows_no_secret(tmp_path, text):
    import tomlkit

    path = written(tmp_path, text)
    shown = tomlkit.dumps(document(load_all(path)))
    assert "hunter2" not in shown
    before = load(path)
    assert load(written(tmp_path, shown)).alerting == before.alerting


def test_two_files_cannot_have_a_channel_of_one_name(tmp_path):
    other = '[channel.mail]\nkind = "scripted"\nplace = "elsewhere"\n'
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, BASE, other))
    assert "the name is taken by another channel at" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('place = "nowhere"', "channel.mail.place: write somewhere"),
        ("", "channel.mail.place: missing"),
        ('place = "x"\npalce = "y"', 'unknown key; did you mean "place"?'),
        ('place = "x"\npassword = "a"\npassword_env = "B"', "write only one of password, password_file, password_env"),
        ('place = "x"\npassword_file = "absent"', "channel.mail.password_file"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_at_its_key(tmp_path, text, says):
    bad = BASE.partition("[channel.mail]")[0] + f'[channel.mail]\nkind = "scripted"\n{text}\n'
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, bad))
    assert says in str(caught.value)
