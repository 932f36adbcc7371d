"""The documentation tells the truth about the tree."""

import re
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PAGES = [TREE / "README.md", *sorted((TREE / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TREE)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)", re.sub(r"`[^`\n]*`", "", page.read_text())):
        if not link.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_unit_file_is_the_one_that_the_page_shows():
    page = (TREE / "docs" / "how-to" / "run-the-daemon.md").read_text()
    assert f"```ini\n{(TREE / 'docs' / 'how-to' / 'lvsmon.service').read_text()}```" in page


def test_every_make_target_that_the_readme_names_exists():
    makefile = (TREE / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", (TREE / "README.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
