"""fastcgi against php-fpm and fcgiwrap on loopback: healthy, and in the ways that applications fail."""

import contextlib
import signal
import socket

import pytest

from daemons.conftest import HOSTS, answers, eventually, free_port, probe_once
from lvsmon.model import Reason, Target, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.probes.fastcgi import FastcgiProbe
from lvsmon.probes.http import HttpProbe
from lvsmon.probes.statuses import Statuses
from lvsmon.wire.fastcgi import responder

POOL = """
[{name}]
user = root
group = root
listen = {listen}
pm = static
pm.max_children = {children}
pm.status_path = /status
ping.path = /ping
ping.response = pong
catch_workers_output = yes
php_admin_flag[display_errors] = off
{more}
"""
CONFIGURATION = "[global]\ndaemonize = no\nerror_log = /dev/stderr\n"
SCRIPTS = {
    "ready.php": '<?php header("X-Name: " . $_SERVER["SERVER_NAME"]); echo "ready for ", $_SERVER["HTTP_HOST"], "\\n";',
    "broken.php": "<?php throw new Exception('the database is gone');",
    "moved.php": '<?php header("Location: /elsewhere.php");',
    "wants.php": "<?php http_response_code(401);",
    "short.php": '<?php header("Content-Length: 100"); echo "ready"; exit;',
    "large.php": '<?php for ($n = 0; $n < 5000; $n++) echo str_repeat("x", 999), "\\n"; echo "ready\\n";',
    "hangs.php": "<?php sleep(600);",
    "noisy.php": '<?php file_put_contents("php://stderr", str_repeat("a warning\\n", 5000)); echo "ready";',
}
SHELL = "#!/bin/sh\nprintf 'Status: 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\nready for %s\\n' \"$HTTP_HOST\"\n"
CRASHES = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n'\nkill -SEGV $$\n"


def pools(port, children=2, more=""):
    return CONFIGURATION + "".join(
        POOL.format(name=f"pool{n}", listen=f"{host}:{port}", children=children, more=more)
        for n, host in enumerate(("127.0.0.1", "[::1]"))
    )


def fpm(start, children=2, more=""):
    """Start php-fpm; return it and its port once it answers on both addresses."""
    port = free_port()
    files = {"fpm.conf": pools(port, children, more), **SCRIPTS}
    daemon = start("php-fpm8.2", "-F", "-R", "-n", "-y", "{directory}/fpm.conf", files=files)
    daemon.port = port
    if not more:
        for host in HOSTS:
            eventually(lambda host=host: probe_once(FastcgiProbe(path="/ping"), port, host))
    return daemon


@pytest.fixture(scope="module")
def php(start):
    return fpm(start)


def script(daemon, name, at="127.0.0.1", **settings):
    probe = FastcgiProbe(path=f"/{name}?x=1", script=str(daemon.directory / name), **settings)
    return probe_once(probe, daemon.port, at)


def is_(outcome, verdict, reason, words=""):
    assert (verdict, reason) == (outcome.verdict, outcome.reason), outcome
    assert words in outcome.detail, outcome


@pytest.mark.parametrize("host", HOSTS)
def test_a_healthy_one_passes(php, host):
    limits = probe_once(FastcgiProbe(), php.port, host)
    is_(limits, Verdict.PASS, Reason.OK)
    assert limits.facts["mpxs_conns"] == "0"
    is_(probe_once(FastcgiProbe(path="/ping", expect=Regex(b"^pong$")), php.port, host), Verdict.PASS, Reason.OK)
    is_(
        probe_once(FastcgiProbe(path="/status?full", expect=Regex(rb"pool:\s+pool\d")), php.port, host),
        Verdict.PASS,
        Reason.OK,
    )
    found = script(php, "ready.php", host, host="www.example.org", expect=Regex(b"^ready for www.example.org$"))
    is_(found, Verdict.PASS, Reason.OK)
    is_(script(php, "ready.php", host, method="HEAD"), Verdict.PASS, Reason.OK)
    large = script(php, "large.php", host, expect=Regex(b"ready\n$"), max_body=6_000_000)
    assert (Verdict.PASS, 5_000_006) == (large.verdict, large.facts["content_length"]), large


def test_what_a_script_answers_decides(php):
    is_(script(php, "broken.php"), Verdict.FAIL, Reason.REJECTED, "status 500")
    is_(script(php, "missing.php"), Verdict.FAIL, Reason.REJECTED, "it says 'Primary script unknown'")
    is_(script(php, "missing.php", status=Statuses.read(404)), Verdict.PASS, Reason.OK)
    is_(script(php, "moved.php"), Verdict.FAIL, Reason.EXPECTATION, "it redirects to /elsewhere.php")
    is_(script(php, "wants.php"), Verdict.FAIL, Reason.AUTHENTICATION)
    is_(script(php, "short.php"), Verdict.FAIL, Reason.PROTOCOL, "5 of 100 bytes")
    is_(script(php, "ready.php", expect=Regex(b"steady")), Verdict.FAIL, Reason.EXPECTATION)
    is_(script(php, "noisy.php"), Verdict.PASS, Reason.OK)


def test_all_workers_busy_is_a_missed_deadline(start):
    """Which a ping shows, since a worker answers it."""
    daemon = fpm(start, children=1)
    hanging = FastcgiProbe(path="/hangs.php", script=str(daemon.directory / "hangs.php"))
    with contextlib.ExitStack() as held:
        for host in HOSTS:
            peer = held.enter_context(socket.create_connection((host, daemon.port)))
            peer.sendall(responder(hanging.parameters(Target(address=host, port=daemon.port)).items()))
        for host in HOSTS:
            busy = eventually(
                lambda host=host: probe_once(FastcgiProbe(path="/ping"), daemon.port, host, timeout=0.5),
                lambda outcome: outcome.verdict is Verdict.FAIL,
            )
            is_(busy, Verdict.FAIL, Reason.DEADLINE, "waiting for the first byte")


@pytest.mark.parametrize("host", HOSTS)
def test_one_that_lets_others_in_only_closes(start, host):
    daemon = fpm(start, more="listen.allowed_clients = 127.0.0.9")
    outcome = eventually(lambda: probe_once(FastcgiProbe(), daemon.port, host), answers)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.reason in {Reason.CLOSED, Reason.RESET}


def test_one_that_stands_still_and_one_that_is_gone(start):
    daemon = fpm(start)
    daemon.stop()
    for probe in (FastcgiProbe(), FastcgiProbe(path="/ping")):
        is_(probe_once(probe, daemon.port, timeout=0.3), Verdict.FAIL, Reason.DEADLINE)
    daemon.signal_all(signal.SIGCONT)
    eventually(lambda: probe_once(FastcgiProbe(path="/ping"), daemon.port))
    daemon.end()
    for host in HOSTS:  # its workers hold the port a moment longer than it does itself
        eventually(
            lambda host=host: probe_once(FastcgiProbe(), daemon.port, host),
            lambda outcome: (outcome.verdict, outcome.reason) == (Verdict.FAIL, Reason.REFUSED),
        )


def test_a_web_probe_is_not_fooled(php):
    assert Verdict.FAIL is probe_once(HttpProbe(), php.port, timeout=0.5).verdict


@pytest.mark.parametrize("host", HOSTS)
def test_fcgiwrap_runs_programs(start, host):
    """libfcgi's own application, which answers what php-fpm does."""
    port = free_port()
    place = f"tcp6:[::1]:{port}" if ":" in host else f"tcp:{host}:{port}"
    daemon = start("fcgiwrap", "-s", place, files={"ready.sh": SHELL, "crashes.sh": CRASHES, "plain.txt": "x"})
    daemon.port = port
    for name in ("ready.sh", "crashes.sh"):
        (daemon.directory / name).chmod(0o755)
    limits = eventually(lambda: probe_once(FastcgiProbe(), port, host))
    assert limits.facts["mpxs_conns"] == "0"
    ready = Regex(b"ready for www.example.org")
    is_(script(daemon, "ready.sh", host, host="www.example.org", expect=ready), Verdict.PASS, Reason.OK)
    is_(script(daemon, "plain.txt", host), Verdict.FAIL, Reason.REJECTED, "status 403")
    is_(script(daemon, "missing.sh", host), Verdict.FAIL, Reason.REJECTED, "status 403")
    assert Verdict.FAIL is script(daemon, "crashes.sh", host).verdict
