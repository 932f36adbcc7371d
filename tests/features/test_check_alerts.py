"""Runs of `lvsmon check --alert` as cron makes them: processes, a real mail server, a script of mon's, kill -9."""

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import pytest

from actions.mail_server import Mailbox, mail_server
from daemon_process import DaemonProcess, Realserver, configuration, web
from probe_support import lvsmon

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/reference/check.md"
SCRIPT = '#!/bin/sh\nread -r summary\necho "$6 $MON_ALERTTYPE $summary" >> {book}\n'
CHANNELS = """
[channel.mail]
kind = "email"
to = ["ann@example.org"]
relays = ["127.0.0.1:{port}"]
[channel.mon]
kind = "exec"
style = "mon"
command = ["{script}"]
[[alert]]
name = "all"
to = ["mail", "mon"]
"""


class Slow(Mailbox):
    """A mailbox that takes its time for the next mail, where it is told to."""

    def __init__(self):
        super().__init__()
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  aiosmtpd's name
        self.asked.set()
        await self.go_on.wait()
        return await super().handle_DATA(server, session, envelope)


class Cron:
    """Runs the line for cron that docs/reference/check.md shows."""

    def __init__(self, path):
        (line,) = re.findall(r"^\* \* \* \* \* root lvsmon check (.*--alert.*)$", PAGE.read_text(), re.MULTILINE)
        self.words = ["--config", str(path), *line.replace("/run/", f"{path.parent}/").split()]

    async def start(self):
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lvsmon", "check", *self.words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def runs(self, count):
        """Return the last exit status; cron mails what is printed, so nothing is."""
        for _ in range(count):
            process = await self.start()
            printed, _ = await process.communicate()
            assert printed == b""
        return process.returncode


def told(mailbox):
    """Return what the mails are about, each once: one that a kill cut off comes again under the same id."""
    return list({mail["Message-ID"]: mail["Subject"].split(": ")[0].split("] ")[1] for mail in mailbox.mails}.values())


def test_a_realserver_that_dies_and_comes_back_is_two_mails_and_two_calls_of_a_script_also_over_kill_9(tmp_path):
    """Killed while it delivers: the next run delivers what was under way, and the one after it nothing more."""
    book, script = tmp_path / "book", tmp_path / "page.alert"
    script.write_text(SCRIPT.format(book=book))
    script.chmod(0o755)

    async def scenario():
        realserver, mailbox = Realserver(), Slow()
        async with mail_server(mailbox) as port:
            path = configuration(tmp_path, main=CHANNELS.format(port=port, script=script), virtual=web(realserver))
            cron = Cron(path)
            assert await cron.runs(1) == 0
            realserver.stop()
            assert await cron.runs(1) == 1
            assert (mailbox.mails, book.exists()) == ([], False)
            mailbox.go_on.clear()
            process = await cron.start()
            await mailbox.asked.wait()
            process.send_signal(signal.SIGKILL)
            await process.communicate()
            mailbox.go_on.set()
            assert await cron.runs(2) == 1
            name = f"rs1 (127.0.0.1:{realserver.port}) of web is DOWN"
            assert told(mailbox) == [name]
            assert 1 <= len(mailbox.mails) <= 2
            realserver.start()
            assert await cron.runs(3) == 0
            assert told(mailbox) == [name, "resolved"]
            assert len(mailbox.mails) <= 3
            first, last = mailbox.mails[0], mailbox.mails[-1]
            assert first["Message-ID"] in last["References"]
        realserver.stop()

    asyncio.run(asyncio.wait_for(scenario(), 120))
    calls = book.read_text().splitlines()
    assert list(dict.fromkeys(calls)) == ["rs1 failure rs1", "rs1 up rs1"]
    assert len(calls) <= 3


def test_a_daemon_that_takes_over_goes_on_with_the_incidents_of_cron(tmp_path):
    """What a run of cron told to begin, the daemon tells to be over, and nothing twice."""
    realserver, told = Realserver(), tmp_path / "told"
    route = f'[channel.book]\nkind = "file"\npath = "{told}"\n[[alert]]\nname = "all"\nto = ["book"]\n'
    path = configuration(tmp_path, main=route + 'group_wait = "0s"\n', virtual=web(realserver))
    realserver.stop()
    for _ in range(2):
        lvsmon("check", "--apply", "--alert", "--config", str(path))
    with DaemonProcess(path) as daemon:
        daemon.wait_for("started")
        refused = lvsmon("check", "--alert", "--config", str(path))
        assert (refused.returncode, "it writes the table and alerts by itself" in refused.stderr) == (3, True)
        realserver.start()
        daemon.wait_for("alert_delivered")
        assert daemon.end() == 0
    realserver.stop()
    opened, over = [json.loads(line) for line in told.read_text().splitlines()]
    assert [opened["stage"], over["stage"]] == ["opened", "resolved"]
    assert opened["incident"] == over["incident"]
