"""rtsp against GStreamer's RTSP server, healthy and as it fails in life."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from certificates import Authority
from daemons.conftest import HOSTS, UNPACKED, eventually, free_port, probe_once
from lvsmon.model import Reason, Verdict
from lvsmon.model.patterns import Regex
from lvsmon.model.settings import Secret
from lvsmon.probes.rtsp import RtspProbe

SERVER = Path(__file__).with_name("rtsp_server.py")
PLUGINS = ("coreelements", "audiotestsrc", "mulaw", "rtp", "rtpmanager", "app", "udp")
MEDIA = {
    "/live": "( audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0 )",
    "/broken": "( filesrc location=/nonexistent ! rtppcmupay name=pay0 )",
}


def _environment(directory):
    """Return where the unpacked libraries and plugins are; the plugins are few, so that starting takes no time."""
    if not any(UNPACKED.glob("libgstrtspserver-1.0-0/usr/lib/*/libgstrtspserver-1.0.so.0")):
        pytest.skip("libgstrtspserver is not there: run `make daemons` as root on a Debian machine")
    plugins = directory / "plugins"
    plugins.mkdir(parents=True)
    for name in PLUGINS:
        (found,) = UNPACKED.glob(f"*/usr/lib/*/gstreamer-1.0/libgst{name}.so")
        (plugins / found.name).symlink_to(found)
    libraries = sorted({str(path.parent) for path in UNPACKED.glob("*/usr/lib/*/lib*.so.*")})
    modules = sorted(str(path) for path in UNPACKED.glob("glib-networking/usr/lib/*/gio/modules"))
    return {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(libraries),
        "GST_PLUGIN_SYSTEM_PATH_1_0": str(plugins),
        "GST_REGISTRY_1_0": str(directory / "registry"),
        "GST_REGISTRY_FORK": "no",
        "GIO_EXTRA_MODULES": ":".join(modules),
    }


def gstreamer(start, directory, **settings):
    """Start a server; return it and its port."""
    port = free_port()
    env = _environment(directory)
    told = json.dumps({"port": port, "media": MEDIA, **settings})
    # The braces of JSON would be filled in.
    words = [word.replace("{", "{{").replace("}", "}}") for word in (str(SERVER), told)]
    daemon = start(sys.executable, *words, directory=directory, env=env, called="gst-rtsp-server")
    eventually(daemon.log, lambda log: "ready" in log)
    return daemon, port


def told(outcome):
    return outcome.verdict, outcome.reason


@pytest.fixture(scope="module")
def server(start, tmp_path_factory):
    return gstreamer(start, tmp_path_factory.mktemp("rtsp"))


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_and_its_stream(server, host):
    outcome = probe_once(RtspProbe(), server[1], host)
    assert (Verdict.PASS, "OPTIONS: 200 OK", True) == (
        outcome.verdict, outcome.detail, "DESCRIBE" in outcome.facts["public"]
    )  # fmt: skip
    outcome = probe_once(RtspProbe(path="/live", media=("audio",), expect=Regex(b"PCMU/8000")), server[1], host)
    assert (Verdict.PASS, "audio", "DESCRIBE: 200 OK: audio") == (
        outcome.verdict, outcome.facts["media"], outcome.detail
    )  # fmt: skip
    assert f"{server[1]}/live" in outcome.facts["content_base"]
    assert Verdict.PASS is probe_once(RtspProbe(path="/live", version="2.0"), server[1], host).verdict


def test_streams_that_are_not_as_they_should_be(server):
    for settings, reason, words in (
        ({"path": "/nothing"}, Reason.REJECTED, "DESCRIBE: 404 Not Found, wanted 200"),
        ({"path": "/broken"}, Reason.REJECTED, "503 Service Unavailable"),
        ({"path": "/live", "media": ("video",)}, Reason.EXPECTATION, "it offers audio, and no video"),
        ({"path": "/live", "expect": Regex(b"H264")}, Reason.EXPECTATION, "expect does not match"),
    ):
        outcome = probe_once(RtspProbe(**settings), server[1])
        assert (Verdict.FAIL, reason, True) == (*told(outcome), words in outcome.detail), outcome


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_logins(start, tmp_path, scheme):
    _, port = gstreamer(start, tmp_path / scheme, user="probe", password="wink", scheme=scheme)
    right = {"path": "/live", "username": "probe", "password": Secret("wink")}
    for host in HOSTS:
        assert Verdict.PASS is probe_once(RtspProbe(**right), port, host).verdict
        assert Verdict.PASS is probe_once(RtspProbe(**right, scheme=scheme), port, host).verdict
        outcome = probe_once(RtspProbe(path="/live"), port, host)
        assert ((Verdict.FAIL, Reason.AUTHENTICATION), True) == (told(outcome), "401" in outcome.detail)
        outcome = probe_once(RtspProbe(**{**right, "password": Secret("wrong")}), port, host)
        assert ((Verdict.FAIL, Reason.AUTHENTICATION), True) == (told(outcome), "not take the login" in outcome.detail)
    other = {"basic": "digest", "digest": "basic"}[scheme]
    outcome = probe_once(RtspProbe(**right, scheme=other), port)
    assert ((Verdict.FAIL, Reason.AUTHENTICATION), True) == (told(outcome), f"and {other} is what" in outcome.detail)


def test_a_server_that_hangs_or_is_gone(start, tmp_path):
    daemon, port = gstreamer(start, tmp_path / "server")
    daemon.stop()
    outcome = probe_once(RtspProbe(path="/live"), port, timeout=0.4)
    assert (Reason.DEADLINE, True) == (outcome.reason, "waiting for the answer to OPTIONS" in outcome.detail)
    daemon.signal_all(signal.SIGCONT)
    assert Verdict.PASS is eventually(lambda: probe_once(RtspProbe(path="/live"), port)).verdict
    daemon.end()
    for host in HOSTS:
        assert (Verdict.FAIL, Reason.REFUSED) == told(probe_once(RtspProbe(path="/live"), port, host))


def test_within_tls(start, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.server().write(tmp_path, "server")
    _, port = gstreamer(start, tmp_path / "server", certificate=certificate, key=key)
    settings = {"path": "/live", "tls": "implicit", "tls_ca_file": authority.ca_file}
    for host in HOSTS:
        outcome = probe_once(RtspProbe(**settings, tls_name="shop.example.org"), port, host)
        assert (Verdict.PASS, True) == (outcome.verdict, "tls_version" in outcome.facts), outcome
        outcome = probe_once(RtspProbe(**settings, tls_name="other.example.org"), port, host)
        assert (Verdict.FAIL, Reason.CERTIFICATE) == told(outcome)
    assert Verdict.FAIL is probe_once(RtspProbe(path="/live"), port, timeout=0.5).verdict
