"""The sample package of docs/how-to/write-a-probe: installed by pip, found, run by hand and from a configuration."""

import json

import pytest

from lvsmon.model.patterns import Regex
from lvsmon.testing.misbehaving import MisbehavingServers
from lvsmon.testing.probe_conformance import Sample, memory_complaints, verdict_complaints
from probe_support import answering, lvsmon
from sample_package import install, module_of

pytestmark = pytest.mark.slow

CONFIG = """\
[director]
state_directory = "{state}"
backend = "memory"

[[realserver]]
name = "rs1"
address = "127.0.0.1"

[[virtual]]
name = "users"
vip = "192.0.2.10"
port = {port}
realservers = ["rs1"]

[[virtual.probe]]
kind = "finger"
expect = "{expect}"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install("write-a-probe", tmp_path_factory.mktemp("sample"))


def test_the_kind_is_listed_with_its_origin_and_its_settings(installed):
    listing = lvsmon("probe", "--list", env=installed).stdout
    (line,) = [line for line in listing.splitlines() if line.startswith("finger ")]
    assert line.split()[:4] == ["finger", "79", "Ask", "a"]
    assert "lvsmon-finger" in listing
    settings = lvsmon("probe", "finger", "--help", env=installed).stdout
    assert "  user=TEXT" in settings
    assert "Whom to ask for; everybody" in settings


def test_the_kind_runs_by_hand(installed):
    with answering(b"Login: root\r\n") as port:
        found = lvsmon(
            "probe", "finger", f"127.0.0.1:{port}", "user=root", "expect=^Login", "-o", "json", env=installed
        )
        failed = lvsmon("probe", "finger", f"127.0.0.1:{port}", "expect=Nobody", env=installed)
    document = json.loads(found.stdout)
    assert (found.returncode, document["verdict"], document["facts"]["answer"]) == (0, "PASS", "Login: root")
    assert "root\\r\\n" in [event.get("data") for event in document["transcript"]]
    assert (failed.returncode, "FAIL (expectation): expect does not match" in failed.stdout) == (1, True)


def test_settings_of_the_kind_are_judged_as_our_own(installed):
    found = lvsmon("probe", "finger", "127.0.0.1", "usr=root", "max_read=1", env=installed)
    assert (found.returncode, 'usr: unknown key; did you mean "user"?' in found.stderr) == (2, True)
    assert "max_read: write a size with its unit" in found.stderr


def test_the_kind_keeps_the_rules():
    """What is shown to authors survives every server that misbehaves."""
    module = module_of("write-a-probe")
    samples = [Sample("finger", module.FingerProbe(expect=Regex(b"Login")))]
    with MisbehavingServers() as servers:
        assert [] == verdict_complaints(samples, servers) + memory_complaints(samples, servers)
    for settings in ({"user": "a\nb"}, {"max_read": 0}, {"expect": Regex(b"")}):
        with pytest.raises(ValueError, match=r"can be sent|write a size|can never fail"):
            module.FingerProbe(**settings)


def test_the_kind_runs_from_a_configuration(installed, tmp_path):
    path = tmp_path / "lvsmon.toml"
    with answering(b"Login: root\r\n") as port:
        for expect, code in (("Login", 0), ("Nobody", 1)):
            path.write_text(CONFIG.format(state=tmp_path / "state", port=port, expect=expect))
            found = lvsmon("check", "--config", str(path), env=installed)
            assert (found.returncode, "finger " in found.stdout) == (code, True)
