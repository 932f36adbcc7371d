"""Realservers that serve something else than the others: found by the daemon, in a look, and put back."""

import http.server
import json
import threading
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from daemon_process import DaemonProcess, configuration, web
from lvsmon.cli import main

pytestmark = pytest.mark.slow

PROBE = 'kind = "content"\nof = {{ kind = "http", path = "/release.txt" }}\n{}'
PATIENT = 'interval = "9s"\ntimeout = "9s"\n'
"""For looks, which run once: nothing is shown by how slow this machine is."""


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.server.page else 503)
        self.send_header("Content-Length", str(len(self.server.page)))
        self.end_headers()
        self.wfile.write(self.server.page)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def realservers():
    """Three web servers; what they serve is their ``page``."""
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) for _ in range(3)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.page = b"release 7\n"
        thread.start()
    yield servers
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def configured(tmp_path, servers, more="", count=3):
    shown = [SimpleNamespace(address="127.0.0.1", port=server.server_address[1]) for server in servers[:count]]
    return configuration(tmp_path, virtual=web(*shown, probe=PROBE.format(more)))


def test_the_odd_one_out_leaves_the_table_and_comes_back(tmp_path, realservers):
    odd = realservers[1]
    to = f"-r 127.0.0.1:{odd.server_address[1]} -m -w "
    with DaemonProcess(configured(tmp_path, realservers)) as daemon:
        for _ in realservers:
            daemon.wait_for("transition", probe="content:", after="UP")
        odd.page = b"release 6\n"
        said = daemon.wait_for("transition", probe="content:", after="DOWN")
        assert (said["reason"], str(odd.server_address[1]) in said["probe"]) == ("differs", True)
        assert said["detail"].endswith(" on rs1, rs3, 2 of 3")
        daemon.wait_for("ipvs_write", command=to + "0")
        odd.page = b"release 7\n"
        daemon.wait_for("transition", probe="content:", after="UP")
        daemon.wait_for("ipvs_write", command=to + "1")
        assert 0 == daemon.end()
        assert not [each for each in daemon.events if each["event"] == "transition"]


def test_what_is_asked_for_now_is_compared_too(tmp_path, realservers):
    """By the realserver's own run, told as what was made of it."""
    path = configured(tmp_path, realservers)
    with DaemonProcess(path) as daemon:
        for _ in realservers:
            daemon.wait_for("transition", probe="content:", after="UP")
        said = CliRunner().invoke(main, ["probe", "--config", str(path), "--dest", "rs2", "--output", "json"])
        assert 0 == said.exit_code, said.output
        (ran,) = json.loads(said.output)["runs"]
        assert ("content", "PASS", "digest the same on 3 of 3") == (ran["kind"], ran["verdict"], ran["detail"])
        assert any("release.txt" in step.get("data", "") for step in ran["transcript"])
        assert 0 == daemon.end()


def test_the_last_one_left_gets_into_the_table_of_a_daemon_that_starts(tmp_path, realservers):
    """It has nobody to be compared with, and answers as it should."""
    for server in realservers[1:]:
        server.page = b""
    with DaemonProcess(configured(tmp_path, realservers)) as daemon:
        daemon.wait_for("ipvs_write", command=f"-r 127.0.0.1:{realservers[0].server_address[1]} -m -w 1")
        assert 0 == daemon.end()


def test_of_two_that_differ_neither_is_taken_out(tmp_path, realservers):
    realservers[0].page = b"release 8\n"
    with DaemonProcess(configured(tmp_path, realservers, count=2)) as daemon:
        written = {daemon.wait_for("ipvs_write", command="-m -w 1")["command"] for _ in range(2)}
        assert 2 == len(written)
        assert 0 == daemon.end()


def lvsmon(*words):
    """Do what the command does, in this process."""
    return CliRunner().invoke(main, words)


def said(found):
    """Return what was printed, however it was folded."""
    return " ".join(found.stdout.split())


def test_a_look_compares_what_one_round_has_found(tmp_path, realservers):
    path = configured(tmp_path, realservers, PATIENT)
    assert 0 == lvsmon("check", "--config", str(path)).exit_code
    realservers[2].page = b"release 6\n"
    found = lvsmon("check", "--config", str(path))
    assert (found.exit_code, found.stdout.count("DOWN"), "on rs1, rs2, 2 of 3" in said(found)) == (1, 1, True)
    one = lvsmon("check", "--config", str(path), "rs3")
    assert (one.exit_code, "on rs1, rs2, 2 of 3" in said(one)) == (1, True)
    realservers[1].page = b""
    assert "no majority" in said(lvsmon("check", "--config", str(path), "rs3"))


def test_a_look_warns_within_the_grace(tmp_path, realservers):
    path = configured(tmp_path, realservers, PATIENT + "grace = '10m'")
    realservers[2].page = b"release 6\n"
    found = lvsmon("check", "--config", str(path))
    assert (found.exit_code, "for 0s of the 10m allowed" in said(found)) == (0, True)


def test_by_hand_one_realserver_is_looked_at(tmp_path, realservers):
    path = configured(tmp_path, realservers, PATIENT)
    found = lvsmon("probe", "--config", str(path), "web/rs1")
    assert (found.exit_code, "digest edbed9a1f4809443: 200 OK" in said(found)) == (0, True)
    place = f"127.0.0.1:{realservers[0].server_address[1]}"
    by_hand = lvsmon("probe", "content", place, "of.kind=http", "of.path=/release.txt")
    assert (by_hand.exit_code, "/release.txt" in said(by_hand)) == (0, True)


def test_what_is_set_is_shown_and_loads_again(tmp_path, realservers):
    path = configured(tmp_path, realservers, PATIENT)
    shown = lvsmon("config", "show", str(path))
    assert 'path = "/release.txt"' in shown.stdout
    again = tmp_path / "again" / "lvsmon.toml"
    again.parent.mkdir()
    again.write_text(shown.stdout)
    assert shown.stdout == lvsmon("config", "show", str(again)).stdout
