"""The README's configuration loads and its commands exist."""

import re
from pathlib import Path

from click.testing import CliRunner

from lvsmon.cli import main
from lvsmon.config import load

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_configuration_of_the_readme_loads(tmp_path):
    written = dict(re.findall(r"```toml\n# /etc/lvsmon/(\S+)\n(.*?)```", README, re.DOTALL))
    assert ["lvsmon.toml", "monitors.d/shop.toml"] == list(written)
    (tmp_path / "monitors.d").mkdir()
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    plan = load(tmp_path)
    assert ["shop"] == [virtual.name for virtual in plan.virtuals]
    assert 2 == len(plan.probes)


def test_the_commands_of_the_readme_exist():
    for command in set(re.findall(r"^# lvsmon ([a-z]+)", README, re.MULTILINE)):
        shown = CliRunner().invoke(main, [command, "--help"])
        assert 0 == shown.exit_code, shown.output
