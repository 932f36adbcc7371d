"""The sample package of docs/how-to/write-a-probe: installed by pip, found, run by hand and from a configuration."""

import base64
import hashlib
import importlib.util
import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from lvsmon.model.patterns import Regex
from lvsmon.testing.misbehaving import MisbehavingServers
from lvsmon.testing.probe_conformance import Sample, memory_complaints, verdict_complaints
from probe_support import answering, lvsmon

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "docs/how-to/write-a-probe"

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


def build(folder):
    """Return a wheel of the sample as its pyproject.toml describes it.

    Made by hand: a build backend would have to be downloaded first.
    """
    written = tomllib.loads((SAMPLE / "pyproject.toml").read_text())
    project = written["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    info = f"{name}-{version}.dist-info"
    files = {
        **{
            module: (SAMPLE / module).read_text()
            for module in written["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]
        },
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "\n".join(groups),
    }
    lines = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def _digest(text):
    """Return it as RECORD has it (the binary distribution format of PyPA)."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the environment of a process that has the sample; nothing is fetched, our own tree is not touched."""
    folder = tmp_path_factory.mktemp("sample")
    order = ["pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target"]
    subprocess.run([sys.executable, "-m", *order, str(folder / "site"), str(build(folder))], check=True, timeout=60)
    return {"PYTHONPATH": str(folder / "site")}


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
    spec = importlib.util.spec_from_file_location("lvsmon_finger", SAMPLE / "lvsmon_finger.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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
