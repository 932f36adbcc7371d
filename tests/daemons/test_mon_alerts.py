"""The alert scripts of Debian's package mon, unchanged, called by the channel exec in mon's style.

sendmail is one that keeps what it is given: it stands where the scripts look for it in a mount namespace of the test's.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ALERTS = Path("/usr/lib/mon/alert.d")
SENDMAIL = Path("/usr/lib/sendmail")

DELIVER = """
import asyncio, json, sys
from dataclasses import replace
from lvsmon.actions.exec import ExecChannel
from lvsmon.alerts.alert import Stage
from lvsmon.errors import ActionFailed
from lvsmon.testing.channel_conformance import sample_alert

command, settings, stages = json.loads(sys.argv[1])
for stage in stages:
    alert = replace(sample_alert(), stage=Stage(stage))
    try:
        asyncio.run(ExecChannel(command=tuple(command), style="mon", **settings).deliver(alert))
    except ActionFailed as error:
        print(error)
"""
KEEP = """#!/bin/sh
{{ echo "called: ${{0##*/}} $*"; cat; echo; }} >> {taken}
"""
COVER = 'mount --bind "$0" "$1" && mount --bind "$2" /var/log/mon && shift 2 && exec "$@"'

OPENED, RESOLVED = "opened", "resolved"
DETAIL = """\
https fails
    HTTP/1.1 503 Service Unavailable
    1 of 2 destinations serve
    ipvsadm -e -t 192.0.2.10:443 -r 10.1.0.12:443 -g -w 0
"""
WHEN = "Tue Nov 14 22:14:20"


class World:
    def __init__(self, folder):
        self.taken = folder / "taken"
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.keeper = folder / "qpage"
        self.keeper.write_text(KEEP.format(taken=self.taken))
        self.keeper.chmod(0o755)

    def deliver(self, *command, stages=(OPENED, RESOLVED), **settings):
        """Deliver an alert in each stage; return what was kept, and what the channel told."""
        settings.setdefault("environment", {})["TZ"] = "UTC"
        asked = json.dumps([command, settings, stages])
        argv = [self.keeper, SENDMAIL.resolve(), self.logs, sys.executable, "-c", textwrap.dedent(DELIVER), asked]
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", COVER, *argv], capture_output=True, text=True, check=False, timeout=50
        )
        if "must be superuser" in done.stderr or "ermission denied" in done.stderr:
            pytest.skip(f"no mounts here: {done.stderr.splitlines()[-1]}")
        assert not done.stderr
        return self.taken.read_text() if self.taken.exists() else "", done.stdout


@pytest.fixture
def world(tmp_path):
    if not ALERTS.exists() or not SENDMAIL.exists():
        pytest.skip(
            "mon, or a sendmail to be covered, is not installed: run `make daemons` as root on a Debian machine"
        )
    if os.geteuid() != 0:
        pytest.skip("only root can cover /usr/lib/sendmail by another one: run the tests as root")
    return World(tmp_path)


def test_file_alert(world):
    """Each stage is one entry; the upalert repeats what had failed."""
    assert ("", "") == world.deliver(
        "file.alert", "-d", str(world.logs), "alerts", environment={"MON_DESCRIPTION": "The shop"}
    )
    entries = (world.logs / "alerts").read_text()
    made = [
        f"{kind} shop down 1700000060 ({WHEN}) rs2\nDESCR=The shop\nOPSTATUS={status}\n{DETAIL}.\n"
        for kind, status in (("failure", 0), ("up", 1))
    ]
    assert "".join(made) == entries


def test_mail_alert(world):
    taken, told = world.deliver(
        "mail.alert", "-f", "lvs@example.org", "ann@example.org", "bob@example.org", alertevery=600
    )
    assert not told
    down, up = taken.split("called: ")[1:]
    for mail, kind in ((down, "ALERT"), (up, "UPALERT")):
        head, _, body = mail.partition("\n\n")
        called, to, subject, mailer = head.splitlines()
        assert called.endswith(" -oi -t -f lvs@example.org -F lvs@example.org")
        assert "To: ann@example.org,bob@example.org" == to
        assert f"Subject: {kind} shop/down: rs2 ({WHEN})" == subject
        assert f"X-Mailer: {ALERTS}/mail.alert" == mailer
        assert "Group                 : shop\nService               : down\n" in body
        assert "Secs until next alert : 600\n" in body
        assert re.search(r"^Members\s+:\s+rs2$", body, re.MULTILINE)
        assert body.endswith(f"-------------------------------\n{DETAIL}\n")


def test_netpage_alert(world):
    taken, told = world.deliver("netpage.alert", "pager@example.org")
    assert not told
    subjects = [line for line in taken.splitlines() if line.startswith("Subject: ")]
    assert [f"Subject: {kind} shop/down: rs2 ({WHEN})" for kind in ("ALERT", "UPALERT")] == subjects
    assert 2 == taken.count(f"\n\n{DETAIL}\n")


def test_qpage_alert(world):
    """It hands the summary to a shell; the whole path of that is set, as mon's people set it."""
    path = {"PATH": f"{world.keeper.parent}:/usr/bin:/bin"}
    taken, told = world.deliver("qpage.alert", "ann", stages=(OPENED,), environment=path)
    assert not told
    assert f"called: qpage -p ann ALERT shop/down: rs2 ({WHEN})2" in taken
    taken, told = world.deliver("qpage.alert", "-v", "bob", stages=(RESOLVED,), environment=path)
    assert not told
    assert taken.endswith(f"called: qpage -p bob\nUPALERT shop/down: rs2 ({WHEN})\n{DETAIL}\n")


def test_test_alert(world):
    assert ("", "") == world.deliver("test.alert", "word", stages=(OPENED, RESOLVED, "acknowledged", "test"))
    lines = (world.logs / "test.alert.log").read_text().splitlines()
    called = "-s down -g shop -h rs2 -t 1700000060"
    assert [f"{called}{more} word" for more in ("", " -u", " -a", "")] == [line[line.index("-s") :] for line in lines]


def test_a_script_that_fails_is_tried_again_and_says_why(world):
    """mon would never tell; where scripts exit as they like, it is told to do as mon does."""
    assert ("", "irc.alert exited with 255: must supply server via -S\n") == world.deliver(
        "irc.alert", stages=(OPENED,)
    )
    assert ("", "") == world.deliver("irc.alert", stages=(OPENED,), ignore_codes=True)
