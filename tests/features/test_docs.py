"""The documentation tells the truth about the tree."""

import re
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PAGES = [TREE / "README.md", *sorted((TREE / "docs").rglob("*.md"))]


def links(page):
    """Return what a page of ours links to in the tree, with the heading that is meant, "" for the whole."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)", prose) if not re.match(r"\w+:", link))
    return [((page.parent / path).resolve() if path else page, heading) for path, _, heading in found]


def headings(page):
    """Return the headings as links name them: lower case, without punctuation, blanks as hyphens."""
    titles = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TREE)))
def test_links_lead_somewhere(page):
    for to, heading in links(page):
        assert to.exists(), f"{page.name} links to {to}"
        assert not heading or heading in headings(to), f"{page.name} links to {to.name}#{heading}"


def test_every_page_can_be_found():
    """Some page links to it, or to the folder that it is in."""
    linked = {to for page in PAGES for to, _ in links(page) if to != page}
    assert [page for page in PAGES[1:] if not linked & {page, page.parent}] == []


def test_the_unit_file_is_the_one_that_the_page_shows():
    page = (TREE / "docs" / "how-to" / "run-the-daemon.md").read_text()
    assert f"```ini\n{(TREE / 'docs' / 'how-to' / 'lvsmon.service').read_text()}```" in page


def test_every_make_target_that_the_readme_names_exists():
    makefile = (TREE / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", (TREE / "README.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
