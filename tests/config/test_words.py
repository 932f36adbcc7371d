"""Settings as words of a command line: read as the setting wants them, refused in the words of the configuration."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.plugin_kinds import EchoProbe, Mode
from lvsmon.config.guessed import GUESSED, KINDS
from lvsmon.config.kinds import builtin
from lvsmon.config.words import read
from lvsmon.errors import ConfigError
from lvsmon.model.patterns import Regex
from lvsmon.probes import BUILTIN
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.tcp import TcpProbe


@pytest.mark.parametrize(
    ("kind", "words", "probe"),
    [
        ("tcp", [], TcpProbe()),
        (
            "tcp",
            ["send=PING\\r\\n", "expect=^PONG", "max_read=1kB"],
            TcpProbe(send=b"PING\r\n", expect=Regex(b"^PONG"), max_read=1000),
        ),
        ("tcp", ["expect=200"], TcpProbe(expect=Regex(b"200"))),
        ("tcp", ["expect=true"], TcpProbe(expect=Regex(b"true"))),
        ("tcp", ["expect=a=b"], TcpProbe(expect=Regex(b"a=b"))),
        ("tcp", ["expect=2024-01-01"], TcpProbe(expect=Regex(b"2024-01-01"))),
        ("tcp", ['expect="quoted"'], TcpProbe(expect=Regex(b"quoted"))),
        ("tcp", ["expect=a, b"], TcpProbe(expect=Regex(b"a, b"))),
        ("http", ["path=/health", "version=1.0"], HttpProbe(path="/health", version="1.0")),
        ("http", ["user_agent="], HttpProbe(user_agent="")),
        ("http", ["headers.Accept=text/html", "headers.X-N=1"], HttpProbe(headers={"Accept": "text/html", "X-N": "1"})),
        ("http", ["headers={Accept='text/html'}"], HttpProbe(headers={"Accept": "text/html"})),
        ("echo", ["codes=200"], EchoProbe(codes=(200,))),
        ("echo", ["codes=200, 204"], EchoProbe(codes=(200, 204))),
        ("echo", ["codes=[200,204]"], EchoProbe(codes=(200, 204))),
        ("echo", ["names=1,b"], EchoProbe(names=frozenset({"1", "b"}))),
        (
            "echo",
            ["mode=slow", "ratio=2", "strict=false", "wait=1m"],
            EchoProbe(mode=Mode.SLOW, ratio=2.0, strict=False, wait=60.0),
        ),
    ],
)
def test_a_word_means_what_its_setting_wants(kind, words, probe):
    order = read(kind, words)
    assert (probe, 5.0, ()) == (order.probe, order.aim.timeout, order.exposed)


def test_statuses_are_a_list_where_commas_part_them():
    status = read("http", ["status=200,300-302"]).probe.status
    assert [200, 302] == [number for number in (200, 204, 302, 303) if number in status]


def test_what_every_kind_takes():
    aim = read("http", ["hostname=shop.example.org", "vip=192.0.2.10", "vport=8443", "port=81", "timeout=250ms"]).aim
    assert ("shop.example.org", "192.0.2.10", 8443, 81, 0.25) == (
        aim.hostname,
        aim.vip,
        aim.vport,
        aim.port,
        aim.timeout,
    )


def test_the_host_name_that_is_probed_is_the_clients_unless_a_word_says_otherwise():
    assert "a.example.org" == read("telnet", ["expect_hostname=true"], "a.example.org").aim.hostname
    assert "b.example.org" == read("telnet", ["hostname=b.example.org"], "a.example.org").aim.hostname


def test_secrets_on_the_command_line_are_exposed_and_others_are_not(tmp_path, monkeypatch):
    """A relative secret file starts at the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "from the environment")
    Path("secret").write_text("from a file\n")
    Path("secret").chmod(0o600)
    found = [read("login", [word]) for word in ("password=1234", "password_file=secret", "password_env=WORD")]
    assert ["1234", "from a file", "from the environment"] == [order.probe.password.reveal() for order in found]
    assert [("password",), (), ()] == [order.exposed for order in found]


def complaints(kind, *words):
    with pytest.raises(ConfigError) as caught:
        read(kind, words)
    return sorted(str(complaint).removeprefix(": ") for complaint in caught.value.complaints)


@pytest.mark.parametrize(
    ("kind", "words", "message"),
    [
        ("htpp", [], 'unknown kind "htpp"; did you mean "http"?'),
        ("http", ["pth=/"], 'pth: unknown key; did you mean "path"?'),
        ("http", ["max_body=5"], 'max_body: write a size with its unit (B, kB, KiB, MB, MiB), such as "64KiB", not 5'),
        (
            "http",
            ["status=999"],
            'status: write a status from 100 to 599, a range such as "200-299", or a list of them, not 999',
        ),
        (
            "http",
            ["method=get"],
            (
                'method: write one of "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", not "get"; '
                'did you mean "GET"?'
            ),
        ),
        (
            "http",
            ["timeout=5"],
            'timeout: write a duration with its unit (ms, s, m, h, d), such as "2s" or "1h30m", not 5',
        ),
        (
            "http",
            ["hostname=http://x/"],
            'hostname: write the bare host name that clients use, such as "shop.example.org", not "http://x/"',
        ),
        ("http", ["vport=0"], "vport: write a number of at least 1, not 0"),
        ("http", ["status=200", "status=204"], "status: is given twice: write it once, a list as status=a,b"),
        ("http", ["headers.A=1", "headers={B='2'}"], "headers: is given twice: write it once, a list as headers=a,b"),
        ("http", ["path"], '"path": write a setting as key=value, for example path=…'),
        ("http", ["host=a\udcff"], '"host=a\\udcff": is not UTF-8: write such bytes as escapes, \\xNN'),
        ("http", ["ho\udcffst=a"], '"ho\\udcffst=a": is not UTF-8: write such bytes as escapes, \\xNN'),
        ("http", ["=x"], '"=x": write a setting as key=value'),
        ("http", ["kind=tcp"], "kind: the kind stands before the address: leave this out"),
        *(
            ("http", [f"{key}=2"], f"{key}: has no meaning for one run by hand: leave it out")
            for key in ("interval", "fast_interval", "down_interval", "rise", "fall", "votes")
        ),
        ("http", ["colour=red"], "colour: unknown key; `lvsmon probe http --help` lists what there is"),
        ("http", ["url=/x"], 'url: unknown key; did you mean "path"?'),
        ("http", ["receive=x"], 'receive: unknown key; did you mean "expect"?'),
        ("https", ["sni=x"], 'sni: unknown key; did you mean "tls_sni"?'),
        ("ldap", ["user=x"], 'user: unknown key; did you mean "bind_dn"?'),
        ("dns", ["zone=x", "name=x"], 'zone: unknown key; did you mean "name"?'),
        ("udp", ["retry=3"], 'retry: unknown key; did you mean "retries"?'),
        ("telnet", ["prompt=x"], 'prompt: unknown key; did you mean "expect"?'),
        ("https", ["name=x"], 'name: unknown key; did you mean "tls_name"?'),
        ("nfs", ["nlm=true"], 'nlm: unknown key; did you mean "lock_manager"?'),
        ("self-report", [], 'unknown kind "self-report"; did you mean "agent"?'),
        ("icmp", [], 'unknown kind "icmp"; did you mean "ping"?'),
        ("nagios", [], 'unknown kind "nagios"; did you mean "exec" with style = "nagios"?'),
        ("LDAPS", [], 'unknown kind "LDAPS"; did you mean "ldap" with tls = "implicit"?'),
        ("http", ["username=a"], "username and password: give both or none"),
        ("tcp", ["expect=("], "expect: not a regular expression: missing ), unterminated subpattern at position 0"),
        ("tcp", ["expect="], "expect: '' matches even the empty text, so the probe can never fail"),
        ("telnet", ["expect_hostname"], '"expect_hostname": write a setting as key=value, expect_hostname=true'),
        (
            "telnet",
            ["expect_hostname=true"],
            (
                "hostname: missing: this probe needs the name that clients use;"
                " write for example hostname=shop.example.org"
            ),
        ),
        ("login", [], "password: missing: write password_file, password_env or password"),
        ("echo", ["codes=a"], 'codes: write a list in square brackets, not "a"'),
        (
            "bare",
            [],
            (
                "the plug-in config.plugin_kinds:NoDataclass cannot be used:"
                ' its class is not a dataclass whose kind is "bare"'
            ),
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write_instead(kind, words, message):
    assert [message] == complaints(kind, *words)


def test_everything_wrong_is_told_at_once():
    found = complaints("http", "pth=/", "status=999", "vip=x", "interval=1s", "odd")
    assert ["odd", "interval", "pth", "status", "vip"] == [re.sub(r"\W", "", one.partition(":")[0]) for one in found]


@given(
    st.sampled_from(["tcp", "http", "telnet", "echo", "login"]),
    st.lists(st.text(max_size=30) | st.from_regex(r"\A[a-z_]{1,14}=.{0,20}\Z"), max_size=4),
)
def test_any_words_make_a_probe_or_a_complaint(kind, words):
    try:
        order = read(kind, words)
    except ConfigError:
        return
    assert order.probe.kind == kind


def test_every_guess_at_a_kind_leads_to_one_that_there_is():
    for word, ours in KINDS.items():
        kind, *setting = re.findall(r"[\w.]+", ours.replace(" with ", " "))
        assert (kind in BUILTIN, word in BUILTIN) == (True, False), word
        if setting:
            read(kind, ["=".join(setting)] + (["command=/bin/true"] if kind == "exec" else []))


def test_every_guess_at_a_setting_leads_to_one_that_some_kind_has():
    """A setting that is renamed must not leave a "did you mean" of what is no more."""
    kinds = [set(builtin(name).section.model_fields) for name in BUILTIN]
    for word, settings in GUESSED.items():
        for setting in settings:
            assert any(setting in known and word not in known for known in kinds), (word, setting)
