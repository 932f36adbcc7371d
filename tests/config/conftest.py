from pathlib import Path

import pytest

from config import plugin_kinds

TESTDATA = Path(__file__).parent / "testdata"


@pytest.fixture(autouse=True)
def _plugins(monkeypatch):
    """Offer the kinds of `plugin_kinds` as if they were installed."""
    monkeypatch.setattr("lvsmon.config.kinds.entry_points", plugin_kinds.entry_points)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write files, by name, into an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def write(**files):
        for name, text in files.items():
            path = Path(name.replace("__", "/") + ".toml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")

    return write
