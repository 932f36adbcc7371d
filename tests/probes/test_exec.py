"""exec: what a program is given, and what its end means in each style."""

import pytest

from lvsmon.errors import LocalFault
from lvsmon.model import Reason, Target, Verdict, Weight
from lvsmon.net.program_settings import PATH
from lvsmon.net.programs import Ended
from lvsmon.net.shared import Shared
from lvsmon.probes.base import aim
from lvsmon.probes.exec import ExecProbe
from lvsmon.testing.network import Hang, ScriptedClock, ScriptedConnector, run_scripted

TARGET = Target(address="10.1.0.11", port=443, hostname="www.example.org", vip="192.0.2.10", vport=8443)
UNNAMED = Target(address="fd00::11", port=80)


def _run(ended, *, target=TARGET, command=("/usr/bin/look",), **settings):
    connector = ScriptedConnector(ended)
    return run_scripted(ExecProbe(command=command, **settings), target, connector), connector.asked[0]


def _verdict(code=None, *, style="exec", output=b"", errors=b"", **settings):
    outcome, _ = _run(Ended(code=code, output=output, errors=errors), style=style, **settings)
    return outcome.verdict, outcome.reason


@pytest.mark.parametrize(
    ("code", "verdict", "reason"),
    [
        (0, Verdict.PASS, Reason.OK),
        (1, Verdict.FAIL, Reason.REJECTED),
        (2, Verdict.FAIL, Reason.REJECTED),
        (255, Verdict.FAIL, Reason.REJECTED),
        (126, Verdict.UNKNOWN, Reason.MISSING_PROGRAM),
        (127, Verdict.UNKNOWN, Reason.MISSING_PROGRAM),
    ],
)
def test_exit_codes(code, verdict, reason):
    assert (verdict, reason) == _verdict(code)


def test_exit_codes_as_they_are_set():
    codes = {"pass_codes": (0, 7), "warn_codes": (1,), "unknown_codes": (3,)}
    seen = {code: _verdict(code, **codes)[0] for code in (0, 7, 1, 3, 2, 127)}
    wanted = {0: "PASS", 7: "PASS", 1: "WARN", 3: "UNKNOWN", 2: "FAIL", 127: "FAIL"}
    assert wanted == {code: str(verdict) for code, verdict in seen.items()}


@pytest.mark.parametrize(
    ("code", "verdict", "weight"),
    [
        (0, Verdict.PASS, None),
        (1, Verdict.FAIL, None),
        (2, Verdict.PASS, Weight(0)),
        (3, Verdict.PASS, Weight(1)),
        (127, Verdict.PASS, Weight(125)),
        (255, Verdict.PASS, Weight(253)),
    ],
)
def test_exit_codes_as_weights(code, verdict, weight):
    """keepalived's misc_dynamic (keepalived.conf(5), MISC_CHECK)."""
    outcome, _ = _run(Ended(code=code), weight_codes=True)
    assert (verdict, weight) == (outcome.verdict, outcome.weight)


@pytest.mark.parametrize(
    ("code", "verdict", "reason"),
    [
        (0, Verdict.PASS, Reason.OK),
        (1, Verdict.WARN, Reason.DEGRADED),
        (2, Verdict.FAIL, Reason.REJECTED),
        (3, Verdict.UNKNOWN, Reason.LOCAL_FAULT),
        (4, Verdict.UNKNOWN, Reason.LOCAL_FAULT),
        (127, Verdict.UNKNOWN, Reason.MISSING_PROGRAM),
        (255, Verdict.UNKNOWN, Reason.LOCAL_FAULT),
    ],
)
def test_plugins(code, verdict, reason):
    assert (verdict, reason) == _verdict(code, style="nagios", output=b"TEXT")


@pytest.mark.parametrize("style", ["exec", "mon", "nagios"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [("SIGKILL", Reason.LOCAL_FAULT), ("SIGSEGV", Reason.LOCAL_FAULT), ("SIGXCPU", Reason.LOCAL_RESOURCES)],
)
def test_killed_by_a_signal_is_never_success_nor_the_realservers_fault(style, name, reason):
    """Trap 18: mon takes it for success."""
    outcome, _ = _run(Ended(signal=name, output=b"OK"), style=style)
    assert (Verdict.UNKNOWN, reason) == (outcome.verdict, outcome.reason)
    assert name in outcome.detail


@pytest.mark.parametrize("style", ["exec", "mon", "nagios"])
@pytest.mark.parametrize(
    "said",
    [
        b"Can't locate Net/Telnet.pm in @INC (you may need to install the Net::Telnet module)",
        b"check_x: error while loading shared libraries: libfoo.so.1: cannot open shared object file",
        b"ModuleNotFoundError: No module named 'requests'",
    ],
)
def test_a_program_that_lacks_a_part_of_itself_is_the_directors_trouble(style, said):
    assert (Verdict.UNKNOWN, Reason.MISSING_PROGRAM) == _verdict(2, style=style, errors=said)
    assert (Verdict.UNKNOWN, Reason.MISSING_PROGRAM) == _verdict(2, style=style, output=said)


@pytest.mark.parametrize(
    "said",
    [
        b"Traceback (most recent call last):\n  x\nMemoryError", b"Out of memory!",
        b"OSError: [Errno 24] Too many open files: 'x'", b"sh: 1: Cannot fork",
        b"bash: fork: retry: Resource temporarily unavailable",
    ],
)  # fmt: skip
def test_a_program_that_meets_a_limit_of_ours_is_the_directors_trouble(said):
    assert (Verdict.UNKNOWN, Reason.LOCAL_RESOURCES) == _verdict(1, errors=said)
    assert Verdict.FAIL is _verdict(1, output=said)[0], "what it says on stdout may be the realserver's state"
    assert Verdict.PASS is _verdict(0, errors=said)[0]


def test_performance_data_become_facts():
    outcome, _ = _run(Ended(code=0, output=b"HTTP OK: 200|time=0.012s;1;2;0 size=612B load=5%\n"), style="nagios")
    assert "HTTP OK: 200" == outcome.detail
    assert (0.012, 612, 5) == tuple(outcome.facts[name] for name in ("time_s", "size_B", "load_percent"))


def test_a_plugin_that_says_nothing_is_told_by_its_errors():
    outcome, _ = _run(Ended(code=2, errors=b"no such host\nmore"), style="nagios")
    assert "no such host" == outcome.detail


def test_a_monitors_summary_and_detail():
    outcome, _ = _run(Ended(code=1, output=b"10.1.0.11\n\n10.1.0.11: refused\n"), style="mon")
    assert (Verdict.FAIL, "10.1.0.11", "10.1.0.11: refused") == (
        outcome.verdict, outcome.facts["summary"], outcome.facts["detail"],
    )  # fmt: skip
    outcome, _ = _run(Ended(code=0), style="mon")
    assert (Verdict.PASS, "(NO SUMMARY)") == (outcome.verdict, outcome.facts["summary"])
    assert Verdict.FAIL is _verdict(127, style="mon")[0]


def test_words_are_filled_in_and_no_shell_sees_them():
    command = ("/usr/bin/look", "-H", "{address}:{port}", "{hostname}@{vip}:{vport}", "{timeout}", "{{x}}", "$(id);")
    _, program = _run(Ended(code=0), command=command)
    assert ("10.1.0.11:443", "www.example.org@192.0.2.10:8443", "3", "{x}", "$(id);") == program.argv[2:]


def test_the_environment():
    """The realserver's facts, what is set, and nothing of lvsmon's own; a fact that there is not is no variable."""
    _, program = _run(Ended(code=0), environment={"COLOUR": "no {port}", "PATH": "/x"})
    assert {
        "PATH": "/x", "LC_ALL": "C.UTF-8", "LVSMON_ADDRESS": "10.1.0.11", "LVSMON_PORT": "443", "LVSMON_TIMEOUT": "3",
        "LVSMON_HOSTNAME": "www.example.org", "LVSMON_VIP": "192.0.2.10", "LVSMON_VPORT": "8443", "COLOUR": "no 443",
    } == program.environment  # fmt: skip
    _, program = _run(Ended(code=0), target=UNNAMED)
    assert {"PATH", "LC_ALL", "LVSMON_ADDRESS", "LVSMON_PORT", "LVSMON_TIMEOUT"} == set(program.environment)


def test_mon_gets_its_host_last_and_two_semicolons_stand_for_none():
    _, program = _run(Ended(code=0), style="mon", command=("telnet.monitor", "-p", "{port}"))
    assert ("telnet.monitor", "-p", "443", "10.1.0.11") == program.argv
    assert program.merge
    assert "/usr/lib/mon/mon.d" in program.search
    _, program = _run(Ended(code=0), style="mon", command=("x.monitor", "--all", ";;"))
    assert ("x.monitor", "--all") == program.argv
    assert ("www.example.org", "x") == (program.environment["MON_GROUP"], program.environment["MON_SERVICE"])
    assert PATH == program.environment["PATH"]


def test_mon_is_told_of_earlier_runs():
    """MON_LAST_* and MON_FIRST_* as mon sets them; what has not been is not set; troubles of ours change nothing."""
    shared, clock = Shared(), ScriptedClock(started=1000.0)
    told = []
    for ended in (
        Ended(code=0, output=b"fine"),
        Ended(code=1, output=b"host1\nrefused"),
        Ended(code=1, output=b"host1\nhung"),
        Ended(signal="SIGKILL"),
        Ended(code=0, output=b"fine"),
        Ended(code=0, output=b"fine"),
    ):
        connector = ScriptedConnector(ended)
        run_scripted(ExecProbe(command=("x",), style="mon"), TARGET, connector, clock=clock, shared=shared)
        mon = {key[4:]: value for key, value in connector.asked[0].environment.items() if key.startswith("MON_")}
        told.append({key: value for key, value in mon.items() if key not in {"GROUP", "SERVICE"}})
        clock.now += 10
    good = {"FIRST_SUCCESS": "1000", "LAST_SUCCESS": "1000"}
    bad = {"FIRST_FAILURE": "1010", "LAST_FAILURE": "1020"}
    assert [
        {},
        {"LAST_SUMMARY": "fine", "LAST_OUTPUT": "", **good},
        {"LAST_SUMMARY": "host1", "LAST_OUTPUT": "refused", **good, "FIRST_FAILURE": "1010", "LAST_FAILURE": "1010"},
        {"LAST_SUMMARY": "host1", "LAST_OUTPUT": "hung", **good, **bad},
        {"LAST_SUMMARY": "host1", "LAST_OUTPUT": "hung", **good, **bad},
        {"LAST_SUMMARY": "fine", "LAST_OUTPUT": "", **bad, "FIRST_SUCCESS": "1040", "LAST_SUCCESS": "1040"},
    ] == told


def test_one_identity_for_each_realserver_and_program():
    """The same in every run; another for another realserver, even where the words are the same."""
    (_, one), (_, again), (_, other) = _run(Ended(code=0)), _run(Ended(code=1)), _run(Ended(code=0), target=UNNAMED)
    assert one.identity == again.identity != other.identity


def test_a_program_that_hangs_misses_the_deadline():
    outcome, _ = _run(Hang())
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason)
    assert "still waiting for the end of /usr/bin/look" in outcome.detail


@pytest.mark.parametrize("reason", [Reason.MISSING_PROGRAM, Reason.LOCAL_PERMISSION, Reason.LOCAL_RESOURCES])
def test_a_program_that_cannot_be_started_is_the_directors_trouble(reason):
    outcome, _ = _run(LocalFault("/usr/bin/look cannot be started", reason))
    assert (Verdict.UNKNOWN, reason) == (outcome.verdict, outcome.reason)


def test_names_that_a_virtual_service_lacks_are_asked_for_at_load():
    with pytest.raises(ValueError, match="hostname"):
        aim(ExecProbe(command=("x", "{hostname}")), "10.1.0.11", 80, vip="192.0.2.1", vport=80)
    with pytest.raises(ValueError, match="has a fwmark"):
        aim(ExecProbe(command=("x",), environment={"A": "{vip}"}), "10.1.0.11", 80, hostname="www.example.org")
    target = aim(ExecProbe(command=("x",)), "10.1.0.11", 80, hostname="h.example.org", vip="192.0.2.1", vport=80)
    assert ("h.example.org", "192.0.2.1", 80) == (target.hostname, target.vip, target.vport)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"command": ()}, "command: write the program"),
        ({"command": ("",)}, "command: write the program"),
        ({"command": ("bin/x",)}, "write the whole path of bin/x"),
        ({"command": ("x", "{adress}")}, r'unknown placeholder "{adress}": there are {address}'),
        ({"command": ("{address}",)}, "cannot be a placeholder"),
        ({"command": ("x", "a\0b")}, "NUL"),
        ({"environment": {"A B": "x"}}, "cannot be the name of a variable"),
        ({"environment": {"A": "\0"}}, "the value of A holds a NUL"),
        ({"user": ""}, "user: write the name"),
        ({"directory": "tmp"}, "directory: write a whole path"),
        ({"umask": "99"}, "umask: write three octal digits"),
        ({"max_output": 0}, "max_output: write a size from 1B to 64KiB"),
        ({"max_output": 65537}, "max_output: write"),
        ({"max_cpu": 0.5}, "max_cpu: write a duration"),
        ({"max_memory": 1}, "max_memory: write a size"),
        ({"max_files": 0}, "max_files: write a number"),
        ({"max_processes": 0}, "max_processes: write a number"),
        ({"pass_codes": ()}, "can never pass"),
        ({"pass_codes": (256,)}, "from 0 to 255, not 256"),
        ({"pass_codes": (0, 1), "warn_codes": (1,)}, "warn_codes: 1 is in pass_codes too"),
        ({"pass_codes": tuple(range(256)), "unknown_codes": ()}, "can never fail"),
        ({"style": "mon", "pass_codes": (1,)}, 'pass_codes: leave it out: with style = "mon"'),
        ({"style": "nagios", "weight_codes": True}, "weight_codes: leave it out"),
        ({"weight_codes": True, "warn_codes": (1,)}, "warn_codes: leave it out: with weight_codes = true"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(ValueError, match=words):
        ExecProbe(**({"command": ("x",)} | settings))
