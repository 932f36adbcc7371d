"""One table of reasons: every reason is in it, and the page is the table."""

import re
from pathlib import Path

from lvsmon.model import Reason
from lvsmon.model.reasons import MEANINGS

PAGE = Path(__file__).parents[2] / "docs/reference/reasons.md"


def as_page():
    """Return the part of the page below its introduction."""
    sections = []
    for reason, meaning in MEANINGS.items():
        causes = "".join(f"- {cause}\n" for cause in meaning.causes)
        sections.append(f"## `{reason}`\n\n{meaning.sentence}\n" + (f"\n{causes}" if causes else ""))
    return "\n".join(sections)


def test_every_reason_has_a_meaning_and_every_trouble_a_cause():
    assert list(Reason) == list(MEANINGS)
    assert all(meaning.causes for reason, meaning in MEANINGS.items() if reason is not Reason.OK)
    assert all(meaning.sentence.endswith(".") for meaning in MEANINGS.values())


def test_what_is_ours_says_nothing_about_the_realserver():
    ours = list(Reason)[list(Reason).index(Reason.LOCAL_RESOURCES) :]
    assert all(MEANINGS[reason].sentence.endswith("this says nothing about the realserver.") for reason in ours)


def test_the_page_is_the_table():
    """After a change of the table: print(as_page()) is what belongs there."""
    text = PAGE.read_text()
    assert text[text.index("## `") :] == as_page()
    assert not re.search(r"^## [^`]", text, re.MULTILINE)
