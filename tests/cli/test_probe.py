"""`lvsmon probe` as a person runs it, against real servers on loopback."""

import base64
import dataclasses
import errno
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from certificates import Authority
from lvsmon import probes
from lvsmon.cli import main
from lvsmon.config.kinds import builtin
from net.tls_servers import TlsServer, server_context
from oneshot_support import refusing
from probe_support import answering, lvsmon

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.delenv("LVSMON_CONFIG", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)


def probe(*words):
    return CliRunner().invoke(main, ["probe", *words])


def without_times(text):
    return re.sub(r"^ +\d+\.\d{3}  ", "      0.000  ", re.sub(r"[\d.]+ ms", "1.0 ms", text), flags=re.MULTILINE)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_dialogue_is_shown_as_it_happened(host):
    """In a process of its own: what was sent, what came back, the verdict, the times."""
    with answering(OK, host=host) as port:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        found = lvsmon(
            "probe", "http", place, "path=/health", "expect=ready", "hostname=shop.example.org", "user_agent="
        )
    assert (found.returncode, found.stderr) == (0, "")
    assert without_times(found.stdout) == (
        f"http  {place}  for shop.example.org\n"
        "\n"
        f"      0.000  -- connecting to {host} port {port}\n"
        "      0.000  -- connected\n"
        "      0.000  >> GET /health HTTP/1.1\\r\\n\n"
        f"           >> Host: shop.example.org:{port}\\r\\n\n"
        "           >> Accept: */*\\r\\n\n"
        "           >> Accept-Encoding: identity\\r\\n\n"
        "           >> Connection: close\\r\\n\n"
        "           >> \\r\\n\n"
        "      0.000  << HTTP/1.1 200 OK\\r\\n\n"
        "           << Content-Length: 5\\r\\n\n"
        "           << \\r\\n\n"
        "           << ready\n"
        "\n"
        "PASS (ok): 200 OK, 5 bytes\n"
        "  The realserver serves, and everything that was asked for is as it should be.\n"
        "  status: 200\n"
        "  content_length: 5\n"
        "  digest: 0ff6377b3c2e8c2e\n".replace("0ff6377b3c2e8c2e", re.search(r"digest: (\w+)", found.stdout)[1])
        + "  connect 1.0 ms, first byte 1.0 ms, total 1.0 ms\n"
    )


def test_a_failure_says_what_usually_causes_it():
    with refusing("127.0.0.1") as port:
        found = probe("smtp", f"127.0.0.1:{port}")
    assert found.exit_code == 1
    assert "FAIL (refused): connection refused: nothing listens on the port\n" in found.stdout
    assert "  Usual causes:\n  - the daemon is not running" in found.stdout


def test_json_is_one_document_of_the_documented_schema():
    with answering(b"220 mail.example.org\r\n", b"554 no\r\n", first=True) as port:
        found = probe("smtp", f"127.0.0.1:{port}", "-o", "json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["exit_code"], document["version"]) == (1, 1, 1)
    assert (document["verdict"], document["reason"], document["weight"]) == ("FAIL", "rejected", None)
    assert document["detail"] == "the answer to EHLO is a refusal: 554 no"
    assert document["meaning"] == "The realserver speaks the protocol and says no."
    assert document["target"]["address"] == "127.0.0.1"
    assert 0 < document["phases"]["connect"] <= document["phases"]["total"]
    said = [(event["event"], event.get("data")) for event in document["transcript"]]
    assert said == [
        ("connecting", None),
        ("connected", None),
        ("received", "220 mail.example.org\\r\\n"),
        ("sent", "EHLO localhost.localdomain\\r\\n"),
        ("received", "554 no\\r\\n"),
    ]


def test_a_deadline_bounds_the_run_and_says_how_far_it_came():
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = probe("smtp", f"127.0.0.1:{server.getsockname()[1]}", "timeout=50ms")
    assert found.exit_code == 1
    assert "FAIL (deadline): no answer within 0.05 s: still waiting for its whole greeting" in found.stdout


def test_a_verdict_that_cannot_be_written_is_no_failure_of_the_realserver():
    """As with standard output on a full disk: exit status 1 would say "down"."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as port, Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "lvsmon", "probe", "http", f"127.0.0.1:{port}"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (3, "lvsmon: standard output cannot be written: No space left on device\n")


def test_an_interrupt_is_told_from_a_failure():
    """Ctrl-C in the midst of a run is 130, as for every program."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = ["probe", "smtp", f"127.0.0.1:{server.getsockname()[1]}", "timeout=50s"]
        with subprocess.Popen([sys.executable, "-m", "lvsmon", *words], stderr=subprocess.PIPE) as process:
            client, _ = server.accept()
            process.send_signal(signal.SIGINT)
            complaint = process.stderr.read()
            client.close()
    assert (process.returncode, complaint) == (130, b"")


def test_what_is_ours_is_unknown():
    """No route of our own: 3, and the text says that the realserver is not to blame."""
    found = probe("tcp", "[2001:db8::1]:80") if not _has_ipv6_route() else probe("tcp", "no-such-name.invalid:80")
    assert found.exit_code == 3
    assert "UNKNOWN (local_network): " in found.stdout
    assert "says nothing about the" in found.stdout


def _has_ipv6_route():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        return sock.connect_ex(("2001:db8::1", 9)) == 0


def test_a_host_name_is_looked_up_and_the_address_is_told(monkeypatch):
    """It is the name that clients use, unless hostname= says otherwise; the other addresses are named."""
    monkeypatch.setattr(
        socket, "getaddrinfo",
        lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 0)), (2, 1, 6, "", ("192.0.2.7", 0))],
    )  # fmt: skip
    with answering(OK) as port:
        found = probe("http", f"www.example.org:{port}")
        other = json.loads(probe("http", f"www.example.org:{port}", "hostname=shop.example.org", "-o", "json").stdout)
    first = f"http  127.0.0.1:{port}  (www.example.org is 127.0.0.1 here, also 192.0.2.7)\n"
    assert (found.exit_code, found.stdout.startswith(first)) == (0, True)
    assert f">> Host: www.example.org:{port}\\r\\n" in found.stdout
    assert (other["target"]["name"], other["target"]["hostname"]) == ("www.example.org", "shop.example.org")
    assert other["target"]["other_addresses"] == ["192.0.2.7"]


def test_a_name_that_cannot_be_looked_up_is_unknown(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    found = probe("tcp", "www.example.org:80", "-o", "json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["verdict"], document["reason"]) == (3, "UNKNOWN", "local_network")
    assert document["detail"] == "the name www.example.org cannot be looked up here: Name or service not known"


def test_the_family_of_a_name_can_be_chosen():
    """Of localhost, which has both where IPv6 is there."""
    with answering(OK) as port:
        found = probe("http", f"localhost:{port}", "-4")
    assert (found.exit_code, "(localhost is 127.0.0.1 here)" in found.stdout) == (0, True)


@pytest.mark.parametrize("form", ["password_env=LVSMON_TEST_WORD", "password=s3cret-word"])
def test_no_secret_is_shown_though_it_was_sent(form, monkeypatch):
    """Nor where the realserver repeats it; on the command line it is accepted with a warning."""
    monkeypatch.setenv("LVSMON_TEST_WORD", "s3cret-word")
    basic = base64.b64encode(b"probe:s3cret-word")
    answer = b"HTTP/1.1 403 no s3cret-word\r\nX: " + basic + b"\r\nContent-Length: 0\r\n\r\n"
    for output in ("text", "json"):
        with answering(answer) as port:
            found = probe("http", f"127.0.0.1:{port}", "username=probe", form, "path=/?s3cret-word", "-o", output)
        assert found.exit_code == 1
        assert "s3cret-word" not in found.output
        assert basic.decode() not in found.output
        assert "GET /?******** HTTP/1.1" in found.stdout
        assert "status 403 no ********" in found.stdout
        assert ("others can read password here (ps)" in found.stderr) == form.startswith("password=")


def test_within_tls_the_clear_text_is_shown(tmp_path):
    """The handshake is a step; what was said after it is shown as if there were none, without the password."""
    context = server_context(tmp_path, Authority(tmp_path).server())

    def talk(connection):
        connection.recv(65536)
        connection.sendall(OK)

    with TlsServer(context, talk) as server:
        settings = "tls_verify=false", "hostname=shop.example.org", "username=probe", "password=s3cret-word"
        found = probe("https", f"127.0.0.1:{server.port}", *settings)
    assert found.exit_code == 0, found.output
    told = [line[11:] for line in found.stdout.splitlines()]
    steps = ["-- TLS handshake", "-- TLS is up", ">> GET / HTTP/1.1\\r\\n"]
    assert steps == told[told.index(steps[0]) :][:3]
    assert ">> Authorization: ********\\r\\n" in told
    assert "<< ready" in told
    assert ", TLS " in found.stdout.splitlines()[-1]


def test_an_address_probed_by_hand_is_what_its_certificate_is_held_against(tmp_path):
    """As a browser does that is given an address."""
    authority = Authority(tmp_path)
    context = server_context(tmp_path, authority.server(addresses=("127.0.0.1",)))
    for host, code in (("127.0.0.1", 0), ("127.0.0.2", 1)):
        with TlsServer(context, address=host) as server:
            found = probe("tls", f"{host}:{server.port}", f"tls_ca_file={authority.ca_file}")
        assert (found.exit_code, "clients ask for 127.0.0.2" in found.stdout) == (code, bool(code)), found.output


def test_hostile_bytes_stay_harmless():
    """Nothing a realserver says reaches the terminal as it is."""
    with answering(b"220 \x1b[2J\x07\x9b31m" + "\u202e".encode() + b"\r\n", b"\0" * 999, first=True) as port:
        found = probe("smtp", f"127.0.0.1:{port}")
    assert found.exit_code == 1
    assert all(line.isprintable() for line in found.stdout.splitlines())


def test_a_flood_is_bounded():
    """The beginning and the end of the dialogue, within what was asked for."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000 + b"the end") as port:
        found = probe("http", f"127.0.0.1:{port}", "--bytes", "1KiB", "-o", "json")
    (omitted,) = [event for event in json.loads(found.stdout)["transcript"] if event["event"] == "omitted"]
    assert omitted["bytes"] > 290_000
    assert len(found.stdout) < 5000
    assert "the end" in found.stdout


def test_every_kind_is_listed_on_a_line_of_its_own():
    lines = probe("--list").stdout.splitlines()
    assert [name for name in probes.BUILTIN if not any(line.startswith(f"{name} ") for line in lines)] == []
    assert any(re.match(r"http\s+80  Request one path", line) for line in lines)


@pytest.mark.parametrize("kind", sorted(probes.BUILTIN))
def test_every_kind_tells_its_settings(kind):
    found = probe(kind, "--help")
    assert found.exit_code == 0
    assert f"Usage: lvsmon probe {kind} ADDRESS[:PORT]" in found.stdout
    for setting in dataclasses.fields(probes.load(kind)):
        assert re.search(rf"^  {setting.name}=\S", found.stdout, re.MULTILINE), setting.name
    assert "  timeout=DURATION" in found.stdout
    for key in ("kind", "interval", "fast_interval", "down_interval", "rise", "fall", "votes"):
        assert f"\n  {key}=" not in found.stdout, "of no use for one run"


ANY_PORT = {"agent", "exec", "file", "tcp", "udp"}
"""Kinds of no protocol: a person has to say where they are aimed."""


@pytest.mark.parametrize("kind", sorted(probes.BUILTIN))
def test_every_protocol_has_its_usual_port(kind):
    """A class variable or property ``default_port``, or ``uses_port = False``: an address is enough by hand."""
    enough = hasattr(probes.load(kind), "default_port") or not builtin(kind).uses_port
    assert enough == (kind not in ANY_PORT)


def test_what_looks_at_the_director_alone_needs_no_port(tmp_path):
    """A program or a file that does not ask for the port is told none, nor 0."""
    (tmp_path / "word").write_text("up")
    for words in (["exec", "127.0.0.1", "command=/usr/bin/env"], ["file", "::1", f"path={tmp_path}/word"]):
        found = probe(*words)
        assert (0, False) == (found.exit_code, "LVSMON_PORT" in found.stdout), found.output
    assert "LVSMON_PORT=80" in probe("exec", "127.0.0.1:80", "command=/usr/bin/env").stdout


def test_the_usual_port_is_told_where_it_depends_on_tls():
    assert {("ftp", "21"), ("radius", "1812"), ("imap", "143")} <= {
        tuple(line.split()[:2]) for line in probe("--list").stdout.splitlines()
    }
    assert "The port is 21 where none is given, 990 with tls=implicit." in " ".join(probe("ftp", "-h").stdout.split())


def test_a_director_without_a_descriptor_for_the_engine_says_unknown(monkeypatch):
    def starved():
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("select.epoll", starved)
    found = probe("tcp", "127.0.0.1:9", "-o", "json")
    told = json.loads(found.stdout)
    assert (3, "UNKNOWN", "local_resources") == (found.exit_code, told["verdict"], told["reason"])


def test_what_nobody_expected_is_not_taken_for_down(monkeypatch):
    """Python's own exit status 1 would be."""

    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("lvsmon.cli.terminal.show", broken)
    found = probe("--list")
    assert (3, True) == (found.exit_code, "RuntimeError: a bug" in found.stderr)


def test_help_without_a_kind_is_that_of_the_command():
    found = probe("-h")
    assert (found.exit_code, "Exit status: 0 PASS, 1 WARN or FAIL" in found.stdout) == (0, True)
    unknown = probe("htpp", "--help")
    assert (unknown.exit_code, 'did you mean "http"?' in unknown.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "complaints"),
    [
        ([], ["give a kind and an address"]),
        (["tcp"], ["give a kind and an address"]),
        (["--list", "tcp"], ["--list takes nothing else"]),
        (["htpp", "127.0.0.1"], ['unknown kind "htpp"; did you mean "http"?']),
        (["tcp", "127.0.0.1"], ["port: tcp has no usual port: write one behind the address, as 127.0.0.1:80"]),
        (["ping", "127.0.0.1:80"], ["port: ping has no use for a port: leave 80 out"]),
        (["tcp", "::1"], ["port: tcp has no usual port: write one behind the address, as [::1]:80"]),
        (["exec", "::1", "command=[x, '{port}']"], ["port: exec has no usual port: write one behind the address, as"]),
        (["file", "::1", "path=/run/{port}"], ["port: file has no usual port: write one behind the address, as"]),
        (["tcp", "127.0.0.1:80", "port=81"], ["port: is 80 behind the address and 81 here: write it once"]),
        (["http", "127.0.0.300", "pth=/", "max_body=1"], ["is no IP address", "pth: unknown key", "max_body: write"]),
        (["tcp", "127.0.0.1:1", "-o", "xml"], ["'xml' is not one of"]),
        (["tcp", "127.0.0.1:1", "--bytes", "10"], ["write a size with its unit"]),
        (["tcp", "127.0.0.1:1", "--bytes", "10B"], ["write a size from 1KiB to 16MiB"]),
        (["telnet", "127.0.0.1", "expect_hostname=true"], ["write for example hostname=shop.example.org"]),
        (["shop/rs1", "expect=x", "-c", "/nonexistent"], ["is probed as configured: leave expect=x out"]),
        (["shop/rs1", "-c", "/nonexistent"], ["/nonexistent: cannot be read"]),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_whole_and_nothing_is_probed(words, complaints):
    found = probe(*words)
    assert (found.exit_code, found.stdout) == (2, "")
    assert [complaint for complaint in complaints if complaint not in found.stderr] == []


CONFIG = """\
[director]
state_directory = "{state}"
backend = "memory"

[[realserver]]
name = "rs1"
address = "127.0.0.1"

[[realserver]]
name = "rs2"
address = "127.0.0.2"

[[virtual]]
name = "shop"
vip = "192.0.2.10"
port = 80
hostname = "shop.example.org"
realservers = [{{ name = "rs1", port = {port} }}]

[[virtual.probe]]
kind = "tcp"
timeout = "1s"

[[virtual.probe]]
kind = "http"
expect = "ready"
timeout = "1s"

[[virtual]]
name = "bare"
vip = "192.0.2.11"
port = 80
realservers = ["rs2"]
"""


def configured(tmp_path, port):
    path = tmp_path / "lvsmon.toml"
    path.write_text(CONFIG.format(state=tmp_path / "state", port=port))
    return str(path)


def test_what_is_configured_can_be_run_by_hand(tmp_path):
    """Every probe of a destination, with its own settings; nothing is written."""
    with answering(OK) as port:
        path = configured(tmp_path, port)
        found = probe("shop/rs1", "--config", path)
        document = json.loads(probe("shop/rs1", "--config", path, "-o", "json").stdout)
    assert found.exit_code == 0
    assert re.findall(r"^(\w+)  127.0.0.1:\d+", found.stdout, re.MULTILINE) == ["tcp", "http"]
    assert "Host: shop.example.org\\r\\n" in found.stdout
    assert (document["virtual"], document["realserver"], document["exit_code"]) == ("shop", "rs1", 0)
    assert [run["kind"] for run in document["runs"]] == ["tcp", "http"]
    assert not Path(tmp_path / "state").exists()


def test_the_worst_of_several_is_the_exit_status(tmp_path):
    with answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n") as port:
        found = probe("shop/rs1", "--config", configured(tmp_path, port))
    assert (found.exit_code, "PASS (ok)" in found.stdout, "FAIL (rejected)" in found.stdout) == (1, True, True)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("shop/rs3", "no virtual service and no realserver is named rs3: did you mean rs"),
        ("shpo/rs1", "no virtual service and no realserver is named shpo: did you mean shop?"),
        ("shop/rs2", "rs2 is no realserver of shop: there are: rs1"),
        ("rs1/shop", "shop is no realserver of rs1: there is no virtual service rs1"),
        ("bare/rs2", "bare has no probe"),
    ],
)
def test_a_destination_that_is_not_there_is_refused(tmp_path, name, complaint):
    found = probe(name, "--config", configured(tmp_path, 9))
    assert (found.exit_code, complaint in found.stderr) == (2, True)
