"""exec as a channel: what a program is given, what its end means, and that it never outlives its time."""

import asyncio
import json
import os
import stat
from dataclasses import replace

import pytest

from actions.json_strings import strings
from lvsmon.actions.exec import ExecChannel
from lvsmon.alerts.alert import Stage
from lvsmon.alerts.condition import Condition, Severity, Subject
from lvsmon.errors import ActionFailed
from lvsmon.testing.channel_conformance import (
    HOSTILE,
    Refusal,
    Taken,
    delivery_complaints,
    hostile_alert,
    memory_complaints,
    refusal_complaints,
    sample_alert,
    stall_complaints,
)

KEEP = """#!/bin/sh
{ printf '%s\\0' "$#" "$@"; env -0; printf '=\\0'; cat; printf '\\0'; } > "${0%/*}/taken"
"""


@pytest.fixture
def keeper(tmp_path):
    """A program that keeps what it was given, and the way to read it: (path, function)."""
    path = tmp_path / "keeper.alert"
    path.write_text(KEEP)
    path.chmod(stat.S_IRWXU)

    def given():
        parts = (tmp_path / "taken").read_bytes().decode().split("\0")
        count = int(parts[0])
        end = parts.index("=")
        environment = dict(one.partition("=")[::2] for one in parts[count + 1 : end])
        return parts[1 : count + 1], environment, "\0".join(parts[end + 1 : -1])

    return str(path), given


def deliver(alert, *command, **settings):
    asyncio.run(ExecChannel(command=command, allow_writable=True, **settings).deliver(alert))


def test_a_program_is_given_words_variables_and_json(keeper):
    path, given = keeper
    alert = sample_alert(7)
    deliver(
        alert, path, "{severity}", "-m", "{subject}: {{{virtual}/{realserver} {destination}}}",
        environment={"WHERE": "{director}", "LVSMON_ROUTE": "mine"},
    )  # fmt: skip
    argv, environment, stdin = given()
    assert ["down", "-m", "[DOWN] shop rs2: {shop/rs2 10.1.0.12:443}"] == argv
    wanted = {
        "LVSMON_ID": "alert-7", "LVSMON_INCIDENT": "incident-7", "LVSMON_STAGE": "opened", "LVSMON_SEVERITY": "down",
        "LVSMON_ROUTE": "mine", "LVSMON_SUBJECT": alert.subject, "LVSMON_TEXT": alert.text, "LVSMON_NUMBER": "1",
        "LVSMON_DIRECTOR": "director1.example.org", "LVSMON_VIRTUAL": "shop", "LVSMON_REALSERVER": "rs2",
        "LVSMON_DESTINATION": "10.1.0.12:443", "LVSMON_AT": "1700000060", "LVSMON_SINCE": "1700000000",
        "LVSMON_TIMEOUT": "30", "WHERE": "director1.example.org", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    assert wanted.items() <= environment.items()
    assert {"PATH", "PWD", "_", "SHLVL", "OLDPWD"} >= environment.keys() - wanted.keys()  # of lvsmon's own, nothing
    told = json.loads(stdin)
    assert (alert.id, alert.text, alert.at, 1) == (told["id"], told["text"], told["at"], told["version"])
    condition = told["conditions"][0]
    assert ("HTTP/1.1 503 Service Unavailable", {"status": 503}) == (condition["seen"], condition["facts"])
    assert list(alert.conditions[0].done) == condition["done"]


def test_exit_codes():
    """0 has taken it; 75 and all others are tried again, but those that are final."""

    def code(number, **settings):
        deliver(sample_alert(), "sh", "-c", f"echo why not >&2; exit {number}", **settings)

    code(0)
    code(3, ignore_codes=True)
    for number, final in ((75, False), (1, False), (127, False), (65, True)):
        with pytest.raises(ActionFailed, match=f"^sh exited with {number}: why not$") as caught:
            code(number, final_codes=(64, 65))
        assert final is caught.value.final


def test_a_signal_is_no_success_even_where_codes_are_ignored():
    with pytest.raises(ActionFailed, match=r"^sh was killed by SIGKILL$") as caught:
        deliver(sample_alert(), "sh", "-c", "kill -9 $$", ignore_codes=True)
    assert not caught.value.final


def test_a_program_that_is_not_there_may_be_there_next_time():
    with pytest.raises(ActionFailed, match=r"^/no/such cannot be started: no such file or directory$") as caught:
        deliver(sample_alert(), "/no/such")
    assert not caught.value.final


class Keeper:
    """What the conformance suite delivers to."""

    max_size = 2_000_000

    def __init__(self, path, given, **settings):
        self.channel = ExecChannel(command=(path, "{subject}", "{text}"), allow_writable=True, **settings)
        self._given = given

    async def taken(self, count):
        argv, environment, stdin = self._given()
        environment = {name: value for name, value in environment.items() if name.startswith(("LVSMON", "MON"))}
        if self.channel.style == "exec":
            told = json.loads(stdin)
            keys = sorted({*told, *told["conditions"][0]} if told["conditions"] else told)
            texts = list(strings(told))
        else:
            keys, texts = [], [*stdin.split("\n")]
            assert len(stdin.encode()) <= 4 * 65537
        return [Taken((len(argv), sorted(environment), keys), (*argv, *environment.values(), *texts))]


@pytest.mark.parametrize("style", ["exec", "mon"])
def test_the_conformance_suite(keeper, style):
    world = Keeper(*keeper, style=style)

    async def judged():
        return await delivery_complaints(world) + await memory_complaints(world)

    complaints = asyncio.run(judged())
    assert not complaints, "\n".join(complaints)


def test_refusals():
    def saying(words, code, **settings):
        return ExecChannel(command=("sh", "-c", f"{words}; exit {code}"), **settings)

    long = "head -c 10000 /dev/zero | tr '\\0' x"
    refusals = {
        "temporary": Refusal(saying("echo later", 75), False, "later"),
        "final": Refusal(saying("echo never >&2", 3, final_codes=(3,)), True, "never"),
        "control characters": Refusal(saying("printf '\\033[2J\\rno\\n'", 1), False, "\\x1b[2J\\rno"),
        "a long line": Refusal(saying(long, 1), False, "xxx"),
        "no such user": Refusal(ExecChannel(command=("true",), user="no-such-user-0"), False, "no-such-user-0"),
    }
    complaints = asyncio.run(refusal_complaints(refusals))
    assert not complaints, "\n".join(complaints)


def test_a_program_that_never_ends_is_ended(tmp_path):
    deaf = "trap '' TERM; while :; do sleep 1; done"
    stalls = {
        "asleep": ExecChannel(command=("sleep", "1000")),
        "deaf": ExecChannel(command=("sh", "-c", deaf)),
        "never reads": ExecChannel(command=("sh", "-c", "exec sleep 1000 < /dev/null")),
    }
    complaints = asyncio.run(stall_complaints(stalls))
    assert not complaints, "\n".join(complaints)


HOSTS = (
    Condition(
        severity=Severity.DOWN, subject=Subject("shop", "rs1", "10.1.0.11:443"), summary="https fails", seen="a\nb"
    ),
    Condition(
        severity=Severity.DOWN, subject=Subject("shop", "rs2", "10.1.0.12:443"), summary="tcp fails", left="0 of 2"
    ),
)
DETAIL = "https fails\n    a\\nb\ntcp fails\n    0 of 2\n"


def test_a_script_of_mons_is_called_as_mon_calls_it(keeper):
    path, given = keeper
    alert = replace(sample_alert(conditions=HOSTS), number=3)
    deliver(alert, path, "-f", "{director}", style="mon", environment={"MON_STATEDIR": "/var/lib/mon"})
    argv, environment, stdin = given()
    called = ["-s", "down", "-g", "shop", "-h", "rs1 rs2", "-t", "1700000060"]
    assert [*called, "-f", "director1.example.org"] == argv
    assert "rs1 rs2\n" + DETAIL == stdin
    assert {
        "MON_GROUP": "shop", "MON_SERVICE": "down", "MON_DESCRIPTION": "https fails", "MON_ALERTTYPE": "failure",
        "MON_RETVAL": "1", "MON_OPSTATUS": "0", "MON_LAST_SUMMARY": "rs1 rs2", "MON_FIRST_FAILURE": "1700000000",
        "MON_LAST_FAILURE": "1700000060", "MON_LAST_OUTPUT": DETAIL[:-1], "MON_STATEDIR": "/var/lib/mon",
    } == {name: value for name, value in environment.items() if name.startswith("MON_")}  # fmt: skip


def test_an_upalert_is_told_the_last_failing_output(keeper):
    path, given = keeper
    deliver(sample_alert(conditions=HOSTS, stage=Stage.RESOLVED), path, "-x", style="mon", alertevery=600.0)
    argv, environment, stdin = given()
    assert ["-t", "1700000060", "-l", "600", "-u", "-x"] == argv[6:]
    assert "rs1 rs2\n" + DETAIL == stdin
    assert ("up", "0", "1") == tuple(environment[f"MON_{name}"] for name in ("ALERTTYPE", "RETVAL", "OPSTATUS"))
    assert "1700000060" == environment["MON_FIRST_SUCCESS"] == environment["MON_LAST_SUCCESS"]
    assert "MON_LAST_FAILURE" not in environment


@pytest.mark.parametrize(
    ("stage", "options", "kind"),
    [
        (Stage.OPENED, [], "failure"),
        (Stage.CHANGED, [], "failure"),
        (Stage.REPEATED, [], "failure"),
        (Stage.ACKNOWLEDGED, ["-a"], "ack"),
        (Stage.RESOLVED, ["-u"], "up"),
        (Stage.DIGEST, [], "failure"),
        (Stage.HELD_BACK, [], "failure"),
        (Stage.TEST, [], "test"),
        (Stage.HEARTBEAT, [], "test"),
    ],
)
def test_stages_are_mons_types(keeper, stage, options, kind):
    path, given = keeper
    deliver(sample_alert(stage=stage), path, style="mon")
    argv, environment, _ = given()
    assert (options, kind) == (argv[8:], environment["MON_ALERTTYPE"])


def test_an_acknowledgement_says_who_and_why(keeper):
    path, given = keeper
    deliver(sample_alert(stage=Stage.ACKNOWLEDGED, text="ann: disk is on order"), path, style="mon")
    _, environment, stdin = given()
    assert "ann: disk is on order\n" == stdin
    assert "ann: disk is on order" == environment["MON_ACK"]


def test_group_and_service_are_set_or_follow_the_subject(keeper):
    path, given = keeper
    host = replace(HOSTS[0], subject=Subject(realserver="rs1"))
    for conditions, settings, wanted in (
        (HOSTS, {"group": "{virtual}-{route}", "service": "http"}, ["-s", "http", "-g", "shop-oncall"]),
        ((host,), {}, ["-s", "down", "-g", "rs1"]),
        ((), {}, ["-s", "down", "-g", "director1.example.org"]),
    ):
        deliver(sample_alert(conditions=conditions), path, style="mon", **settings)
        assert wanted == given()[0][:4]


def test_the_summary_holds_nothing_that_a_shell_understands(keeper):
    """qpage.alert hands the line to sh within single quotes; a mail's subject ends at a line end."""
    path, given = keeper
    for text in HOSTILE.values():
        deliver(hostile_alert(1, text), path, style="mon")
        argv, environment, stdin = given()
        for told in (stdin.partition("\n")[0], environment["MON_LAST_SUMMARY"], argv[argv.index("-h") + 1]):
            assert not set("'\"`$\\;&|<>*?!#~{}\r\0") & set(told)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"command": ()}, 'command: write the program and its arguments, such as ["/usr/local/bin/tell", "{subject}"]'),
        ({"command": ("./tell",)}, "command: write the whole path of ./tell, or its name alone"),
        ({"command": ("tell", "{address}")}, 'command: unknown placeholder "{address}": there are {id}, {incident}, '),
        ({"environment": {"A=B": ""}}, "environment: 'A=B' cannot be the name of a variable"),
        ({"final_codes": (0,)}, "final_codes: write exit codes from 1 to 255 but not 75, not 0"),
        ({"final_codes": (75,)}, "final_codes: write exit codes from 1 to 255 but not 75, not 75"),
        ({"final_codes": (1,), "ignore_codes": True}, "final_codes: with ignore_codes = true they decide nothing"),
        ({"group": "web"}, 'group: is told with style = "mon" only'),
        ({"alertevery": 60.0}, 'alertevery: is told with style = "mon" only'),
        ({"style": "mon", "service": ""}, "service: write a name, or leave it out"),
        ({"style": "mon", "service": "{x}"}, 'service: unknown placeholder "{x}"'),
        ({"style": "mon", "alertevery": 0.5}, "alertevery: write at least 1s"),
        ({"timeout": 0.0}, "timeout: write a duration from 100ms to 1h"),
        ({"user": ""}, "user: write the name of a user"),
        ({"max_output": 1 << 20}, "max_output: write a size from 1B to 64KiB"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ExecChannel(**{"command": ("tell",)} | settings)
    assert message in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it changes to another user")
def test_it_may_be_another_user(tmp_path):
    with pytest.raises(ActionFailed, match=r"exited with 1: nobody$"):
        deliver(sample_alert(), "sh", "-c", "id -un; cat > /dev/null; exit 1", user="nobody")
    path = tmp_path / "open"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o777)
    with pytest.raises(ActionFailed, match="others than root may change"):
        asyncio.run(ExecChannel(command=(str(path),)).deliver(sample_alert()))
