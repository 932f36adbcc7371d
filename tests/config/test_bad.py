"""Every rejected setting has a tiny file, whose first lines hold the exact messages it must get."""

import ast
import shutil
import sys
from pathlib import Path

import pytest

import lvsmon.config
from config.conftest import TESTDATA
from lvsmon.config import load
from lvsmon.errors import ConfigError

BAD = TESTDATA / "bad"
NAMES = sorted(path.name for path in BAD.iterdir())
ROOM = Path(lvsmon.config.__file__).parent

ELSEWHERE = {
    "cannot be read",
    "is larger than",
    "is not UTF-8",
    "begins with a byte order mark",
    "write this section in",
    "open to others: chmod 600 it",
    "is empty",
    "both offer this kind",
    "of lvsmon's own name",
    "cannot be looked at",
    "nested too deeply",
    "this probe needs the name that clients use",
    "the name is taken by another channel",
}
"""Parts of messages that the corpus cannot show here: about the files themselves (`test_files`), about installed
plug-ins (`test_kinds`), about channels (`test_alerts`), about words of a command line (`test_words`), and the one that
is told when there is no stack left, not even for tracing."""

LEAKS = ("Input should", "validation error", "NoneType", "dict", "str,", "tuple", "Traceback", "hunter2")
"""Words of pydantic and Python, and the secret that the files hold: none of it is for people to read."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy with the modes that the messages speak of."""
    folder = tmp_path_factory.mktemp("corpus") / "bad"
    shutil.copytree(BAD, folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@pytest.fixture
def corpus(copied, monkeypatch):
    monkeypatch.chdir(copied)
    monkeypatch.setenv("LVSMON_TEST_SECRET", "hunter2")


def refusal(name):
    with pytest.raises(ConfigError) as caught:
        load(Path(name))
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("corpus")
def test_each_bad_file_gets_its_exact_message(name):
    lines = (BAD / name).read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]
    text = refusal(name)
    assert expected == text.splitlines()
    assert not [word for word in LEAKS if word in text]
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def complaint_sites():
    """Yield file name and lines of every place in the room that refuses something."""
    for path in sorted(ROOM.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            adds = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add"
            adds = adds and ast.unparse(node.func.value).endswith("complaints")
            raises = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
            raises = raises and ast.unparse(node.exc.func) in {"ValueError", "refused"}
            if adds or raises:
                yield path.name, node.lineno, node.end_lineno, ast.get_source_segment(text, node)


@pytest.mark.usefixtures("corpus")
def test_every_refusal_in_the_code_has_a_bad_file():
    seen = set()

    def watch_lines(frame, event, arg):
        seen.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
        return watch_lines

    def watch_calls(frame, event, arg):
        return watch_lines if frame.f_code.co_filename.startswith(str(ROOM)) else None

    before = sys.gettrace()
    try:
        for name in NAMES:
            sys.settrace(watch_calls)  # each time: running out of stack, as one file makes it, ends the tracing
            refusal(name)
    finally:
        sys.settrace(before)
    sites = list(complaint_sites())
    assert len(sites) > 60
    missed = [
        (name, start, text)
        for name, start, end, text in sites
        if not any((name, line) in seen for line in range(start, end + 1))
        and not any(part in text for part in ELSEWHERE)
    ]
    assert missed == []
