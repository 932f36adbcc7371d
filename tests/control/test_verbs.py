"""The table of verbs and its folder say the same."""

import re
from pathlib import Path

from lvsmon.control import verbs
from lvsmon.control.protocol import Code, ReplyReader, RequestReader
from lvsmon.control.verb import Verb

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "control.md").read_text()


def test_the_table_is_the_folder():
    found = {path.stem.replace("_", "-") for path in Path(verbs.__file__).parent.glob("*.py")} - {"--init--"}
    assert found == set(verbs.VERBS)
    assert sorted(verbs.VERBS) == list(verbs.VERBS)


def test_every_verb_can_be_found():
    assert all(isinstance(verbs.find(name), Verb) for name in verbs.VERBS)
    assert verbs.find("../../etc/passwd") is None


def test_every_verb_is_on_the_page_and_no_other():
    section = PAGE.partition("## Verbs")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    written = {row[1].strip().strip("`"): row[2].strip() for row in rows}
    assert written == {name: str(verbs.find(name).access) for name in verbs.VERBS}


def test_the_pages_examples_are_what_is_said():
    request, *replies = (line.encode() + b"\n" for line in re.findall(r"^```json\n(.*?)\n```$", PAGE, re.MULTILINE))
    for reader, line in ((RequestReader(), request), *((ReplyReader(), reply) for reply in replies)):
        reader.feed(line)
        assert reader.next_event() is not None
    assert len(replies) == 2


def test_every_code_is_on_the_page_and_no_other():
    rows = PAGE.partition("| code |")[2].partition("\n\n")[0].splitlines()
    assert {row.split("|")[1].strip().strip("`") for row in rows if row.startswith("| `")} == set(Code)
