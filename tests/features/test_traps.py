"""The page of traps names tests that there are."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reference" / "traps.md").read_text(encoding="utf-8")
NAMES = sorted(
    set(re.findall(r"`([\w/]+(?:\.py)?(?:::\w+)?)`", "\n".join(re.findall(r"^\|.*\|$", PAGE, re.MULTILINE))))
)
NAMED = [name for name in NAMES if "/" in name or name == "fuzz"]


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there(name):
    file, _, function = name.partition("::")
    path = TESTS / file
    assert path.exists(), name
    if function:
        assert re.search(rf"^ *(async )?def {function}\(", path.read_text(encoding="utf-8"), re.MULTILINE), name


def test_every_trap_and_promise_has_its_row():
    section = PAGE.split("## Traps")[1].split("## ")[0]
    assert [str(number) for number in range(1, 43)] == re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    assert 6 == len(re.findall(r"^\| \d\. ", PAGE, re.MULTILINE))


def test_what_is_not_shown_yet_says_so():
    for row in re.findall(r"^\| \d.*\|$", PAGE, re.MULTILINE):
        assert "`" in row.rsplit("|", 2)[1] or "not yet: " in row, row
