"""snmptrap against a real snmptrapd, which reads the MIB of docs/alerts and writes what it took into a file."""

import asyncio
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from daemons.conftest import HOSTS, eventually, free_port
from lvsmon.actions.places import Place
from lvsmon.actions.snmptrap import NOTIFICATIONS, SnmptrapChannel
from lvsmon.alerts.alert import Stage
from lvsmon.errors import ActionFailed
from lvsmon.model.settings import Secret
from lvsmon.testing.channel_conformance import HOSTILE, hostile_alert, sample_alert

MIB = Path(__file__).parents[2] / "docs/alerts/LVSMON-MIB.txt"
CONFIG = "authCommunity log lvsmon\ndisableAuthorization no\nformat2 TRAP:%V|%v\\n\n"
STANDARD = {
    "SNMPv2-SMI": """org OBJECT IDENTIFIER ::= { iso 3 }
dod OBJECT IDENTIFIER ::= { org 6 }
internet OBJECT IDENTIFIER ::= { dod 1 }
private OBJECT IDENTIFIER ::= { internet 4 }
enterprises OBJECT IDENTIFIER ::= { private 1 }""",
    "SNMPv2-TC": 'DateAndTime ::= TEXTUAL-CONVENTION\nDISPLAY-HINT "2d-1d-1d,1d:1d:1d.1d,1a1d:1d"\nSTATUS current\n'
    'DESCRIPTION ""\nSYNTAX OCTET STRING (SIZE (8 | 11))',
    "SNMP-FRAMEWORK-MIB": 'SnmpAdminString ::= TEXTUAL-CONVENTION\nDISPLAY-HINT "255t"\nSTATUS current\n'
    'DESCRIPTION ""\nSYNTAX OCTET STRING (SIZE (0..255))',
    "SNMPv2-CONF": "",
}
"""As much of the standard MIBs as ours needs: Debian's packages have none, for they are not free."""


class Snmptrapd:
    def __init__(self, start, folder):
        self.port = free_port()
        (folder / "mibs").mkdir()
        for name, text in STANDARD.items():
            (folder / "mibs" / f"{name}.txt").write_text(f"{name} DEFINITIONS ::= BEGIN\n{text}\nEND\n")
        shutil.copy(MIB, folder / "mibs")
        self._log = folder / "traps"
        self.daemon = start(
            "snmptrapd", "-f", "-C", "-c", "{directory}/snmptrapd.conf", "-Lf", "{directory}/traps", "-n",
            "-M", "{directory}/mibs", "-m", "LVSMON-MIB", "-p", "{directory}/pid",
            f"udp:127.0.0.1:{self.port}", f"udp6:[::1]:{self.port}",
            files={"snmptrapd.conf": CONFIG}, directory=folder, env={"SNMP_PERSISTENT_DIR": str(folder)},
        )  # fmt: skip
        eventually(self._ready, bool)

    def _ready(self):
        assert self.daemon.process.poll() is None, self.daemon.log()
        return self._log.exists() and "NET-SNMP version" in self._log.read_text()

    def channel(self, host="127.0.0.1", **settings):
        settings = {"server": Place(host, self.port), "community": Secret("lvsmon")} | settings
        return SnmptrapChannel(**settings)

    def taken(self, mark):
        """Return what was taken with ``mark`` in it: for each notification its variables by the names of the MIB."""
        found = []
        for trap in self._log.read_bytes().decode("utf-8", "backslashreplace").split("TRAP:")[1:]:
            named = dict(one.split(" = ", 1) for one in trap.strip().split("|") if " = " in one)
            if mark in trap:
                found.append(named)
        return found

    def log(self):
        return self._log.read_text(errors="replace")


@pytest.fixture(scope="module")
def snmptrapd(start, tmp_path_factory):
    return Snmptrapd(start, tmp_path_factory.mktemp("snmptrapd"))


def deliver(channel, alert):
    asyncio.run(channel.deliver(alert))


@pytest.mark.parametrize("host", HOSTS)
def test_an_inform_is_taken_and_acknowledged(snmptrapd, host):
    """Once, however the network repeats; and the MIB of the documentation names everything."""
    alert = sample_alert(f"inform to {host}")
    deliver(snmptrapd.channel(host), alert)
    (taken,) = snmptrapd.taken(alert.id)
    plain = {name.removeprefix("LVSMON-MIB::"): value for name, value in taken.items()}
    assert "OID: LVSMON-MIB::lvsmonOpenedNotification" in taken.values()
    assert f"STRING: {alert.text}" == plain["lvsmonText.0"]
    assert {
        "lvsmonStage.0": "opened", "lvsmonSeverity.0": "down", "lvsmonVirtual.0": "shop", "lvsmonRealserver.0": "rs2",
        "lvsmonDestination.0": "10.1.0.12:443", "lvsmonSubject.0": "[DOWN] shop rs2",
    } == {
        name: value.removeprefix("STRING: ").strip('"')
        for name, value in plain.items()
        if re.fullmatch(r"lvsmon(Stage|Severity|Virtual|Realserver|Destination|Subject)\.0", name)
    }, taken  # fmt: skip
    assert plain["lvsmonSince.0"].endswith("2023-11-14,22:13:20.0,+0:0")


@pytest.mark.parametrize("stage", Stage)
def test_each_stage_is_a_notification_of_its_own(snmptrapd, stage):
    alert = replace(sample_alert(f"stage {stage}"), stage=stage)
    deliver(snmptrapd.channel(), alert)
    (taken,) = snmptrapd.taken(alert.id)
    name = "".join(part.capitalize() for part in stage.split("_"))
    assert f"lvsmon{name}Notification" in str(taken)
    assert len(NOTIFICATIONS) == len(Stage)


def test_a_trap_is_taken(snmptrapd):
    alert = sample_alert("a trap")
    deliver(snmptrapd.channel(inform=False), alert)
    eventually(lambda: snmptrapd.taken(alert.id), bool)
    assert 1 == len(snmptrapd.taken(alert.id))


def test_a_wrong_community_is_not_acknowledged(snmptrapd):
    alert = sample_alert("wrong community")
    with pytest.raises(ActionFailed, match="does not acknowledge it"):
        deliver(snmptrapd.channel(community=Secret("wrong"), timeout=0.5), alert)
    assert not snmptrapd.taken(alert.id)


def test_hostile_texts_are_taken(snmptrapd):
    for number, text in enumerate(HOSTILE.values()):
        alert = replace(hostile_alert(number, text), id=f"hostile {number}.")
        deliver(snmptrapd.channel(), alert)
        assert 1 == snmptrapd.log().count(alert.id)


def test_a_receiver_that_stands_still_takes_it_later(start, tmp_path):
    """It has not acknowledged it, so it is tried again; one that is gone is known at once."""
    one = Snmptrapd(start, tmp_path)
    alert = sample_alert("stopped")
    one.daemon.stop()
    with pytest.raises(ActionFailed, match="does not acknowledge it"):
        deliver(one.channel(timeout=0.3), alert)
    one.daemon.signal_all(signal.SIGCONT)
    deliver(one.channel(), alert)
    assert one.taken(alert.id)
    one.daemon.end()
    with pytest.raises(ActionFailed, match="connection refused"):
        deliver(one.channel(), alert)
