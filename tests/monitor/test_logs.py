"""Log lines stay one line each, whatever a realserver put into them; the service manager hears what it should."""

import io
import json
import logging
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvsmon import logs
from lvsmon.notify import ServiceManager

LOG = logging.getLogger("lvsmon.test")


def lines(style, **fields):
    stream = io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        logs.set_up("debug", style, stream)
        logs.event(LOG, logging.WARNING, "transition", **fields)
    finally:
        logging.getLogger().handlers[:], level = before[0], before[1]
        logging.getLogger().setLevel(level)
    return stream.getvalue()


def test_fields_are_named_and_quoted_where_needed():
    line = lines("logfmt", probe="tcp:10.0.0.1:80", detail='said "no"', nothing=None)
    assert ' level=warning event=transition probe=tcp:10.0.0.1:80 detail="said \\"no\\""\n' in line
    assert line.startswith("time=20")
    assert "nothing" not in line


@given(st.text())
def test_no_reply_of_a_realserver_breaks_a_line_or_a_terminal(banner):
    for style in logs.FORMATS:
        line = lines(style, detail=banner)
        assert 1 == line.count("\n")
        assert line.endswith("\n")
        assert line.isascii()
        assert line[:-1].isprintable()


def test_a_time_keeps_its_seconds():
    assert " until=1795415864.99 " in lines("logfmt", until=1795415864.9903, probe="x")


def test_json_reads_back():
    assert "a\nb" == json.loads(lines("json", detail="a\nb"))["detail"]


def test_under_the_journal_the_level_is_a_priority_and_the_time_is_the_journals(tmp_path, monkeypatch):
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert logs.is_journal(stream)
        monkeypatch.setenv("JOURNAL_STREAM", "1:1")
        assert not logs.is_journal(stream)
    formatter = logs.EventFormatter(journal=True)
    record = LOG.makeRecord("x", logging.ERROR, "f", 1, "refused", (), None)
    assert "<3>level=error event=refused" == formatter.format(record)


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_service_manager_is_told(tmp_path, kind):
    address = str(tmp_path / "notify") if kind == "path" else f"\0lvsmon-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(5)
        ours = ServiceManager({"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "3000000"})
        ours.ready("2 of 3 destinations up")
        assert b"READY=1\nSTATUS=2 of 3 destinations up" == manager.recv(1000)
        ours.reloading()
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        ours.keep_watch()
        assert b"WATCHDOG=1" == manager.recv(1000)
        ours.stopping()
        assert b"STOPPING=1" == manager.recv(1000)
        assert 3.0 == ours.watchdog
        ours.close()


def test_without_a_service_manager_nothing_happens_and_a_vanished_one_harms_nothing(tmp_path):
    ServiceManager({}).ready("up")
    gone = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"})
    gone.ready("up")
    assert gone.watchdog is None
    gone.close()
