"""exec with the programs of Debian's packages mon and monitoring-plugins, unchanged, on servers as they are in life."""

import contextlib
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from daemons.conftest import HOSTS, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.probes.exec import ExecProbe

MON = Path("/usr/lib/mon/mon.d")
PLUGINS = Path("/usr/lib/nagios/plugins")
USER = "nobody" if os.geteuid() == 0 else None

SMTP = [b"220 mail.example.org ESMTP\r\n", None, b"250 mail.example.org\r\n", None, b"221 bye\r\n"]
FTP = [b"220-hello\r\n220 ready\r\n", None, b"221 bye\r\n"]
TELNET = [b"\xff\xfd\x18Debian\r\nlogin: ", None, None]


def need(path):
    if not path.exists():
        pytest.skip(f"{path} is not installed: run `make daemons` as root on a Debian machine")


def probe(port, *command, host="127.0.0.1", style="mon", timeout=20.0, **settings):
    need((MON if style == "mon" else PLUGINS) / command[0])
    return probe_once(ExecProbe(command=command, style=style, user=USER, **settings), port, host, timeout)


@contextlib.contextmanager
def says(words, host="127.0.0.1"):
    """A server that says its words to each client; None waits for something."""

    def talk(peer):
        with peer, contextlib.suppress(OSError):
            for word in words:
                if word is None:
                    peer.recv(4096)
                else:
                    peer.sendall(word)

    def serve():
        while True:
            peer, _ = listener.accept()
            if over.is_set():
                peer.close()
                return
            talk(peer)

    over = threading.Event()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        port = listener.getsockname()[1]
        serving = threading.Thread(target=serve)
        serving.start()
        yield port
        over.set()
        socket.create_connection((host, port)).close()
        serving.join()


@pytest.fixture
def closed():
    """A port on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(params=HOSTS)
def web(request):
    """A real web server in a process of its own: (host, port, process)."""
    family = "AF_INET6" if ":" in request.param else "AF_INET"
    code = (
        "import http.server, socket, sys\n"
        f"class S(http.server.ThreadingHTTPServer): address_family = socket.{family}\n"
        "s = S((sys.argv[1], 0), http.server.SimpleHTTPRequestHandler)\n"
        "print(s.server_address[1], flush=True)\n"
        "s.serve_forever()"
    )
    argv = [sys.executable, "-c", code, request.param]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/usr/share") as server:
        yield request.param, int(server.stdout.readline()), server
        server.kill()


MONITORS = {
    "tcp.monitor": (SMTP, ("-p", "{port}", "-t", "2")),
    "smtp3.monitor": (SMTP[:3] + SMTP[1:3] * 2 + SMTP[3:], ("-p", "{port}", "-t", "2")),
    "ftp.monitor": (FTP, ("-p", "{port}", "-t", "2")),
    "telnet.monitor": (TELNET, ("-p", "{port}", "-t", "2")),
}


@pytest.mark.parametrize("monitor", sorted(MONITORS))
def test_monitors_pass_and_fail_as_under_mon(monitor, closed):
    """A healthy server passes; a closed port fails, and the summary is the host, as mon's people know it."""
    words, arguments = MONITORS[monitor]
    with says(words) as port:
        outcome = probe(port, monitor, *arguments)
    assert Verdict.PASS is outcome.verdict, outcome.detail
    outcome = probe(closed, monitor, *arguments)
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome.detail
    assert "127.0.0.1" in outcome.facts["summary"]


@pytest.mark.parametrize("monitor", ["smtp3.monitor", "ftp.monitor", "telnet.monitor"])
def test_monitors_fail_on_the_wrong_words(monitor):
    with says([b"554 go away\r\n"]) as port:
        outcome = probe(port, monitor, *MONITORS[monitor][1])
    assert Verdict.FAIL is outcome.verdict, outcome.detail


def test_the_http_monitor(closed):
    handler = http.server.SimpleHTTPRequestHandler
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        port = server.server_address[1]
        outcomes = [
            probe(port, "http.monitor", "-p", "{port}", "-t", "5"),
            probe(port, "http.monitor", "-p", "{port}", "-t", "5", "-u", "/no-such-page"),
            probe(closed, "http.monitor", "-p", "{port}", "-t", "5"),
        ]
        server.shutdown()
        serving.join()
    assert [Verdict.PASS, Verdict.FAIL, Verdict.FAIL] == [outcome.verdict for outcome in outcomes], outcomes


def test_a_monitor_that_lacks_a_perl_module_is_the_directors_trouble(tmp_path):
    """imapnew.monitor and others want modules that Debian's package only suggests; mon calls that a failure."""
    need(MON / "telnet.monitor")
    lame = tmp_path / "lame.monitor"
    lame.write_text("#!/usr/bin/perl\nuse No::Such::Module;\n")
    lame.chmod(0o755)
    outcome = probe_once(ExecProbe(command=(str(lame),), style="mon", allow_writable=True), 80)
    assert (Verdict.UNKNOWN, Reason.MISSING_PROGRAM) == (outcome.verdict, outcome.reason), outcome.detail


def test_the_fping_monitor():
    if shutil.which("fping") is None:
        pytest.skip("fping is not installed: run `make daemons` as root on a Debian machine")
    assert Verdict.PASS is probe(0, "fping.monitor", "-r", "1", "-t", "500").verdict
    assert Verdict.FAIL is probe(0, "fping.monitor", "-r", "1", "-t", "200", host="240.0.0.1").verdict


def test_check_http(web):
    host, port, server = web
    arguments = ("-I", "{address}", "-p", "{port}", "-t", "{timeout}")
    outcome = probe(port, "check_http", *arguments, host=host, style="nagios")
    assert Verdict.PASS is outcome.verdict, outcome.detail
    assert outcome.detail.startswith("HTTP OK")
    assert 0 < outcome.facts["time_s"] < 20
    assert outcome.facts["size_B"] > 0
    outcome = probe(port, "check_http", *arguments, "-u", "/no-such-page", host=host, style="nagios")
    assert (Verdict.WARN, Reason.DEGRADED) == (outcome.verdict, outcome.reason), outcome.detail
    outcome = probe(port, "check_http", *arguments, "-s", "no such text", host=host, style="nagios")
    assert (Verdict.FAIL, Reason.REJECTED) == (outcome.verdict, outcome.reason), outcome.detail
    os.kill(server.pid, signal.SIGSTOP)
    outcome = probe(port, "check_http", "-I", "{address}", "-p", "{port}", "-t", "1", host=host, style="nagios")
    assert Verdict.FAIL is outcome.verdict, outcome.detail
    outcome = probe(
        port, "check_http", "-I", "{address}", "-p", "{port}", "-t", "9", host=host, style="nagios", timeout=0.5
    )
    assert (Verdict.FAIL, Reason.DEADLINE) == (outcome.verdict, outcome.reason), outcome.detail


@pytest.mark.parametrize("host", HOSTS)
def test_check_tcp_and_check_smtp(host, closed):
    arguments = ("-H", "{address}", "-p", "{port}", "-t", "5")
    for plugin in ("check_tcp", "check_smtp"):
        with says(SMTP, host) as port:
            outcome = probe(port, plugin, *arguments, host=host, style="nagios")
        assert Verdict.PASS is outcome.verdict, outcome.detail
        outcome = probe(closed, plugin, *arguments, host=host, style="nagios")
        assert Verdict.FAIL is outcome.verdict, outcome.detail


def test_a_plugin_asked_wrongly_is_the_directors_trouble():
    """It prints its usage and exits 3."""
    outcome = probe(80, "check_tcp", "--no-such-option", style="nagios")
    assert (Verdict.UNKNOWN, Reason.LOCAL_FAULT) == (outcome.verdict, outcome.reason), outcome.detail


@pytest.mark.parametrize(
    ("code", "verdict"), [("0", Verdict.PASS), ("1", Verdict.WARN), ("2", Verdict.FAIL), ("3", Verdict.UNKNOWN)]
)
def test_check_dummy(code, verdict):
    outcome = probe(80, "check_dummy", code, "words", style="nagios")
    assert verdict is outcome.verdict
    assert "words" in outcome.detail


def test_the_negate_wrapper_runs_another_plugin():
    outcome = probe(80, "negate", str(PLUGINS / "check_dummy"), "2", style="nagios")
    assert Verdict.PASS is outcome.verdict, outcome.detail
