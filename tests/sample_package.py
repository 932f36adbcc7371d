"""The sample packages of docs/how-to, built and installed for a test, and their modules as they stand."""

import base64
import hashlib
import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

HOW_TO = Path(__file__).parents[1] / "docs/how-to"


def _build(sample, folder):
    """Return a wheel of the sample as its pyproject.toml describes it.

    Made by hand: a build backend would have to be downloaded first.
    """
    written = tomllib.loads((sample / "pyproject.toml").read_text())
    project = written["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    info = f"{name}-{version}.dist-info"
    files = {
        **{
            module: (sample / module).read_text()
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


def install(name, folder):
    """Return the environment of a process that has the sample; nothing is fetched, our own tree is not touched."""
    order = ["pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target"]
    wheel = _build(HOW_TO / name, folder)
    subprocess.run([sys.executable, "-m", *order, str(folder / "site"), str(wheel)], check=True, timeout=60)
    return {"PYTHONPATH": str(folder / "site")}


def module_of(name):
    """Return the module of a sample that is not installed."""
    (path,) = (HOW_TO / name).glob("*.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
